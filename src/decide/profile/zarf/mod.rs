//! In: a layer with a Zarf package: a folder with `zarf.yaml`, or an archive that was unpacked and verified outside.
//! Out: the charts and the manifests of the components that are chosen, their variables filled.
//! Guarantee: what a package would run on the deployer's machine is never run: it is an error unless the layer says
//! `allowSkipActions`, and then it is named.
mod chosen;
mod expanded;
mod files;
mod finish;
mod images;
mod sensitive;
mod source;
mod variables;

pub(super) use expanded::{Expanded, expanded};
pub use finish::Finish;
pub(super) use sensitive::seal_variables;
pub(super) use source::{Package, zarf_source};
