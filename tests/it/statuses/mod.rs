//! In: statuses, and real files and repositories. Out: what is read of them afterwards.
//! Guarantee: no test waits for a time, asks a network, or reads the user's configuration.
mod notes;
mod store;
