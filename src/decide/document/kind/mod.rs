//! In: nothing. Out: the table of fields of each kind of document: what is read, checked, and printed as a schema.
//! Guarantee: reading, schema and messages come from these tables alone.
mod text_rules;
mod layer;
mod overlay;
mod profile;
mod pack;
mod fleet;
mod approval;
mod lock;

pub use layer::SOURCES;

pub use layer::ROLES;
pub use profile::VARIABLE_TYPES;
pub use text_rules::{duration, is_label, is_semver, range};

use super::field_types::{Field, Shape, required};

/// The version of all kinds.
pub const API_VERSION: &str = "stratify.dev/v1alpha1";

/// A kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentKind {
    /// `fleet.yaml`
    Fleet,
    /// `environments/<env>/environment.yaml`
    Environment,
    /// `profiles/<profile>/profile.yaml`
    Profile,
    /// `packs/<pack>/<version>/pack.yaml`
    Pack,
    /// `clusters/<env>/<cluster>/cluster.yaml`
    Cluster,
    /// `approvals/<id>.yaml`
    Approval,
    /// `fleet.lock`
    Lock,
}

impl DocumentKind {
    /// All kinds.
    pub const ALL: [Self; 7] =
        [Self::Fleet, Self::Environment, Self::Profile, Self::Pack, Self::Cluster, Self::Approval, Self::Lock];

    /// Returns its name, as `kind` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fleet => "Fleet",
            Self::Environment => "Environment",
            Self::Profile => "Profile",
            Self::Pack => "Pack",
            Self::Cluster => "Cluster",
            Self::Approval => "Approval",
            Self::Lock => "Lock",
        }
    }

    /// Returns its fields.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::Fleet => fleet::FLEET,
            Self::Environment => overlay::ENVIRONMENT,
            Self::Profile => profile::PROFILE,
            Self::Pack => pack::PACK,
            Self::Cluster => overlay::CLUSTER,
            Self::Approval => approval::APPROVAL,
            Self::Lock => lock::LOCK,
        }
    }
}

const API_VERSION_FIELD: Field = required("apiVersion", Shape::Word(&[API_VERSION]), "The version of the format.");
const NAME: Field =
    required("name", text_rules::LABEL, "The name: lower-case letters, digits and inner hyphens, at most 63.");
