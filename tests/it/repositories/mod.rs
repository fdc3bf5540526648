//! In: fleets whose clusters read profiles of other repositories. Out: what commands and the loop make of them.
//! Guarantee: real repositories, by `file://` and HTTP on the loopback.
mod fixture;
mod commands;
mod engine;
