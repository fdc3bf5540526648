//! In: what a part of a layer was rendered to outside. Out: its objects on their way, or what is wrong with the part.
//! Guarantee: all stands at the line that names the part; tests of charts are left out, as by `helm template --skip-tests`.
use super::codes;
use super::expanded::{Expanded, ExpandedObject, Refusal};
use super::expansion::Request;
use super::hook::{Role, is_kept, notes_of, role};
use super::model::Outlives;
use super::object::{Draft, flatten};
use super::taint::Taint;
use crate::decide::profile::{Part, ProfileLayer, What};
use crate::decide::value::{Diagnostic, Seal, Value};
use std::sync::Arc;

/// Returns what there is to tell of a part whose objects it adds; `notes` are for those who read plans.
pub(super) fn drafts_of(
    layer: &ProfileLayer,
    part: &Part,
    (request, expanded): (&Request, &Expanded),
    seal: &Seal,
    (drafts, notes): (&mut Vec<Draft>, &mut Vec<Arc<str>>),
) -> Vec<Diagnostic> {
    let objects = match expanded {
        Expanded::Refused(refusals) => return refusals.iter().map(|refusal| refused(layer, part, refusal)).collect(),
        Expanded::Objects(objects) => objects,
    };
    let (taint, mut said) = (Taint::of(&request.values), Vec::new());
    for ExpandedObject { manifest, unstable, .. } in objects {
        let finished = match part.finish.as_ref().map(|finish| finish.object(manifest, seal)).transpose() {
            Ok(finished) => finished,
            Err(why) => {
                let message = format!("{} of layer `{}` cannot be filled: {why}", named(manifest), layer.name);
                said.push(Diagnostic::error(codes::REFUSED, message).at(part.at.clone()));
                continue;
            }
        };
        let manifest = finished.as_ref().unwrap_or(manifest);
        let role = if request.what.is_chart() { role(manifest) } else { Role::Plain };
        if matches!(role, Role::Hook(_) | Role::Elsewhen) {
            notes.extend(notes_of(manifest, &named(manifest)));
        }
        let hook = match role {
            Role::Plain => None,
            Role::Hook(hook) => Some(hook),
            Role::Test | Role::Elsewhen => continue,
        };
        let mut manifest = manifest.clone();
        taint.seal(&mut manifest, seal);
        let before = drafts.len();
        flatten(manifest, &part.at, drafts);
        for draft in drafts.iter_mut().skip(before) {
            let asks = request.what.is_chart() && is_kept(&draft.manifest);
            // As `helm install --namespace` has it; none is the layer's own.
            draft.namespace.clone_from(&part.namespace);
            draft.kept = if asks { Outlives::AsAsked } else { Outlives::No };
            (draft.is_foreign, draft.hook) = (true, hook.clone());
        }
        match drafts.get_mut(before..) {
            Some([draft]) => draft.unstable.clone_from(unstable),
            _ if unstable.is_empty() => {}
            _ => said.push(unstable_list(layer, part)),
        }
    }
    said
}

/// A list of objects has no fields of one of them.
fn unstable_list(layer: &ProfileLayer, part: &Part) -> Diagnostic {
    let message = format!("the chart of layer `{}` makes up something in a List of objects", layer.name);
    Diagnostic::error(codes::REFUSED, message).at(part.at.clone()).expected("objects one by one")
}

fn named(manifest: &Value) -> String {
    let kind = manifest.get("kind").and_then(Value::as_str).unwrap_or("an object");
    let name = manifest.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Value::as_str);
    format!("{kind} {}", name.unwrap_or("without a name"))
}

/// What is told where a part was not rendered: a mistake of ours.
pub(super) fn not_expanded(layer: &ProfileLayer, part: &Part) -> Diagnostic {
    Diagnostic::error(codes::NOT_EXPANDED, format!("the layer `{}` was not rendered", layer.name)).at(part.at.clone())
}

fn refused(layer: &ProfileLayer, part: &Part, refusal: &Refusal) -> Diagnostic {
    let what = match part.what {
        What::Chart(_) => "chart",
        What::Kustomization(_) => "kustomization",
        What::Manifest { .. } => "manifest",
    };
    let message = format!("the {what} of layer `{}` cannot be rendered: {}", layer.name, refusal.message);
    let said = Diagnostic::error(codes::REFUSED, message).at(part.at.clone());
    let said = match &refusal.at {
        Some(at) => said.also(at.clone(), "here"),
        None => said,
    };
    match &refusal.hint {
        Some(hint) => said.hint(hint.clone()),
        None => said,
    }
}
