//! In: nothing. Out: the fields of a layer, in a profile and in an overlay.
//! Guarantee: an overlay may say all that a profile says of a layer, and what only an overlay says.
use super::text_rules::{CHART_NAME, DURATION, EXPRESSION, LABEL, OCI, PACK, PATH, POINTER, RANGE, REGISTRY, URL};
use crate::decide::document::field_types::{Field, Shape, optional, required};

/// The fields of which exactly one names the source.
pub const SOURCES: [&str; 5] = ["pack", "chart", "manifests", "kustomize", "zarf"];

/// The roles of layers.
pub const ROLES: &[&str] = &["os", "kubernetes", "network", "storage", "add-on"];

const PACK_FIELDS: &[Field] = &[
    required("name", LABEL, "The pack's name."),
    required(
        "version",
        RANGE,
        "The pack's version; with `registry` also a range such as 1.16.x, which fleet.lock pins.",
    ),
    optional(
        "registry",
        REGISTRY,
        "The OCI registry that has it: oci://HOST/PATH, or a name of the operator's settings.",
    ),
];

const CHART: &[Field] = &[
    optional("path", PATH, "A folder of the repository that holds a chart, or a NAME-VERSION.tgz of it."),
    optional("repo", URL, "A chart repository over HTTP, which the operator's settings allow."),
    optional("oci", OCI, "A chart of an OCI registry, which the operator's settings allow: oci://HOST/PATH/NAME."),
    optional("name", CHART_NAME, "The chart's name in its repository over HTTP."),
    optional("version", RANGE, "A version, or a range such as 1.16.x or ^2.1, which fleet.lock pins."),
];

const KUSTOMIZE: &[Field] = &[required("path", PATH, "The folder of a kustomization.")];

/// Whether a text is where images are: a host, and below it.
fn is_registry(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "./:-_[]".contains(c);
    !text.is_empty() && text.chars().all(allowed) && !text.starts_with('/') && !text.ends_with('/')
}

const ZARF: &[Field] = &[
    optional("path", PATH, "The folder with `zarf.yaml`, or the `.tar.zst` archive."),
    optional("oci", OCI, "A package of an OCI registry, which the operator's settings allow: oci://HOST/PATH/NAME."),
    optional("version", RANGE, "With `oci`: a version, or a range such as 1.16.x or ^2.1, which fleet.lock pins."),
    optional(
        "components",
        Shape::List(&Shape::Text),
        "Components beside the required ones; default: the default ones.",
    ),
    optional("flavor", Shape::Text, "The flavour of components."),
    optional("architecture", Shape::Word(&["amd64", "arm64"]), "The architecture of the nodes; default: amd64."),
    optional(
        "registry",
        Shape::Checked(is_registry, "a host, with a port and a path where it has them, such as 127.0.0.1:31999"),
        "The registry that holds its images as Zarf pushes them: those of its objects are renamed to it.",
    ),
    optional("allowSkipActions", Shape::Bool, "Actions, files, images and the like are left out, and named."),
];

const HEALTH: &[Field] = &[
    optional("timeout", DURATION, "How long the layer's gate may take to open; default 10m."),
    optional("expressions", Shape::List(&Shape::Object(HEALTH_EXPRESSION)), "Health of kinds by CEL expressions."),
];

const HEALTH_EXPRESSION: &[Field] = &[
    optional("group", Shape::Text, "The API group of the kind; none: of any group."),
    required("kind", Shape::Text, "The kind."),
    optional("inProgress", EXPRESSION, "Holds while such an object is on its way; asked first."),
    optional("failed", EXPRESSION, "Holds when it does not work; asked second."),
    required("current", EXPRESSION, "Holds when it is well, a CEL expression over the live object."),
];

pub(super) const PATCH: &[Field] = &[
    required("op", Shape::Word(&["add", "remove", "replace", "move", "copy", "test"]), "The operation of RFC 6902."),
    required("path", POINTER, "Where it acts."),
    optional("from", POINTER, "Where `move` and `copy` take from."),
    optional("value", Shape::Any, "What `add`, `replace` and `test` are given."),
];

const IGNORE: &[Field] = &[
    required(
        "target",
        Shape::Object(super::overlay::OBJECT_TARGET),
        "Of which objects; what is not said does not restrict.",
    ),
    optional("pointers", Shape::List(&POINTER), "Which fields; none: all that these managers have taken."),
    optional("managers", Shape::List(&Shape::Text), "To whom they are left; none: to anybody."),
];

const GENERATED: &[Field] = &[
    required(
        "target",
        Shape::Object(super::overlay::OBJECT_TARGET),
        "Of which objects; what is not said does not restrict.",
    ),
    required("pointers", Shape::List(&POINTER), "Which fields."),
];

macro_rules! source_fields { ($($more:expr),* $(,)?) => { &[
    optional("role", Shape::Word(ROLES), "Its role; an infrastructure profile has each of the first four once."),
    optional("pack", Shape::TextOr(&PACK, PACK_FIELDS), "A pack of the repository, as name@version, or one of a registry."),
    optional("chart", Shape::Object(CHART), "A Helm chart, rendered as `helm template` does."),
    optional("zarf", Shape::Object(ZARF), "A Zarf package: a folder with `zarf.yaml`, or an archive."),
    optional("kustomize", Shape::Object(KUSTOMIZE), "A kustomization, built as `kustomize build` does."),
    optional("manifests", Shape::List(&PATH), "Manifests by globs; placeholders apply in *.tpl.yaml only."),
    optional("presets", Shape::List(&LABEL), "Presets of the pack, at most one of each group."),
    optional("valuesFiles", Shape::List(&PATH), "Files of values, in order."),
    optional("secretsFiles", Shape::List(&PATH), "Files of sensitive values that SOPS sealed with age, in order."),
    optional("values", Shape::AnyMap, "Values, after those of the files."),
    optional("namespace", LABEL, "Fills objects without one; created, never deleted."),
    optional("releaseName", LABEL, "The release's name; default: the layer's name."),
    optional("attached", Shape::List(&PATH), "Further manifests beside a pack, a chart or a kustomization, by globs."),
    optional("priority", Shape::Integer(-1_000_000, 1_000_000), "Add-ons only; lower first, equal is one wave."),
    optional("dependsOn", Shape::List(&LABEL), "Layers that have to be healthy before."),
    optional("deliverTo", Shape::Word(&["workload", "management"]), "The API server that its objects go to."),
    optional("health", Shape::Object(HEALTH), "When its gate opens."),
    optional("renamedFrom", LABEL, "The name it had before; keeps release name and inventory."),
    optional("ignore", Shape::List(&Shape::Object(IGNORE)), "Fields of its objects that are left to others."),
    optional("adopt", Shape::List(&Shape::Text), "Field managers and tools that its objects may be taken from, once."),
    optional("recreate", Shape::Bool, "Objects of some kinds are made anew where a field changes that cannot."),
    optional("swap", Shape::Word(&["new-first", "remove-first"]), "What comes first when it is replaced."),
    optional("onRemove", Shape::Word(&["prune", "keep"]), "What becomes of its objects when it goes."),
    optional(
        "propagation",
        Shape::Word(&["foreground", "background", "orphan"]),
        "What becomes of what belongs to a deleted object; default: background."
    ),
    optional("paused", Shape::Bool, "Nothing is done to it."),
    optional(
        "generated",
        Shape::List(&Shape::Object(GENERATED)),
        "What a chart makes up by itself: written once, then kept as it is."
    ),
    $($more),*
] } }

pub(super) const REPLACEMENT: &[Field] = source_fields![];

pub(super) const PROFILE_LAYER: &[Field] =
    source_fields![required("name", LABEL, "Its name, unique over the whole cluster.")];

pub(super) const OVERLAY_LAYER: &[Field] = source_fields![
    required("name", LABEL, "The layer that is overlaid; a new one is added."),
    optional("remove", Shape::Bool, "The layer is not there."),
    optional("replaceWith", Shape::Object(REPLACEMENT), "Another source in its place."),
    optional("patches", Shape::List(&Shape::Object(PATCH)), "Operations of RFC 6902 on the layer document."),
];
