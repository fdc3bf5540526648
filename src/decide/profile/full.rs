//! In: what `resolve` settled. Out: the full profile of one cluster, each layer with its source, values and order.
//! Guarantee: everything later stages need of the documents stands here; equal documents give an equal digest.
use super::layer::keys::Names;
use super::object_selector::ObjectSelector;
use super::part::Part;
use super::placeholder::scope::Roots;
use crate::decide::document::{LayerRole, Revision, Site};
use crate::decide::expression::Predicate;
use crate::decide::fleet::Capabilities;
use crate::decide::value::{Digest, Digested, Origin, Pointer, Span, Value};
use crate::name::{BlobId, ClusterName, EnvironmentName, LayerName, ProfileName, RepoName, RepoPath};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Everything that a cluster shall have.
#[derive(Clone, Debug)]
pub struct FullProfile {
    /// The cluster.
    pub cluster: ClusterName,
    /// Its environment.
    pub environment: EnvironmentName,
    /// The name of the fleet.
    pub fleet: Arc<str>,
    /// The revision that it was read at.
    pub head: Revision,
    /// The commits read beside the head, by what named them.
    pub pins: Vec<Pin>,
    /// Where it is: `vsphere`, `aws`, …
    pub cloud: Arc<str>,
    /// The name of its target in the settings.
    pub target: Arc<str>,
    /// The server that makes it, where there is one.
    pub management: Option<Management>,
    /// What charts may ask about its API server.
    pub capabilities: Capabilities,
    /// What shall become of it.
    pub lifecycle: Lifecycle,
    /// The policy of its environment at this revision.
    pub policy: Policy,
    /// Its layers, in the order of application.
    pub layers: Vec<ProfileLayer>,
    /// Patches of rendered objects, in their order.
    pub object_patches: Vec<ObjectPatch>,
    /// The digest of all that decides what is rendered.
    pub digest: Digest,
}

impl FullProfile {
    /// Returns the names of the targets that its layers go to: its own, and that of the server that makes it.
    pub fn targets(&self) -> Vec<Arc<str>> {
        let management = self.management.as_ref().map(|management| management.target.clone());
        std::iter::once(self.target.clone()).chain(management).collect()
    }
}

/// The place of a cluster on the server that makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Management {
    /// The name of that server's target in the settings.
    pub target: Arc<str>,
    /// The cluster's own namespace there.
    pub namespace: Arc<str>,
}

/// A revision that a document names beside the head.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pin {
    /// The profile that is read there, with its packs; none for all that have no revision of their own.
    pub profile: Option<ProfileName>,
    /// The repository of the settings; none for the fleet's own.
    pub repository: Option<RepoName>,
    /// The revision as it is written.
    pub revision: Arc<str>,
    /// The commit it is.
    pub commit: crate::name::CommitId,
}

/// What shall become of a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifecycle {
    /// It is synced.
    #[default]
    Active,
    /// It stays as it is.
    Paused,
    /// All its layers are removed, with approval.
    Delete,
}

/// What one commit may do without approval; the stricter of two governs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Deletions of one cluster beyond this need approval.
    pub objects_max: u32,
    /// Deletions beyond this part of the cluster's inventory need approval.
    pub percent_max: u32,
    /// Deletions of one head over all clusters beyond this need approval.
    pub fleet_max: u32,
    /// Kinds (`Kind` or `Kind.group`) whose deletion always needs approval.
    pub protected_kinds: Vec<Arc<str>>,
    /// Classes of disruption that need approval, by name.
    pub approval_for: Vec<Arc<str>>,
    /// Whether drift is corrected or only told.
    pub drift: DriftPolicy,
}

/// What is done about drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriftPolicy {
    /// It is told.
    Observe,
    /// It is corrected by a plan like any other.
    Correct,
}

/// A layer with its source, values and place settled.
#[derive(Clone, Debug)]
pub struct ProfileLayer {
    /// Its name, unique over the cluster.
    pub name: LayerName,
    /// The name it had before, which keeps release name and inventory.
    pub renamed_from: Option<LayerName>,
    /// The profile that declares it; none where the cluster or an overlay adds it.
    pub profile: Option<ProfileName>,
    /// Its role.
    pub role: LayerRole,
    /// Where its objects go.
    pub site: Site,
    /// The namespace given to objects without one; created, never deleted.
    pub namespace: Option<Arc<str>>,
    /// The release's name.
    pub release_name: Arc<str>,
    /// Layers of one wave have no order among them but that of `after`.
    pub wave: u32,
    /// The layers before it, each with the reason.
    pub after: Vec<Edge>,
    /// The layer document: `{name, profile, role, source, version, digest, namespace, releaseName, presets, values, attached, priority, dependsOn, deliverTo, health}`.
    pub document: Digested,
    /// Its values, as given to templates; the same as in the document.
    pub values: Value,
    /// Its source.
    pub source: ResolvedSource,
    /// What its `*.tpl.yaml` files may name; empty where it has none.
    pub roots: Roots,
    /// The layers that its values and its templates name.
    pub names: Names,
    /// Namespaces that it brings along, or has something on.
    pub namespaces: Vec<NamespaceWish>,
    /// Objects that its source holds, beside files that render.
    pub inline: Arc<[Inline]>,
    /// The images that its package names, beside those of its objects.
    pub images: Vec<Arc<str>>,
    /// Files that render to objects: of the source, then attached.
    pub manifests: Arc<[ManifestFile]>,
    /// What of it is rendered outside, in order.
    pub parts: Arc<[Part]>,
    /// How long its gate may take to open.
    pub timeout: Duration,
    /// How its removal and replacement are done.
    pub options: LayerOptions,
    /// What its pack says of the versions from which and to which it goes.
    pub upgrades: Vec<UpgradeBound>,
    /// Which variables flow into which part of the document.
    pub flows: Vec<(Pointer, Arc<str>)>,
    /// The digest of its document and of the files it renders.
    pub digest: Digest,
    /// What it says of some of its objects; each has to select one.
    pub about: Vec<About>,
    /// What its charts make up by themselves.
    pub generated: Vec<Generated>,
    /// Where it is written.
    pub at: Span,
}

/// A rule that a layer has for some of its objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The field that it is an item of.
    pub field: &'static str,
    /// The objects.
    pub target: ObjectSelector,
    /// Where it is written.
    pub at: Span,
}

/// An object that a layer's source holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Inline {
    /// The namespace that fills it; none for the layer's own.
    pub namespace: Option<Arc<str>>,
    /// The object.
    pub value: Value,
    /// Where it is named.
    pub at: Span,
}

/// A namespace that a layer brings along beside its objects, or has something on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceWish {
    /// Its name.
    pub name: Arc<str>,
    /// Whether it is the layer's own.
    pub is_own: bool,
    /// Its labels.
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// Its annotations.
    pub annotations: BTreeMap<Arc<str>, Arc<str>>,
}

/// The versions of a pack from which, and to which, another one goes in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeBound {
    /// The pack, mostly the one that says it.
    pub pack: Arc<str>,
    /// The least version.
    pub min: Option<Arc<str>>,
    /// The highest version.
    pub max: Option<Arc<str>>,
    /// Where it is written.
    pub at: Span,
}

/// Why a layer comes after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The layer before.
    pub layer: LayerName,
    /// Why.
    pub why: EdgeReason,
}

/// Where an edge of the order comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EdgeReason {
    /// Roles stand in order.
    Role,
    /// A lower priority comes first.
    Priority,
    /// `dependsOn` says so.
    DependsOn,
    /// A pack's required constraint names the other's pack.
    Constraint,
    /// It has objects of a kind that the other defines.
    Kinds,
}

/// What a layer is made from.
#[derive(Clone, Debug, PartialEq)]
pub enum ResolvedSource {
    /// A pack of a repository.
    Pack {
        /// Its name.
        name: Arc<str>,
        /// Its version.
        version: Arc<str>,
        /// Its folder.
        folder: RepoPath,
        /// The digest of its manifest, if it is of a registry.
        digest: Option<Digest>,
    },
    /// Plain manifests.
    Manifests,
    /// A Helm chart.
    Chart {
        /// Its name.
        name: Arc<str>,
        /// Its version.
        version: Arc<str>,
    },
    /// A kustomization.
    Kustomize {
        /// Its folder.
        root: RepoPath,
    },
    /// A Zarf package.
    Zarf {
        /// Its name.
        name: Arc<str>,
        /// Its version, where it is known before it is opened.
        version: Option<Arc<str>>,
    },
}

impl ResolvedSource {
    /// Returns name and version of the pack that it is.
    pub fn pack(&self) -> Option<(&Arc<str>, &Arc<str>)> {
        if let Self::Pack { name, version, .. } = self { Some((name, version)) } else { None }
    }

    /// Returns the name and the version that it has: of a pack, or of a chart.
    pub fn named(&self) -> Option<(&Arc<str>, &Arc<str>)> {
        match self {
            Self::Pack { name, version, .. } | Self::Chart { name, version } => Some((name, version)),
            Self::Zarf { name, version } => version.as_ref().map(|version| (name, version)),
            Self::Manifests | Self::Kustomize { .. } => None,
        }
    }
}

/// A file that renders to objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestFile {
    /// Where it is.
    pub path: RepoPath,
    /// Its content.
    pub blob: BlobId,
    /// Whether placeholders apply: `*.tpl.yaml`.
    pub template: bool,
    /// The revision that it is read at; none for the head.
    pub origin: Option<Origin>,
}

/// How removal and replacement of a layer are done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerOptions {
    /// Nothing is done to it.
    pub paused: bool,
    /// Objects that cannot be patched may be made anew.
    pub recreate: bool,
    /// What comes first when it is replaced.
    pub swap: Swap,
    /// What becomes of its objects when it goes.
    pub on_remove: OnRemove,
    /// How its objects are deleted.
    pub propagation: Propagation,
    /// The managers it may take objects from.
    pub adopt: Vec<Arc<str>>,
    /// Fields that are left to others.
    pub ignore: Vec<Ignore>,
    /// What it says of the health of kinds.
    pub health: Vec<HealthRule>,
}

/// What a layer says of the health of a kind; asked in this order, it stands in the place of the kind's own rule.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthRule {
    /// The API group of the kind; where none is said, it is for those groups of which no other rule is.
    pub group: Option<Arc<str>>,
    /// The kind.
    pub kind: Arc<str>,
    /// Holds while an object is on its way.
    pub in_progress: Option<Predicate>,
    /// Holds when it does not work.
    pub failed: Option<Predicate>,
    /// Holds when it is well.
    pub current: Predicate,
}

/// What comes first when a layer is replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Swap {
    /// The new one is healthy before the old one's objects go.
    #[default]
    NewFirst,
    /// The old one's objects go first; needs approval.
    RemoveFirst,
}

/// What becomes of a layer's objects when it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRemove {
    /// They go.
    #[default]
    Prune,
    /// They stay, released.
    Keep,
}

/// How objects are deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// What they own goes afterwards.
    #[default]
    Background,
    /// What they own goes first.
    Foreground,
    /// What they own stays.
    Orphan,
}

/// Fields of objects that are left to others.
#[derive(Clone, Debug, PartialEq)]
pub struct Ignore {
    /// Of which objects.
    pub target: ObjectSelector,
    /// Which fields.
    pub pointers: Vec<Pointer>,
    /// To whom; to anybody where empty.
    pub managers: Vec<Arc<str>>,
    /// How.
    pub left: Left,
}

/// How a field is left that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Left {
    /// It is not applied, and nobody's or of whoever takes it.
    #[default]
    ToOthers,
    /// It is generated: the value that it has is applied.
    AsItIs,
}

/// What a chart makes up by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// Of which objects.
    pub target: ObjectSelector,
    /// Which fields, each where it is written.
    pub pointers: Vec<(Pointer, Span)>,
}

/// A patch of rendered objects.
#[derive(Clone, Debug)]
pub struct ObjectPatch {
    /// Of which objects.
    pub target: ObjectSelector,
    /// The operations, each where it is written.
    pub patch: Vec<(crate::decide::value::PatchOperation, Span)>,
    /// Where it is written.
    pub at: Span,
}
