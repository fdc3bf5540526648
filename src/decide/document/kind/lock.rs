//! In: nothing. Out: the fields of the lock.
//! Guarantee: one table for reading, schema and messages.
use super::API_VERSION_FIELD;
use super::text_rules::{CHART_NAME, DIGEST, LABEL, OCI, RANGE, REGISTRY, SEMVER, SERVER};
use crate::decide::document::field_types::{Field, Shape, optional, required};

pub(super) const LOCK: &[Field] = &[
    API_VERSION_FIELD,
    required("kind", Shape::Word(&["Lock"]), "The kind."),
    optional("tags", Shape::List(&Shape::Object(TAG)), "The tags in use, each with its commit."),
    optional("packs", Shape::List(&Shape::Object(LOCKED)), "The versions over which Kubernetes goes up."),
    optional(
        "charts",
        Shape::List(&Shape::Object(LOCKED_CHART)),
        "The charts that repositories over HTTP and registries have.",
    ),
    optional("packages", Shape::List(&Shape::Object(LOCKED_PACKAGE)), "The Zarf packages that registries have."),
    optional("registryPacks", Shape::List(&Shape::Object(LOCKED_REGISTRY_PACK)), "The packs that registries have."),
    optional("renderers", Shape::Entries(&SEMVER), "The versions of renderers."),
];

const LOCKED: &[Field] =
    &[required("name", LABEL, "The pack."), required("version", SEMVER, "The newest version of its minor.")];

const LOCKED_CHART: &[Field] = &[
    required("repo", SERVER, "The repository over HTTP, or `oci`, as documents name it."),
    required("name", CHART_NAME, "The chart."),
    required("wanted", RANGE, "The version or range, as documents name it."),
    required("version", SEMVER, "The version that it is."),
    required("url", SERVER, "Where it is fetched; of a registry, with the digest of its manifest."),
    required("digest", DIGEST, "The digest of its archive."),
    optional("images", Shape::List(&Shape::Text), "The images that it lists, and names with its own values."),
];

const LOCKED_PACKAGE: &[Field] = &[
    required("oci", OCI, "The repository, as documents name it."),
    required("architecture", Shape::Word(&["amd64", "arm64"]), "The architecture of the nodes."),
    required("wanted", RANGE, "The version or range, as documents name it."),
    required("version", SEMVER, "The version that it is."),
    required("digest", DIGEST, "The digest of its manifest."),
    optional("images", Shape::List(&Shape::Text), "The images that its components name."),
];

const LOCKED_REGISTRY_PACK: &[Field] = &[
    required("registry", REGISTRY, "The registry, as documents name it."),
    required("name", LABEL, "The pack."),
    required("wanted", RANGE, "The version or range, as documents name it."),
    required("version", SEMVER, "The version that it is."),
    required("oci", OCI, "The repository that it is in."),
    required("digest", DIGEST, "The digest of its manifest."),
    optional("images", Shape::List(&Shape::Text), "The images that it lists, and names with its own values."),
];

const TAG: &[Field] = &[
    required("name", Shape::Text, "The tag, without refs/tags/."),
    optional("repository", LABEL, "The repository of the settings; default: this one."),
    required("commit", Shape::Checked(is_commit, "a full commit id of 40 hexadecimal digits"), "The commit it is."),
];

fn is_commit(text: &str) -> bool {
    crate::name::CommitId::parse(text).is_some()
}
