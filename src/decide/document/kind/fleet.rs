//! In: nothing. Out: the fields of a Fleet.
//! Guarantee: one table for reading, schema and messages.
use super::{API_VERSION_FIELD, NAME};
use crate::decide::document::field_types::{Field, Shape, later, optional, required};

pub(super) const FLEET: &[Field] = &[
    API_VERSION_FIELD,
    required("kind", Shape::Word(&["Fleet"]), "The kind."),
    required("metadata", Shape::Object(&[NAME]), "The fleet's name; in every record and owner mark."),
    optional("spec", Shape::Object(SPEC), "What holds for the whole repository."),
];

const SPEC: &[Field] = &[
    later("promotion", "stages from environment to environment"),
    optional("policies", Shape::Object(POLICIES), "What a commit may do without approval."),
    optional(
        "macros",
        Shape::AnyMap,
        "What macros of Palette packs stand for, by name; `system` is over what is known.",
    ),
];

pub(super) const POLICIES: &[Field] = &[
    optional("deletion", Shape::Object(DELETION), "Deletions beyond this need approval."),
    optional("drift", Shape::Word(&["observe", "correct"]), "What becomes of drift; default correct."),
    optional("disruption", Shape::Object(DISRUPTION), "Disruption that needs approval."),
];

const DELETION: &[Field] = &[
    optional("maxObjects", Shape::Integer(0, 1_000_000), "Objects of one cluster; default 50."),
    optional("maxPercent", Shape::Integer(0, 100), "Part of a cluster's objects; default 30."),
    optional("fleet", Shape::Integer(0, 100_000_000), "Objects over all clusters of one head; default 500."),
    optional("protectedKinds", Shape::List(&Shape::Text), "Kinds (Kind or Kind.group) that always need approval."),
];

/// The classes of disruption, least first, without `none`.
const CLASSES: &[&str] =
    &["reload", "restart", "reboot", "replace-storage", "replace-network", "control-plane-repave", "repave"];

const DISRUPTION: &[Field] =
    &[optional("approvalFor", Shape::List(&Shape::Word(CLASSES)), "The classes that need approval.")];
