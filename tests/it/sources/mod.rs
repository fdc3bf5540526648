//! In: charts and kustomizations in fleets, the real helm and kubectl. Out: what the program makes of them.
//! Guarantee: all is compared with what helm and kubectl print by themselves, or with what people read of a mistake.
mod charts;
mod demo;
mod fleet;
mod hooks;
mod kustomizations;
mod mistakes;
mod oci;
mod packs;
mod palette;
mod registry;
mod repositories;
mod sealed;
mod zarf;
