//! In: nothing. Out: the fields of the lock.
//! Guarantee: one table for reading, schema and messages.
use super::API_VERSION_FIELD;
use super::text_rules::{CHART_NAME, DIGEST, LABEL, RANGE, SEMVER, URL};
use crate::decide::document::field_types::{Field, Shape, optional, required};

pub(super) const LOCK: &[Field] = &[
    API_VERSION_FIELD,
    required("kind", Shape::Word(&["Lock"]), "The kind."),
    optional("tags", Shape::List(&Shape::Object(TAG)), "The tags in use, each with its commit."),
    optional("packs", Shape::List(&Shape::Object(LOCKED)), "The versions over which Kubernetes goes up."),
    optional("charts", Shape::List(&Shape::Object(LOCKED_CHART)), "The charts that repositories over HTTP have."),
    optional("renderers", Shape::Entries(&SEMVER), "The versions of renderers."),
];

const LOCKED: &[Field] =
    &[required("name", LABEL, "The pack."), required("version", SEMVER, "The newest version of its minor.")];

const LOCKED_CHART: &[Field] = &[
    required("repo", URL, "The repository, as documents name it."),
    required("name", CHART_NAME, "The chart."),
    required("wanted", RANGE, "The version or range, as documents name it."),
    required("version", SEMVER, "The version that it is."),
    required("url", URL, "Where it is fetched."),
    required("digest", DIGEST, "The digest of its archive."),
];

const TAG: &[Field] = &[
    required("name", Shape::Text, "The tag, without refs/tags/."),
    optional("repository", LABEL, "The repository of the settings; default: this one."),
    required("commit", Shape::Checked(is_commit, "a full commit id of 40 hexadecimal digits"), "The commit it is."),
];

fn is_commit(text: &str) -> bool {
    crate::name::CommitId::parse(text).is_some()
}
