//! In: the files of a kustomization. Out: the objects that `kustomize build` prints of it.
//! Guarantee: nothing is fetched and no plugin runs: what would was refused before; it sees the files that it names, no others.
use super::program::{Found, version_in};
use super::{Files, Packs, check_version, cut_short, operators};
use crate::client::process::Ended;
use crate::decide::profile::Tree;
use crate::decide::render::{Expanded, Refusal, Request, read_output};
use crate::decide::value::Fault;
use std::ffi::OsString;

/// The longest reason that is told.
const CHARS_MAX: usize = 400;

/// Looks for kustomize, or for kubectl, which has it inside.
pub(super) fn find(packs: &Packs) -> Result<Found, Fault> {
    let hint = "install kustomize 5 or kubectl 1.27 or later, or name it under `programs` of the settings";
    let Some(file) = packs.settings.find_kustomize() else {
        let message = "a kustomization is built by kustomize or kubectl, and neither is on PATH";
        return Err(operators(message.into(), hint));
    };
    let file = file.canonicalize().unwrap_or(file);
    for (word, arguments) in [("kustomize", &["version"][..]), ("kubectl", &["version", "--client", "--output=json"])] {
        let arguments = arguments.iter().map(OsString::from).collect();
        let answer = packs.run(&file, arguments, Files::new(), Vec::new())?;
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        let is_kubectl = text.contains("gitVersion");
        let version = version_in(&text).filter(|_| answer.ended == Ended::Code(0) && is_kubectl == (word == "kubectl"));
        if let Some(version) = version.filter(|version| version.major >= 5 || is_kubectl) {
            let inside = text.split_once("kustomizeVersion").and_then(|(_, rest)| version_in(rest));
            let inside = inside.map_or_else(String::new, |inside| format!(" with kustomize {inside}"));
            return Ok(Found { file, version: format!("{word} {version}{inside}").into() });
        }
    }
    Err(operators(format!("{} is neither kustomize 5 nor kubectl", file.display()), hint))
}

/// Builds a kustomization.
pub(super) fn render(packs: &Packs, request: &Request, tree: &Tree, files: Files) -> Result<Expanded, Fault> {
    let program = packs.kustomize()?;
    check_version(request, program, "kustomize", "kustomizations")?;
    let verb = if program.version.starts_with("kubectl") { "kustomize" } else { "build" };
    let arguments = vec![verb.into(), tree.root.as_str().into()];
    let answer = match packs.run(&program.file, arguments, files, Vec::new()) {
        Ok(answer) => answer,
        Err(error) => return Ok(Expanded::Refused(vec![cut_short(error)?])),
    };
    let text = String::from_utf8_lossy(&answer.stdout);
    if answer.ended != Ended::Code(0) {
        return Ok(Expanded::Refused(vec![Refusal::new(reason(&answer.stderr))]));
    }
    Ok(match read_output(&text) {
        Ok(objects) => Expanded::Objects(objects),
        Err(refusal) => Expanded::Refused(vec![refusal]),
    })
}

/// Returns a complaint on one line, without the folder in which the run was.
fn reason(stderr: &str) -> String {
    let text = stderr.split_whitespace().map(shortened).collect::<Vec<_>>().join(" ");
    let text = text.strip_prefix("error: ").or_else(|| text.strip_prefix("Error: ")).unwrap_or(&text);
    let text: String = text.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect();
    if text.is_empty() { "kustomize ended without a reason".into() } else { text }
}

/// The folder of a run is nobody's concern, and another one each time.
fn shortened(word: &str) -> String {
    match (word.find('/'), word.find("/run-"), word.find("/files/")) {
        (Some(start), Some(run), Some(end)) if run < end => {
            format!(
                "{}{}",
                word.get(..start).unwrap_or_default(),
                word.get(end + "/files/".len()..).unwrap_or_default()
            )
        }
        _ => word.to_owned(),
    }
}
