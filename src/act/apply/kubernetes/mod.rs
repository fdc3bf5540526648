//! In: plans, and the server on which they are carried out. Out: verdicts of dry-runs, and an answer for each write.
//! Guarantee: writes only what the plan says, over what was seen; nothing that is not ours is taken or deleted.
mod answer;
mod books;
mod probe;
mod prune;
mod recreate;
mod referrer;
mod target;
mod write;
mod plain;

pub use books::{write_inventory, write_record};
pub use plain::{apply_plain, id_of};
pub use probe::probe;
pub use target::Target;
pub use write::write;
