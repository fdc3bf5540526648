//! In: a `pack.yaml`. Out: a Pack: its presets, constraints, and the files it renders.
//! Guarantee: name and version are those of its folders.
use super::{check_name, checked, role_of, texts};
use crate::decide::document::LayerRole;
use crate::decide::document::codes;
use crate::decide::document::file::{File, Fragment};
use crate::decide::document::kind::DocumentKind;
use crate::decide::document::palette::{Palette, read_pack};
use crate::decide::value::{Checked, Diagnostic};
use std::sync::Arc;

/// A Pack.
#[derive(Clone, Debug)]
pub struct Pack {
    /// Its file.
    pub file: Arc<File>,
    /// Its name.
    pub name: Arc<str>,
    /// Its version.
    pub version: Arc<str>,
    /// The role of layers that may use it; none for any.
    pub role: Option<LayerRole>,
    /// The clouds it is for; empty for all.
    pub clouds: Vec<Arc<str>>,
    /// What it says of other packs.
    pub constraints: Vec<Constraint>,
    /// What it needs of the nodes.
    pub resources: Vec<Resource>,
    /// Named changes of its values.
    pub presets: Vec<Preset>,
    /// The file with its values' schema.
    pub values_schema: Option<Fragment>,
    /// The globs of its manifests.
    pub manifests: Vec<Fragment>,
    /// Whether it may be used.
    pub lifecycle: PackLifecycle,
    /// What it has as a pack of Palette; none for one of ours.
    pub palette: Option<Arc<Palette>>,
}

/// What a pack says of another.
#[derive(Clone, Debug)]
pub struct Constraint {
    /// Where it stands.
    pub part: Fragment,
    /// The other pack.
    pub pack: Arc<str>,
    /// The role of its layer.
    pub role: Option<LayerRole>,
    /// The least version.
    pub min: Option<Arc<str>>,
    /// The highest version.
    pub max: Option<Arc<str>>,
    /// What is said.
    pub kind: ConstraintKind,
}

/// What a constraint says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstraintKind {
    /// The other has to be there, in these versions.
    Required,
    /// Where the other is there, in these versions.
    Optional,
    /// The other must not be there in these versions.
    NotSupported,
    /// An upgrade is possible only from these versions.
    Upgrade,
}

/// What a pack needs of the nodes.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Where it stands.
    pub part: Fragment,
    /// `cpu`, `memory` or `disk`.
    pub kind: Arc<str>,
    /// The least amount.
    pub minimum: i64,
    /// Whether each worker node has to have it, or all together.
    pub each_node: bool,
    /// How many of the amount's units are a core or a GiB.
    pub units: i64,
    /// What needs it, by what the values say; where there are any, they count and not the least amount.
    pub components: Vec<Component>,
}

/// Something of a pack that needs a resource as often as the values say.
#[derive(Clone, Debug)]
pub struct Component {
    /// Where it stands.
    pub part: Fragment,
    /// The nodes that it runs on.
    pub nodes: Nodes,
    /// The dotted path of the values to what one needs.
    pub request: Option<Arc<str>>,
    /// The dotted path of the values to how many there are; none for one.
    pub replicas: Option<Arc<str>>,
}

/// Which nodes of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nodes {
    /// Those of the control plane.
    ControlPlane,
    /// Those of the pools.
    Workers,
    /// All.
    All,
}

/// A named change of a pack's values.
#[derive(Clone, Debug)]
pub struct Preset {
    /// Its name.
    pub name: Arc<str>,
    /// Presets of one group exclude each other.
    pub group: Option<Arc<str>>,
    /// Dotted keys that it removes first.
    pub remove: Vec<Fragment>,
    /// Values that it merges then.
    pub add: Option<Fragment>,
}

/// Whether a pack may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackLifecycle {
    /// It may.
    Active,
    /// It may, with a warning.
    Deprecated(Option<Arc<str>>),
    /// It may not.
    Ended(Arc<str>, Option<Arc<str>>),
}

impl Pack {
    /// Reads a Pack, in our format or in Palette's.
    pub fn read(file: Arc<File>, name: &str, version: &str) -> Checked<Self> {
        if file.path.as_str().ends_with("/pack.json") {
            return read_pack(file, name, version);
        }
        let warnings = checked(&file, DocumentKind::Pack)?;
        let spec = file.root().get("spec").map_or_else(|| file.part(file.root()), |spec| file.part(spec));
        let mut errors: Vec<Diagnostic> = check_name(&file, name).into_iter().collect();
        if let Some(stated) = spec.get("version").filter(|stated| stated.text() != version) {
            errors.push(
                Diagnostic::error(codes::INVALID_VALUE, OTHER_VERSION)
                    .at(stated.span())
                    .expected(format!("`{version}`"))
                    .hint("rename the folder or change the version"),
            );
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let list = |part: Option<Fragment>| part.map(|part| part.items().collect::<Vec<_>>()).unwrap_or_default();
        let constraints = spec.get("constraints");
        let of = |key: &str| list(constraints.as_ref().and_then(|part| part.get(key)));
        let pack = Self {
            name: name.into(),
            version: version.into(),
            role: spec.get("role").and_then(|part| role_of(part.text())),
            clouds: texts(spec.get("clouds")),
            constraints: of("dependencies").into_iter().map(constraint).collect(),
            resources: of("resources").into_iter().map(resource).collect(),
            presets: list(spec.get("presets")).iter().map(preset).collect(),
            values_schema: spec.get("valuesSchema"),
            manifests: list(spec.get("manifests")),
            lifecycle: lifecycle(spec.get("lifecycle")),
            palette: None,
            file,
        };
        Ok((pack, warnings))
    }
}

fn text(part: &Fragment, key: &str) -> Option<Arc<str>> {
    part.get(key).map(|part| Arc::from(part.text()))
}

fn constraint(part: Fragment) -> Constraint {
    Constraint {
        pack: text(&part, "packName").unwrap_or_default(),
        role: part.get("layer").and_then(|part| role_of(part.text())),
        min: text(&part, "minVersion"),
        max: text(&part, "maxVersion"),
        kind: match part.get("type").as_ref().map(Fragment::text) {
            Some("optional") => ConstraintKind::Optional,
            Some("notSupported") => ConstraintKind::NotSupported,
            Some("upgrade") => ConstraintKind::Upgrade,
            _ => ConstraintKind::Required,
        },
        part,
    }
}

fn resource(part: Fragment) -> Resource {
    Resource {
        kind: text(&part, "type").unwrap_or_default(),
        minimum: part.get("minimum").and_then(|part| part.value().as_i64()).unwrap_or_default(),
        each_node: text(&part, "scope").as_deref() == Some("node"),
        units: 1,
        components: Vec::new(),
        part,
    }
}

fn preset(part: &Fragment) -> Preset {
    Preset {
        name: text(part, "name").unwrap_or_default(),
        group: text(part, "group"),
        remove: part.get("remove").map(|part| part.items().collect()).unwrap_or_default(),
        add: part.get("add"),
    }
}

/// What is said of a pack that states another version than its folder.
pub const OTHER_VERSION: &str = "the version is not that of its folder";

/// Reads a version as people write it: `1.27` is `1.27.0`.
pub fn version(text: &str) -> Option<semver::Version> {
    let numbers = text.find(['-', '+']).map_or(text, |at| text.get(..at).unwrap_or_default());
    let rest = text.get(numbers.len()..).unwrap_or_default();
    match numbers.matches('.').count() {
        0 => semver::Version::parse(&format!("{numbers}.0.0{rest}")).ok(),
        1 => semver::Version::parse(&format!("{numbers}.0{rest}")).ok(),
        _ => semver::Version::parse(text).ok(),
    }
}

fn lifecycle(part: Option<Fragment>) -> PackLifecycle {
    let Some(part) = part else { return PackLifecycle::Active };
    let state = text(&part, "state").unwrap_or_else(|| part.text().into());
    let message = text(&part, "message");
    match &*state {
        "active" => PackLifecycle::Active,
        "deprecated" => PackLifecycle::Deprecated(message),
        _ => PackLifecycle::Ended(state, message),
    }
}
