//! In: records and inventories. Out: the Secrets in which an API server keeps them, and back; what marks a layer as an `ApplySet`.
//! Guarantee: a Secret of another form, set or cluster is an error, never an empty book.
//!
//! Why: a layer is an `ApplySet` (KEP-3659), so that kubectl can list and, at worst, prune it without us. Its parent is
//! the Secret of its inventory; Secrets rather than a kind of our own, since those may be encrypted at rest, and since no
//! definition has to be there before the first one.
mod applyset;
mod books;
mod record_names;

pub use applyset::{SetId, part_of, with_marks};
pub use books::{Book, Books, Place, inventory_secret, read_books, record_secret};
