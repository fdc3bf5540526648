//! In: what the stage's functions make. Out: changes and plans, as they are shown, checked and executed.
//! Guarantee: plain data; a plan names every write, its order, and what must hold before it.
use super::approval::approvals::Approval;
use super::inventory::LayerInventory;
use super::settling::kubernetes_minors::Stair;
use super::state::Version;
use crate::decide::document::{LayerRole, Revision, Site};
use crate::decide::profile::{Edge, LayerOptions, Lifecycle, Pin, Record};
use crate::decide::render::{Defined, HookMoment};
use crate::decide::value::{Diagnostic, Digest, Digested, Patch, Pointer, Span};
use crate::name::{ChangeId, ClusterName, EnvironmentName, LayerName, ObjectId, PlanId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What differs between two renderings of one cluster, from Git alone.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its digest: equal on a pull request and after its merge; without commits, times and live state.
    pub id: ChangeId,
    /// The cluster.
    pub cluster: ClusterName,
    /// Its environment.
    pub environment: EnvironmentName,
    /// The fleet's name.
    pub fleet: Arc<str>,
    /// The revision of the new side.
    pub head: Revision,
    /// The revisions that the new side reads beside it; content counts, so they are no part of the id.
    pub pins: Vec<Pin>,
    /// The digest of the wanted full profile.
    pub digest: Digest,
    /// The old side.
    pub old: Old,
    /// What the wanted side says shall become of the cluster.
    pub lifecycle: Lifecycle,
    /// The layers: additions and changes in the order of application, then removals in reverse; unchanged ones too.
    pub layers: Vec<LayerChange>,
    /// The gravest class of its layers.
    pub disruption: Disruption,
    /// What of the policy judges less strictly on the new side, in words.
    pub relaxed: Vec<String>,
    /// How Kubernetes goes from what was applied to what is wanted, where a pack brings it.
    pub stair: Option<Stair>,
    /// What is to be told of it; with an error it is never drafted.
    pub said: Vec<Diagnostic>,
}

/// What the old side of a change is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Old {
    /// Nothing was applied.
    Nothing,
    /// The full profile that the record names.
    Applied(Digest),
    /// It is not known.
    Unknown(Unknown),
}

/// Why it is not known what was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// In words.
    pub why: String,
    /// Whether the record's commit can be read, and gives another full profile now, as where our key for what is sensitive
    /// is another one: then deletions need approval. Else whatever is written does.
    pub is_read: bool,
}

impl Unknown {
    /// The commit cannot be read.
    pub fn unread(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_read: false }
    }

    /// The commit gives another full profile now.
    pub fn otherwise(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_read: true }
    }
}

impl std::fmt::Display for Unknown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

/// What differs in one layer.
#[derive(Clone, Debug)]
pub struct LayerChange {
    /// The layer.
    pub layer: LayerName,
    /// The name it had before.
    pub renamed_from: Option<LayerName>,
    /// Its role.
    pub role: LayerRole,
    /// Where its objects go.
    pub site: Site,
    /// What becomes of it.
    pub kind: ChangeKind,
    /// Its wave.
    pub wave: u32,
    /// The layers before it, each with the reason.
    pub after: Vec<Edge>,
    /// How much it disturbs.
    pub disruption: Disruption,
    /// Which path gave that class, and why.
    pub disruption_reason: Option<(Pointer, Arc<str>)>,
    /// From the applied layer document to the wanted one.
    pub patch: Patch,
    /// Back.
    pub inverse: Patch,
    /// What becomes of its objects, in the order of writing; for a removed layer in the order of deletion.
    pub objects: Vec<ObjectChange>,
    /// Objects that wait for the definition of their kind, each with the later layer that has it.
    pub deferred: BTreeMap<ObjectId, LayerName>,
    /// The objects that outlive it: namespaces that it brings along, and what its charts ask to keep.
    pub outliving: BTreeSet<ObjectId>,
    /// The kinds that it defines where it is wanted.
    pub defines: Vec<Defined>,
    /// Objects that run each time the layer changes.
    pub hooks: BTreeMap<ObjectId, HookRun>,
    /// What people should know of it.
    pub notes: Arc<[Arc<str>]>,
    /// How removal and replacement are done.
    pub options: LayerOptions,
    /// Whether it was paused, and is no longer: what was left as it was is written now.
    pub is_resumed: bool,
    /// How long its gate may take to open.
    pub timeout: Duration,
}

/// How an object runs with a change of its layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookRun {
    /// When it runs; none where this change is no occasion of it.
    pub moment: Option<HookMoment>,
    /// Lower first.
    pub weight: i32,
    /// Whether it goes once all is well.
    pub goes: bool,
    /// Whether it goes when it has failed.
    pub goes_failed: bool,
}

/// What becomes of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It was not there.
    Added,
    /// It goes.
    Removed,
    /// Another pack or another kind of source stands in its place.
    Replaced,
    /// A higher version.
    Upgraded,
    /// A lower version.
    Downgraded,
    /// Values or manifests differ.
    Reconfigured,
    /// Nothing differs.
    Unchanged,
}

/// How much a change disturbs what runs, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Disruption {
    /// Not at all.
    #[default]
    None,
    /// Processes read it anew.
    Reload,
    /// Pods restart.
    Restart,
    /// Nodes reboot.
    Reboot,
    /// Storage is replaced.
    ReplaceStorage,
    /// The network is replaced.
    ReplaceNetwork,
    /// Nodes of the control plane are made anew.
    ControlPlaneRepave,
    /// All nodes are made anew.
    Repave,
    /// It is never done.
    Forbidden,
}

/// What becomes of one object.
#[derive(Clone, Debug)]
pub struct ObjectChange {
    /// Where it is.
    pub site: Site,
    /// The object.
    pub object: ObjectId,
    /// What is done.
    pub operation: Operation,
    /// From the last applied object to the wanted one.
    pub patch: Patch,
    /// Back.
    pub inverse: Patch,
    /// What it shall be; none where it goes or is left.
    pub manifest: Option<Digested>,
    /// What must be there for it to be done.
    pub expected: Expected,
    /// How far it was tried.
    pub admission: Admission,
    /// Where it is written, as far as this change says so.
    pub at: Option<Span>,
}

/// How far a write was tried before it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Admission {
    /// Not at all.
    #[default]
    Untried,
    /// The target would take it.
    Admitted(Conflicts),
    /// Its kind or namespace comes with this plan; it is tried before its layer's first write.
    SchemaChecked,
    /// It could not be tried, because of this.
    Unverified(String),
    /// The target would not take it, because of this; such a plan is only shown.
    Refused(String),
}

/// What a write does about fields that another manager has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Conflicts {
    /// It is refused.
    #[default]
    Refuse,
    /// It takes them: each was ours.
    Overrule,
    /// It takes them, once all that these managers have is ours: the layer adopts from them.
    Adopt(Vec<Arc<str>>),
}

/// What is done to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It is made.
    Create,
    /// It is changed.
    Patch,
    /// It is deleted and made anew; counts as a deletion.
    Recreate,
    /// It runs: it is made anew, whatever became of it the last time; it counts as no deletion.
    Run,
    /// It stays, and is only looked at.
    Unchanged,
    /// It goes.
    Prune,
    /// It comes from another layer, with or without a change.
    Move {
        /// That layer.
        from: LayerName,
    },
    /// It stays and is ours no longer.
    Keep,
}

impl Operation {
    /// Whether the target is written to.
    pub fn is_write(&self) -> bool {
        !matches!(self, Self::Unchanged)
    }

    /// Whether an object ends.
    pub fn is_deletion(&self) -> bool {
        matches!(self, Self::Prune | Self::Recreate)
    }
}

/// What must be there for a write to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever is there, as long as it bears our mark.
    Any,
    /// Nothing.
    Absent,
    /// This version.
    Version(Version),
}

/// What will be done to one cluster, exactly.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its digest, over all of it.
    pub id: PlanId,
    /// The change it settles.
    pub change: Change,
    /// What was seen of the cluster's record.
    pub base: Base,
    /// The record to write before anything else; none where the plan is only shown.
    pub begin: Option<Record>,
    /// The record to write when all is done, over `begin`.
    pub end: Option<Record>,
    /// The layers, in the order of writing; one that also prunes, or has deferred objects, stands again.
    pub layers: Vec<LayerPlan>,
    /// Why it is not executed, if it is not.
    pub holds: Vec<Hold>,
    /// What the commits say of its approval; none where it needs none.
    pub approval: Option<Approval>,
    /// Layers that are paused and differ from what is wanted: they are left as they are.
    pub paused: Vec<LayerName>,
}

impl Plan {
    /// Returns the group, if the plan has it.
    pub fn try_find_group(&self, id: GroupId) -> Option<&Group> {
        self.layers.get(id.layer)?.groups.get(id.group)
    }

    /// Returns the writes that can be tried before the first of all, each with its place. What a layer writes at later
    /// versions is tried once the version before is there: until then a server refuses it, or tries it over what goes.
    pub fn tried(&self) -> impl Iterator<Item = (&LayerPlan, &ObjectChange)> {
        let is_later = |at: usize, layer: &LayerPlan| {
            let mut before = self.layers.iter().take(at);
            layer.version.is_some() && before.any(|other| other.layer == layer.layer && other.version.is_some())
        };
        let first = self.layers.iter().enumerate().filter(move |(at, layer)| !is_later(*at, layer));
        first.flat_map(|(_, layer)| layer.groups.iter().flat_map(Group::writes).map(move |change| (layer, change)))
    }

    /// Whether nothing would be written to the target.
    pub fn is_empty(&self) -> bool {
        self.layers.iter().all(|layer| !layer.writes())
    }
}

/// What was seen of a cluster's record when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// Its generation.
    pub generation: u64,
    /// The digest of what was applied last, to its end.
    pub applied: Option<Digest>,
    /// The name that the cluster had, where it had another one.
    pub renamed_from: Option<ClusterName>,
}

/// Why a plan is not executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It needs an approval that is not there.
    Approval {
        /// What for, in words.
        why: String,
    },
    /// It is never done.
    Forbidden {
        /// Why, in words.
        why: String,
    },
    /// The cluster is paused.
    Paused,
}

/// What will be done to one layer at one place of the order.
#[derive(Clone, Debug)]
pub struct LayerPlan {
    /// The layer.
    pub layer: LayerName,
    /// Where its objects go.
    pub site: Site,
    /// The layer with the definitions for which its objects waited; the rest of their layer stands before.
    pub deferred: Option<LayerName>,
    /// The version that it brings, where the layer goes up over several.
    pub version: Option<Arc<str>>,
    /// Its groups, in the order of writing.
    pub groups: Vec<Group>,
    /// Indices into [`Plan::layers`] of those that must have come to their end before; all smaller than its own.
    pub needs: Vec<usize>,
    /// The inventory to write before the first write: old ∪ new.
    pub ahead: Option<LayerInventory>,
    /// The inventory once all is done; with no entry it is removed.
    pub settled: Option<LayerInventory>,
    /// It is entered only after this object has failed, at that index into [`Plan::layers`].
    pub after_failure: Option<(usize, ObjectId)>,
}

impl LayerPlan {
    /// Whether it writes to the target.
    pub fn writes(&self) -> bool {
        self.groups.iter().any(|group| group.writes().next().is_some())
    }
}

/// Objects that are written together, and what must hold before anything later is.
#[derive(Clone, Debug)]
pub struct Group {
    /// Why they stand together.
    pub role: Role,
    /// The objects.
    pub objects: Vec<ObjectChange>,
    /// What must hold before anything later is written.
    pub gate: Gate,
}

impl Group {
    /// Returns the objects that are written; the others are only looked at.
    pub fn writes(&self) -> impl Iterator<Item = &ObjectChange> {
        self.objects.iter().filter(|change| change.operation.is_write())
    }
}

/// Which group of one plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupId {
    /// The layer's place in the plan, from zero.
    pub layer: usize,
    /// The group's place in the layer, from zero.
    pub group: usize,
}

/// Why objects stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Kinds and namespaces that the others need.
    Crds,
    /// Objects that run once.
    Hook {
        /// Lower first, as Helm has it.
        weight: i32,
    },
    /// All others.
    Main,
    /// Objects that go.
    Prune,
}

/// What must hold before anything later is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// All objects of the group are healthy.
    Healthy {
        /// How long that may take.
        within: Duration,
    },
    /// No object of the group is there any more.
    Gone {
        /// How long that may take.
        within: Duration,
    },
}
