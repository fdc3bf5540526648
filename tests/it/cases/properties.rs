//! In: nothing yet.
