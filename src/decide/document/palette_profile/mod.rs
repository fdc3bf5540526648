//! In: a cluster profile as Palette exports it, or a Profile of ours. Out: the other one.
//! Guarantee: what both know goes through without loss, there and back; what one of them does not know is listed, never
//! dropped in silence; a sensitive value is asked for, never invented.
mod export;
mod import;
mod not_kept;
mod scalars;
mod variables;
mod words;
#[cfg(test)]
mod tests;

pub use export::{Exported, export};
pub use import::{Imported, Registries, import};
