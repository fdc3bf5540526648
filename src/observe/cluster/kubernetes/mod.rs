//! In: an API server. Out: its identity, the books that it keeps, and live objects.
//! Guarantee: changes nothing; what was not answered is not read, never absent.
mod facts;
mod live;
mod drift;

pub use drift::{Search, Sight, Wanted, mark_drift};
pub use facts::{books, uid};
pub use live::{Owned, Unserved, look, pods, survey};
