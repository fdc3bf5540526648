//! In: what a target showed of an object. Out: the object, or how far its absence is known.
//! Guarantee: absent and not read are two things; only the first one ever opens a gate or allows a create.
use super::Value;
use crate::decide::value::Fault;
use std::sync::Arc;

/// What a target showed of an object.
#[derive(Clone, Debug)]
pub enum Live {
    /// It is there, and looks so.
    Present {
        /// The whole object.
        object: Value,
        /// Its UID and resourceVersion as the target tells them, opaque to us.
        version: Arc<str>,
    },
    /// It is the very version that was seen before, and was as wanted and well then.
    AsSeen,
    /// It is not there, or was not read.
    Absent(Absence),
}

/// How far the absence of an object is known.
#[derive(Clone, Debug)]
pub enum Absence {
    /// The target says that it is not there.
    Gone,
    /// It could not be read; this says nothing about the object.
    NotRead(Arc<Fault>),
}
