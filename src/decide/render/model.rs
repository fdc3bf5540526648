//! In: a full profile's layers, rendered. Out: layers of objects, as the stages after this one take them.
//! Guarantee: each object stands once in a cluster and site, with its namespace and its owner marks.
use super::hook::Hook;
use crate::decide::document::{LayerRole, Revision, Site};
use crate::decide::profile::{Edge, LayerOptions, Lifecycle, Pin, Policy, ResolvedSource, UpgradeBound};
use crate::decide::value::{Digest, Digested, Domain, Pointer, Span};
use crate::name::{ClusterName, EnvironmentName, LayerName, ObjectId};
use std::sync::Arc;
use std::time::Duration;

/// The domain in which manifests are digested.
pub const OBJECT: Domain = Domain("object/1");

/// A full profile, rendered.
#[derive(Clone, Debug)]
pub struct Layers {
    /// The cluster.
    pub cluster: ClusterName,
    /// Its environment.
    pub environment: EnvironmentName,
    /// The fleet's name.
    pub fleet: Arc<str>,
    /// The revision it was read at.
    pub head: Revision,
    /// The revisions that were read beside it.
    pub pins: Vec<Pin>,
    /// The digest of the full profile.
    pub digest: Digest,
    /// What shall become of the cluster.
    pub lifecycle: Lifecycle,
    /// The policy at this revision.
    pub policy: Policy,
    /// The layers, in the order of application.
    pub layers: Vec<Layer>,
}

/// Objects that belong together.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Its name.
    pub name: LayerName,
    /// The name it had before, which keeps its inventory.
    pub renamed_from: Option<LayerName>,
    /// Its role.
    pub role: LayerRole,
    /// Where its objects go.
    pub site: Site,
    /// Layers of one wave have no order among them but that of `after`.
    pub wave: u32,
    /// The layers before it, each with the reason.
    pub after: Vec<Edge>,
    /// The layer document.
    pub document: Digested,
    /// The digest of its document and of the files it renders.
    pub digest: Digest,
    /// How removal and replacement are done.
    pub options: LayerOptions,
    /// How long its gate may take to open.
    pub timeout: Duration,
    /// What its pack says of the versions from which and to which it goes.
    pub upgrades: Vec<UpgradeBound>,
    /// Which variables flow into which part of the document.
    pub flows: Vec<(Pointer, Arc<str>)>,
    /// What it is made from.
    pub source: ResolvedSource,
    /// The kinds that its objects define.
    pub defines: Vec<Defined>,
    /// Its objects, in the order of their files.
    pub objects: Vec<Object>,
    /// What people should know of it who read a plan.
    pub notes: Arc<[Arc<str>]>,
    /// Where it is written.
    pub at: Span,
}

/// A kind that a definition makes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Defined {
    /// Its group.
    pub group: Arc<str>,
    /// Its name.
    pub kind: Arc<str>,
    /// Whether its objects have no namespace.
    pub is_cluster_scoped: bool,
    /// The versions that it is served at.
    pub versions: Vec<Arc<str>>,
}

impl Defined {
    /// Returns what charts call it by: `group/version`, and the same with the kind.
    pub fn apis(&self) -> impl Iterator<Item = Arc<str>> + '_ {
        let Self { group, kind, versions, .. } = self;
        let both = move |version: &Arc<str>| [format!("{group}/{version}"), format!("{group}/{version}/{kind}")];
        versions.iter().flat_map(both).map(Into::into)
    }
}

/// Whether an object outlives its layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outlives {
    /// It goes with it.
    #[default]
    No,
    /// A namespace that was made for others is never deleted.
    Brought,
    /// Its chart asks for that.
    AsAsked,
}

impl Object {
    /// Whether it outlives its layer.
    pub fn is_kept(&self) -> bool {
        self.kept != Outlives::No
    }
}

/// An object as it shall be.
#[derive(Clone, Debug)]
pub struct Object {
    /// Which object.
    pub id: ObjectId,
    /// The whole object, with `apiVersion` and `kind`, its namespace and its owner marks.
    pub manifest: Digested,
    /// Whether it outlives its layer.
    pub kept: Outlives,
    /// Whether it runs each time its layer changes, and when; it is no part of what stands.
    pub hook: Option<Hook>,
    /// The later layer that defines its kind, after which it is written.
    pub deferred: Option<LayerName>,
    /// Where it is written.
    pub at: Span,
}
