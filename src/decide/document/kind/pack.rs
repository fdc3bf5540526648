//! In: nothing. Out: the fields of a Pack.
//! Guarantee: one table for reading, schema and messages.
use super::layer::ROLES;
use super::text_rules::{LABEL, PATH, SEMVER};
use super::{API_VERSION_FIELD, NAME};
use crate::decide::document::field_types::{Field, Shape, later, optional, required};

pub(super) const PACK: &[Field] = &[
    API_VERSION_FIELD,
    required("kind", Shape::Word(&["Pack"]), "The kind."),
    required("metadata", Shape::Object(&[NAME]), "The pack's name, equal to its folder."),
    required("spec", Shape::Object(SPEC), "What it is."),
];

const SPEC: &[Field] = &[
    optional("displayName", Shape::Text, "The name that people see."),
    required("version", SEMVER, "The version, equal to its folder."),
    optional("role", Shape::Word(ROLES), "The role of layers that may use it; default: any."),
    optional("clouds", Shape::List(&LABEL), "The clouds it is for; default: all."),
    optional("addonType", Shape::Text, "What kind of add-on it is."),
    optional("annotations", Shape::Entries(&Shape::Text), "Whatever people note."),
    optional("constraints", Shape::Object(CONSTRAINTS), "What it needs beside it."),
    optional("presets", Shape::Named("name", &Shape::Object(PRESET)), "Named changes of its values."),
    optional("valuesSchema", PATH, "A file with a JSON Schema of its values."),
    later("charts", "Helm charts of the pack"),
    optional("manifests", Shape::List(&PATH), "Manifests by globs; placeholders apply in *.tpl.yaml only."),
    optional("lifecycle", Shape::TextOr(&LIFECYCLE, LIFECYCLE_FIELDS), "active, deprecated, disabled or deleted."),
];

const LIFECYCLE: Shape = Shape::Word(&["active", "deprecated", "disabled", "deleted"]);

const LIFECYCLE_FIELDS: &[Field] = &[
    required("state", LIFECYCLE, "active, deprecated, disabled or deleted."),
    optional("message", Shape::Text, "What users are told."),
    optional("endOfLife", Shape::Text, "The day it ends, as 2027-01-31."),
];

const CONSTRAINTS: &[Field] = &[
    optional("dependencies", Shape::List(&Shape::Object(DEPENDENCY)), "Other packs."),
    optional("resources", Shape::List(&Shape::Object(RESOURCE)), "What nodes have to have."),
];

const DEPENDENCY: &[Field] = &[
    required("packName", LABEL, "The other pack."),
    optional("layer", Shape::Word(ROLES), "The role of its layer."),
    optional("minVersion", SEMVER, "The least version."),
    optional("maxVersion", SEMVER, "The highest version."),
    required("type", Shape::Word(&["required", "optional", "notSupported", "upgrade"]), "What the constraint says."),
];

const RESOURCE: &[Field] = &[
    required("type", Shape::Word(&["cpu", "memory", "disk"]), "What is counted: cores, GiB of memory, GiB of disk."),
    required("minimum", Shape::Integer(0, 1_000_000), "The least amount."),
    optional("scope", Shape::Word(&["node", "cluster"]), "Of each worker node, or of all together; default: cluster."),
];

const PRESET: &[Field] = &[
    required("name", LABEL, "Its name."),
    optional("displayName", Shape::Text, "The name that people see."),
    optional("group", Shape::Text, "Presets of one group exclude each other."),
    optional("remove", Shape::List(&Shape::Text), "Keys of the values that it removes first, dotted."),
    optional("add", Shape::AnyMap, "Values that it merges then."),
];
