//! In: files at their places. Out: documents of each kind, with what indexing needs read out.
//! Guarantee: a document that exists has passed the check of its kind, and its name is that of its place.
mod overlay;
mod folder_names;
mod profile;
mod pack;
mod cluster;
mod fleet;
mod place_of_kind;

pub use cluster::{Cluster, Management};
pub use fleet::{Fleet, Lock, LockedChart, LockedPack, LockedPackage, LockedRegistryPack, PolicyPart, Tag};
pub use overlay::{Environment, LayerOverlay, Overlay, PinReference, ProfileReference};
pub use pack::{
    Component, Constraint, ConstraintKind, Nodes, OTHER_VERSION, Pack, PackLifecycle, Preset, Resource, version,
};
pub use place_of_kind::{Place, place};
pub use profile::{Profile, ProfileType, Variable, VariableType};

use super::LayerRole;
use super::codes;
use super::file::{File, Fragment};
use super::kind::DocumentKind;
use super::strict_fields::check;
use crate::decide::value::Diagnostic;
use crate::name::LayerName;
pub(super) use folder_names::check_name_of;

use folder_names::check_name;
use std::sync::Arc;

/// Checks a file against its kind; what passes may be read without further checks.
pub(super) fn checked(file: &Arc<File>, kind: DocumentKind) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let mut found = Vec::new();
    if let Some(wrong) = wrong_kind(file, kind) {
        return Err(vec![wrong]);
    }
    check(file, kind.fields(), &mut found);
    if found.iter().any(Diagnostic::is_error) { Err(found) } else { Ok(found) }
}

/// Another kind at this place is said alone: its fields would only be noise.
fn wrong_kind(file: &Arc<File>, kind: DocumentKind) -> Option<Diagnostic> {
    let stated = file.root().get("kind")?;
    let is_other = stated.text() != kind.name() && DocumentKind::ALL.iter().any(|other| other.name() == stated.text());
    is_other.then(|| {
        Diagnostic::error(codes::WRONG_KIND, format!("a document of kind {} stands here", stated.text()))
            .at(file.span(stated))
            .expected(format!("kind: {}, because of the file's place", kind.name()))
            .hint("move the file to the place of its kind")
    })
}

fn texts(part: Option<Fragment>) -> Vec<Arc<str>> {
    part.map(|part| part.items().map(|item| Arc::from(item.text())).collect()).unwrap_or_default()
}

fn is_true(part: Option<Fragment>) -> bool {
    part.is_some_and(|part| part.value().as_bool() == Some(true))
}

/// Returns the name of a layer's part; the check has let through only labels.
fn layer_name(part: &Fragment) -> Option<LayerName> {
    part.get("name").and_then(|name| LayerName::new(name.text()).ok())
}

/// Returns the role that a word names.
pub fn role_of(word: &str) -> Option<LayerRole> {
    Some(match word {
        "os" => LayerRole::Os,
        "kubernetes" => LayerRole::Kubernetes,
        "network" => LayerRole::Network,
        "storage" => LayerRole::Storage,
        "add-on" => LayerRole::AddOn,
        _ => return None,
    })
}
