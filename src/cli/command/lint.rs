//! In: the working tree. Out: everything that is wrong with its documents and full profiles.
//! Guarantee: what has no error here can be planned; nothing is written.
use super::here::{Here, on_large_stack};
use super::{Answer, Failure, once};
use crate::cli::args::Lint;
use crate::cli::print::{Text, data};
use crate::control::preview::Preview;
use crate::decide::report::counted;
use crate::decide::value::{Diagnostic, Fault, Source, Warnings};
use serde_json::json;
use std::path::Path;

/// Checks all documents and resolves all clusters.
pub(super) fn run(options: &Lint, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::at(options.path.as_deref().unwrap_or(Path::new(".")), settings)?;
    let preview = here.preview()?;
    let (clusters, said) = on_large_stack(check(&preview))?;
    let said = once(said);
    if said.iter().any(Diagnostic::is_error) {
        return Err(said.into());
    }
    let mut text = Text::default();
    text.line(format!("{}, no errors, {}", counted(clusters, "cluster"), counted(said.len(), "warning")));
    let mut answer =
        Answer::new(text, json!({ "clusters": clusters, "diagnostics": said.iter().map(data).collect::<Vec<_>>() }));
    answer.warnings = said;
    Ok(answer)
}

async fn check(preview: &Preview) -> Result<(usize, Vec<Diagnostic>), Failure> {
    let fleet = preview.fleet(None)?;
    let mut said = fleet.index.said();
    if let Err(errors) = fleet.index.fleet() {
        said.extend(errors);
        return Ok((fleet.index.cluster_count(), said));
    }
    for cluster in fleet.index.cluster_names() {
        let mut warnings = Warnings::default();
        match preview.wanted(&fleet, cluster, &mut warnings).await {
            Ok(_) => {}
            Err(Fault { source: Source::Documents(errors), .. }) => said.extend(errors),
            Err(fault) => return Err(fault.into()),
        }
        said.extend(warnings.0);
    }
    Ok((fleet.index.cluster_count(), said))
}
