//! In: commits after commits. Out: what syncs make of them, and the statuses that they get.
//! Guarantee: each test tells one story from its start.
