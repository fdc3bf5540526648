//! In: nothing. Out: the fields of a Profile.
//! Guarantee: one table for reading, schema and messages.
use super::layer::PROFILE_LAYER;
use super::text_rules::{LABEL, SEMVER};
use super::{API_VERSION_FIELD, NAME};
use crate::decide::document::field_types::{Field, Shape, optional, required};

/// The types of variables.
pub const VARIABLE_TYPES: &[&str] =
    &["string", "integer", "number", "boolean", "version", "ipv4", "ipv4cidr", "ipv6", "base64"];

pub(super) const PROFILE: &[Field] = &[
    API_VERSION_FIELD,
    required("kind", Shape::Word(&["Profile"]), "The kind."),
    required("metadata", Shape::Object(&[NAME]), "The profile's name, equal to its folder."),
    required("spec", Shape::Object(SPEC), "What it says."),
];

const SPEC: &[Field] = &[
    required("version", SEMVER, "The profile's version."),
    required("type", Shape::Word(&["infrastructure", "add-on", "full"]), "What it may hold."),
    optional("clouds", Shape::List(&LABEL), "The clouds it is for; default: all."),
    optional("variables", Shape::Named("name", &Shape::Object(VARIABLE)), "What overlays may set."),
    required("layers", Shape::Named("name", &Shape::Object(PROFILE_LAYER)), "The layers, in order."),
];

/// What a name of a variable looks like.
const IDENTIFIER: &str = "letters, digits and `_`, not beginning with a digit";

const VARIABLE: &[Field] = &[
    required("name", Shape::Checked(is_identifier, IDENTIFIER), "Its name."),
    required("type", Shape::Word(VARIABLE_TYPES), "Its type."),
    optional("default", Shape::Scalar, "What it is where nothing sets it."),
    optional("minimum", Shape::Scalar, "The least number, included."),
    optional("maximum", Shape::Scalar, "The largest number, included."),
    optional("required", Shape::Bool, "It has to be set where it has no default."),
    optional("options", Shape::List(&Shape::Scalar), "The values it may have."),
    optional("pattern", Shape::Text, "A regular expression (RE2) that it keeps as a whole."),
    optional("sensitive", Shape::Bool, "No output shows it."),
    optional("hidden", Shape::Bool, "User interfaces do not ask for it."),
    optional("readOnly", Shape::Bool, "Overlays may not set it."),
    optional("description", Shape::Text, "What it is for."),
    optional(
        "renamedFrom",
        Shape::Checked(is_identifier, IDENTIFIER),
        "The name it had before: what overlays set under it is carried over.",
    ),
];

fn is_identifier(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 63 && text.chars().all(inner) && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}
