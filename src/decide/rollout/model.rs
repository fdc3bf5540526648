//! In: what the machine says. Out: steps for the shell, the shell's answers, and how it ended.
//! Guarantee: plain data; an answer that did not come is `Unknown`, never taken for a refusal.
use crate::decide::plan::{GroupId, LayerInventory, Version, Why};
use crate::decide::profile::Record;
use crate::decide::value::Timestamp;
use crate::name::{LayerName, ObjectId};
use std::sync::Arc;

/// What the shell is to do next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Write this record over the generation before it, by compare-and-swap.
    Record(Box<Record>),
    /// Write this inventory of a layer; one without entries is removed.
    Inventory(LayerInventory),
    /// Write what this group writes.
    Write(GroupId),
    /// Look at this group's objects.
    Look(GroupId),
    /// Wait.
    Wait {
        /// Until then, or until a newer commit is there.
        until: Timestamp,
    },
    /// Nothing: it is over.
    Done(Outcome),
}

/// What became of one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Written {
        /// The version it gave.
        version: Version,
        /// The object's UID; none for records, inventories and deletions.
        uid: Option<Arc<str>>,
    },
    /// It was not done.
    Refused(Why),
    /// Nobody knows; it is read again, never assumed failed.
    Unknown,
}

/// How a rollout ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All that is wanted was seen healthy, all else that was ours was seen gone.
    Synced {
        /// Unchanged layers that were ill before and still are: warnings.
        ill: Vec<LayerName>,
    },
    /// Nothing was written, because the plan is only to be shown.
    Planned,
    /// Nothing was written, because the plan is held.
    Held,
    /// The record was refused: another writer was there first.
    Fenced,
    /// These layers came to no good end; those that depend on them were not begun.
    Failed(Vec<Trouble>),
    /// A newer commit made it pointless.
    Superseded,
}

/// Why a layer came to no good end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The layer.
    pub layer: LayerName,
    /// The object, where it is one.
    pub object: Option<ObjectId>,
    /// What happened, in words.
    pub why: String,
    /// Whether trying again can help.
    pub spurious: bool,
}
