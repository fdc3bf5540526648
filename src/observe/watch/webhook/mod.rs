//! In: the headers and the raw body of a delivery. Out: that it is the forge's, and what it is about.
//! Guarantee: an event says when to look, never what is there; without a right signature nothing of it is read.
mod parse;
mod verify;

pub use parse::{Delivery, Event, parse};
pub use verify::{Refused, verify};
