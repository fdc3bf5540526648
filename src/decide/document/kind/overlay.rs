//! In: nothing. Out: the fields of an Environment and of a Cluster: overlays, and what only each of them says.
//! Guarantee: the overlay's fields are the same wherever an overlay may stand.
use super::layer::{OVERLAY_LAYER, PATCH};
use super::text_rules::{EXPRESSION, LABEL};
use super::{API_VERSION_FIELD, NAME};
use crate::decide::document::field_types::{Field, Shape, later, optional, required};

const LABELS: Field = optional("labels", Shape::Entries(&Shape::Text), "Labels, for `when` and placeholders.");

pub(super) const ENVIRONMENT: &[Field] = &[
    API_VERSION_FIELD,
    required("kind", Shape::Word(&["Environment"]), "The kind."),
    required("metadata", Shape::Object(&[NAME]), "The environment's name, equal to its folder."),
    optional("spec", Shape::Object(ENVIRONMENT_SPEC), "What it says."),
];

pub(super) const CLUSTER: &[Field] = &[
    API_VERSION_FIELD,
    required("kind", Shape::Word(&["Cluster"]), "The kind."),
    required("metadata", Shape::Object(&[NAME, LABELS]), "The cluster's name, equal to its folder, and its labels."),
    optional("spec", Shape::Object(CLUSTER_SPEC), "What it says."),
];

const PROFILE_REFERENCE: &[Field] = &[
    required("name", LABEL, "The profile."),
    optional("when", EXPRESSION, "A CEL expression over `cluster`, `environment` and `fleet`; false leaves it out."),
    optional("remove", Shape::Bool, "The profile is not there."),
    optional("repository", LABEL, "The repository of the settings that holds it; default: this one. Needs `revision`."),
    optional("revision", Shape::Text, "A full commit id, or a tag of fleet.lock, at which it and its packs are read."),
];

const OBJECT_PATCH: &[Field] = &[
    required("target", Shape::Object(OBJECT_TARGET), "Which objects; what is not said does not restrict."),
    required("patches", Shape::List(&Shape::Object(PATCH)), "Operations of RFC 6902 on each."),
];

pub(super) const OBJECT_TARGET: &[Field] = &[
    optional("layer", LABEL, "Of this layer."),
    optional("group", Shape::Text, "Of this API group."),
    optional("kind", Shape::Text, "Of this kind."),
    optional("namespace", LABEL, "In this namespace."),
    optional("name", Shape::Text, "Of this name."),
];

macro_rules! overlay { ($($more:expr),* $(,)?) => { &[
    optional("profiles", Shape::Named("name", &Shape::Object(PROFILE_REFERENCE)), "Profiles, merged by name."),
    optional("variables", Shape::Entries(&Shape::Scalar), "Variables by name, or by profile/name."),
    optional("layers", Shape::Named("name", &Shape::Object(OVERLAY_LAYER)), "Layers, merged by name."),
    optional("objectPatches", Shape::List(&Shape::Object(OBJECT_PATCH)), "Patches of rendered objects, in order."),
    $($more),*
] } }

const WHEN_OVERLAY: &[Field] = overlay![
    required("when", EXPRESSION, "A CEL expression over `cluster`, `environment` and `fleet`."),
    optional("name", Shape::Text, "What it is for."),
];

const ENVIRONMENT_SPEC: &[Field] = overlay![
    optional(
        "revision",
        Shape::Text,
        "A full commit id, or a tag of fleet.lock, at which profiles and packs are read."
    ),
    optional("overlays", Shape::List(&Shape::Object(WHEN_OVERLAY)), "Overlays with a condition, in order."),
    later("waves", "which clusters come first, and how many at once"),
    later("windows", "when changes are allowed"),
    optional("policies", Shape::Object(super::fleet::POLICIES), "Policies; they only tighten the fleet's."),
];

const CLUSTER_SPEC: &[Field] = overlay![
    optional("environment", LABEL, "Its environment, equal to its folder."),
    required("cloud", LABEL, "Where it is: vsphere, aws, …"),
    optional("target", LABEL, "Its target in the operator's settings; default: its name."),
    optional(
        "management",
        Shape::Object(MANAGEMENT),
        "The management server of Cluster API, where its os and kubernetes layers go."
    ),
    optional("nodes", Shape::Object(NODES), "Its nodes, for placeholders and packs' resources."),
    optional("imported", Shape::Bool, "It has only add-on profiles."),
    optional("kubernetesVersion", super::text_rules::SEMVER, "The Kubernetes version of an imported cluster."),
    optional("apiVersions", Shape::List(&Shape::Text), "API versions that charts may find beside the built-in ones."),
    optional("lifecycle", Shape::Word(&["active", "paused", "delete"]), "What shall become of it; default: active."),
];

const MANAGEMENT: &[Field] = &[
    required("target", LABEL, "Its target in the operator's settings; clusters share it."),
    required("namespace", LABEL, "The cluster's own namespace there; fills objects without one."),
];

const COUNT: Shape = Shape::Integer(0, 100_000);

const NODES: &[Field] = &[
    optional("controlPlane", Shape::Object(POOL), "The nodes of the control plane."),
    optional("pools", Shape::Named("name", &Shape::Object(NAMED_POOL)), "The worker nodes."),
];

const POOL: &[Field] = &[
    optional("count", COUNT, "How many."),
    optional("cpu", COUNT, "Cores of each."),
    optional("memoryGiB", COUNT, "Memory of each, in GiB."),
    optional("diskGiB", COUNT, "Disk of each, in GiB."),
];

const NAMED_POOL: &[Field] = &[
    required("name", LABEL, "The pool's name."),
    optional("count", COUNT, "How many."),
    optional("cpu", COUNT, "Cores of each."),
    optional("memoryGiB", COUNT, "Memory of each, in GiB."),
    optional("diskGiB", COUNT, "Disk of each, in GiB."),
];
