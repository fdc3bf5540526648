//! In: a disk without room, folders without rights, state that is gone. Out: faults that are told, and the sync after.
//! Guarantee: nothing is half written, and nothing goes that is wanted.
