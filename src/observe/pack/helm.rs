//! In: a chart's files, values, release, namespace, capabilities. Out: the objects that `helm template` prints of it.
//! Guarantee: helm sees no cluster, no network, no plugin and no configuration; values go to its standard input; where a chart
//! renders otherwise the second time, that is told of each object.
//!
//! Why twice: what is chance, or the time, would be another plan at each look, and never end to differ. Each distinct
//! request is rendered once by all who ask; the second render of that first sight is all that this costs.
use super::chart::Chart;
use super::complaint::complaint;
use super::difference::mark_differences;
use super::json::go_json;
use super::program::{Found, version_in};
use super::{Files, Packs, check_version, cut_short, moved, operators};
use crate::client::process::{Answer, Ended};
use crate::decide::render::{Expanded, Refusal, Request, read_output};
use crate::decide::value::Fault;
use std::ffi::OsString;

/// The folder that the chart is in.
const FOLDER: &str = "chart";

/// The most differences that are told.
const DIFFERENCES_MAX: usize = 5;

/// Looks for helm.
pub(super) fn find(packs: &Packs) -> Result<Found, Fault> {
    let hint = "install helm 3 or 4, or name it under `programs` of the settings";
    let Some(file) = packs.settings.find_helm() else {
        return Err(operators("a chart is rendered by helm, which is not on PATH".into(), hint));
    };
    let file = file.canonicalize().unwrap_or(file);
    let answer = packs.run(&file, vec!["version".into(), "--short".into()], Files::new(), Vec::new())?;
    let version =
        version_in(&String::from_utf8_lossy(&answer.stdout)).filter(|version| (3..=4).contains(&version.major));
    let Some(version) = version else {
        return Err(operators(format!("{} is no helm of version 3 or 4", file.display()), hint));
    };
    Ok(Found { file, version: format!("helm {version}").into() })
}

/// Renders a chart.
pub(super) fn render(packs: &Packs, request: &Request, chart: &Chart) -> Result<Expanded, Fault> {
    let files = chart.files.iter();
    let given: Files =
        files.filter_map(|(path, bytes)| Some((moved(path, &chart.root, FOLDER)?, bytes.clone()))).collect();
    let values = go_json(&request.values).into_bytes();
    let program = packs.helm()?;
    check_version(request, program, "helm", "charts")?;
    let once = || packs.run(&program.file, arguments(request), given.clone(), values.clone());
    let first = match once() {
        Ok(answer) => answer,
        Err(error) => return Ok(Expanded::Refused(vec![cut_short(error)?])),
    };
    let Some(text) = printed(&first) else {
        return Ok(Expanded::Refused(vec![complaint(request, chart, &first.stderr)]));
    };
    let mut objects = match read_output(text) {
        Ok(objects) => objects,
        Err(refusal) => return Ok(Expanded::Refused(vec![refusal])),
    };
    let second = match once() {
        Ok(answer) => answer,
        Err(error) => return Ok(Expanded::Refused(vec![cut_short(error)?])),
    };
    if printed(&second) == Some(text) {
        return Ok(Expanded::Objects(objects));
    }
    let again = printed(&second).and_then(|text| read_output(text).ok()).unwrap_or_default();
    let others = mark_differences(&mut objects, &again);
    if others.is_empty() {
        return Ok(Expanded::Objects(objects));
    }
    let hint = "set what these names are made from by values; under another name it is another object at each look";
    let refusal = |other: &String| Refusal::new(format!("it renders otherwise each time: {other}")).hint(hint);
    Ok(Expanded::Refused(others.iter().take(DIFFERENCES_MAX).map(refusal).collect()))
}

/// Returns what was printed, where all went well.
fn printed(answer: &Answer) -> Option<&str> {
    std::str::from_utf8(&answer.stdout).ok().filter(|_| answer.ended == Ended::Code(0))
}

fn arguments(request: &Request) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["template".into(), (&*request.release).into(), FOLDER.into()];
    arguments.extend(["--namespace".into(), (&*request.namespace).into()]);
    arguments.extend(["--include-crds".into(), "--values".into(), "-".into()]);
    arguments.extend(["--kube-version".into(), (&*request.capabilities.kubernetes).into()]);
    for api in &request.capabilities.apis {
        arguments.extend(["--api-versions".into(), (&**api).into()]);
    }
    arguments
}
