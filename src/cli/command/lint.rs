//! In: the working tree, or a part of it. Out: everything that is wrong with its documents and full profiles.
//! Guarantee: what has no error here can be planned; nothing is written.
use super::current_fleet::{Here, on_large_stack};
use super::{Answer, Failure, Found, NAMED_MAX, once};
use crate::cli::args::Lint;
use crate::cli::print::{Text, data};
use crate::client::git::{fault, in_folder};
use crate::control::preview::Preview;
use crate::decide::profile::absent_labels;
use crate::decide::render::unmarked;
use crate::decide::value::{Diagnostic, Fault, Owner, Source, Warnings, counted};
use crate::name::ClusterName;
use crate::settings::Settings;
use serde_json::{Value, json};
use std::path::Path;

/// Checks all documents and resolves all clusters.
pub(super) fn run(options: &Lint, settings: Option<&Path>) -> Result<Answer, Failure> {
    let path = options.path.as_deref().unwrap_or(Path::new("."));
    if path.symlink_metadata().is_err() {
        let message = format!("there is no file and no folder {}", path.display());
        return Err(
            fault(Owner::Caller, false, message, "paths count from the current folder, or from that of -C").into()
        );
    }
    let here = Here::at(path, settings)?;
    let preview = here.preview()?;
    let mut checked = on_large_stack(check(&preview, &here.settings))?;
    let faults = checked.faults();
    let Checked { clusters, said, .. } = checked;
    let all = once(said);
    let part = part(&here, path)?;
    let (said, elsewhere): (Vec<Diagnostic>, Vec<Diagnostic>) = all.into_iter().partition(|said| is_in(said, &part));
    Ok(answer(clusters, said, elsewhere.len(), if part.is_empty() { faults } else { Vec::new() }))
}

/// Returns the path inside the fleet to which what is said is cut down; empty for all of it.
fn part(here: &Here, path: &Path) -> Result<String, Fault> {
    let Ok(root) = here.root() else { return Ok(String::new()) };
    let path = path.canonicalize().map_err(in_folder("could not look for the path"))?;
    Ok(path.strip_prefix(root).map(|inside| inside.display().to_string()).unwrap_or_default())
}

/// Whether something is said of a part of the working tree.
fn is_in(said: &Diagnostic, part: &str) -> bool {
    let is_inside = |path: &str| path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let mut places = said.at.iter().chain(said.also.iter().map(|(span, _)| span));
    part.is_empty() || places.any(|span| span.origin.is_none() && is_inside(span.path.as_str()))
}

fn answer(clusters: usize, said: Vec<Diagnostic>, elsewhere: usize, faults: Vec<Failure>) -> Answer {
    let errors = said.iter().filter(|said| said.is_error()).count();
    let mut text = Text::default();
    let mut line = format!("{}, no errors, {}", counted(clusters, "cluster"), counted(said.len(), "warning"));
    if elsewhere > 0 {
        line = format!("{line} here; {elsewhere} elsewhere");
    }
    if errors == 0 && faults.is_empty() {
        text.line(line);
    }
    let beside = Failure::data(&faults);
    let diagnostics: Vec<Value> = said.iter().map(data).collect();
    let data = json!({
        "clusters": clusters,
        "diagnostics": diagnostics,
        "elsewhere": elsewhere,
        "errors": beside["errors"],
    });
    let mut answer = Answer::new(text, data);
    if errors > 0 {
        answer.failures.push(said.into());
    } else {
        answer.warnings = said;
    }
    answer.failures.extend(faults);
    answer
}

/// What was found.
struct Checked {
    clusters: usize,
    said: Vec<Found>,
    /// Clusters whose target the settings do not have.
    faults: Vec<Failure>,
    /// What else could not be done, and for which clusters.
    beside: Vec<(Fault, Vec<ClusterName>)>,
}

impl Checked {
    /// Takes a fault that is none of the documents', once however many clusters have it.
    fn fault(&mut self, cluster: &ClusterName, fault: &Fault) {
        match self.beside.iter_mut().find(|(known, _)| known.to_string() == fault.to_string()) {
            Some((_, clusters)) => clusters.push(cluster.clone()),
            None => self.beside.push((fault.repeated(), vec![cluster.clone()])),
        }
    }

    /// Returns all faults, each with the clusters that have it.
    fn faults(&mut self) -> Vec<Failure> {
        let told = |(fault, clusters): (Fault, Vec<ClusterName>)| {
            let names: Vec<&str> = clusters.iter().take(NAMED_MAX).map(ClusterName::as_str).collect();
            let more = clusters.len() - names.len();
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            let of = format!("found in {}{more}", names.join(", "));
            let hint = fault.hint.as_ref().map_or_else(|| of.clone(), |hint| format!("{hint}; {of}"));
            let source = Source::Error(fault.to_string().into());
            Fault { source, hint: Some(hint), ..fault }.into()
        };
        let beside: Vec<Failure> = std::mem::take(&mut self.beside).into_iter().map(told).collect();
        std::mem::take(&mut self.faults).into_iter().chain(beside).collect()
    }
}

async fn check(preview: &Preview, settings: &Settings) -> Result<Checked, Failure> {
    let fleet = preview.fleet(None)?;
    let clusters: Vec<&ClusterName> = fleet.index.cluster_names().collect();
    let mut found = Checked {
        clusters: clusters.len(),
        said: Found::of_all(fleet.index.said()),
        faults: Vec::new(),
        beside: Vec::new(),
    };
    if let Err(errors) = fleet.index.fleet() {
        found.said.extend(Found::of_all(errors));
        return Ok(found);
    }
    found.said.extend(Found::of_all(fleet.index.without_document()));
    found.said.extend(Found::of_all(absent_labels(&fleet.index)));
    let all = clusters.len();
    for cluster in clusters {
        let mut warnings = Warnings::default();
        match preview.wanted(&fleet, cluster, &mut warnings).await {
            Ok(wanted) => {
                found.said.extend(Found::of(cluster, all, unmarked(&wanted.layers)));
                if let Err(fault) = settings.target(&wanted.profile.target) {
                    let source = Source::Error(format!("{cluster}: {fault}").into());
                    found.faults.push(Fault { source, ..fault }.into());
                }
            }
            Err(Fault { source: Source::Documents(errors), .. }) => found.said.extend(Found::of(cluster, all, errors)),
            // A program that is not here says nothing of the documents; of other clusters there may be more to tell.
            Err(fault) => found.fault(cluster, &fault),
        }
        found.said.extend(Found::of(cluster, all, warnings.0));
    }
    Ok(found)
}
