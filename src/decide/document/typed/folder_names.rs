//! In: a document, its folder. Out: where the names in it are not those of its folder.
//! Guarantee: `metadata.name` and a Cluster's `environment` equal the folders; no environment is named `plan`.
use crate::decide::document::codes;
use crate::decide::document::file::{File, Fragment};
use crate::decide::value::Diagnostic;
use crate::name::EnvironmentName;
use std::sync::Arc;

/// Whether the name in a document is that of its folder.
pub(super) fn check_name(file: &Arc<File>, expected: &str) -> Option<Diagnostic> {
    let name = file.root().get("metadata")?.get("name")?;
    check_name_of(&file.part(name), expected)
}

/// Whether a name is that of its folder.
pub(in crate::decide::document) fn check_name_of(name: &Fragment, expected: &str) -> Option<Diagnostic> {
    (name.text() != expected).then(|| {
        Diagnostic::error(codes::INVALID_VALUE, "the name is not that of its folder")
            .at(name.span())
            .expected(format!("`{expected}`"))
            .hint("rename the folder or the document")
    })
}

/// Whether the environment that a Cluster states is that of its folder.
pub(super) fn check_environment(spec: &Fragment, environment: &EnvironmentName) -> Option<Diagnostic> {
    let stated = spec.get("environment").filter(|stated| stated.text() != environment.as_str())?;
    Some(
        Diagnostic::error(codes::INVALID_VALUE, "the environment is not that of its folder")
            .at(stated.span())
            .expected(format!("`{environment}`"))
            .hint("move the folder or change the environment"),
    )
}

/// Whether an environment has a name of its own.
pub(super) fn check_reserved(file: &Arc<File>, name: &EnvironmentName) -> Option<Diagnostic> {
    let message = "an environment cannot be named `plan`: its status would be that of plans";
    let stated = file.root().get("metadata").and_then(|metadata| metadata.get("name"));
    let at = file.span(stated.unwrap_or(file.root()));
    (name.as_str() == "plan").then(|| Diagnostic::error(codes::INVALID_VALUE, message).at(at).hint("rename it"))
}
