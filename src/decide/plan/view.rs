//! In: a plan, or a change. Out: what people review and programs read of it.
//! Guarantee: every write and deletion is named; a sensitive value stands as its mark.
use super::approvals::Approval;
use super::disruption::name as class;
use super::model::{
    Admission, Change, ChangeKind, Conflicts, Group, Hold, LayerChange, ObjectChange, Old, Operation, Plan,
};
use crate::decide::document::Site;
use crate::decide::profile::{Pin, reason};
use crate::decide::value::{Map, PatchOperation, Pointer, Value, canonical};
use crate::name::{LayerName, ObjectId, ProfileName, RepoName};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// The longest value that a line shows: a line of a terminal.
const SHOWN_CHARS_MAX: usize = 60;

/// Returns the lines by which people review a plan; unchanged layers are only counted.
pub fn lines(plan: &Plan) -> Vec<String> {
    let change = &plan.change;
    let mut lines = vec![headline(change)];
    lines.extend(change.pins.iter().map(|pin| format!("  @ {}", source(pin))));
    lines.extend(
        plan.base.renamed_from.iter().map(|old| format!("  it was named {old}, and goes on under the new name")),
    );
    let changed: Vec<&LayerChange> = change.layers.iter().filter(|layer| layer.kind != ChangeKind::Unchanged).collect();
    for layer in &changed {
        lines.extend(layer_lines(layer, &over(change, layer)));
    }
    let unchanged = change.layers.len() - changed.len();
    if unchanged > 0 {
        lines.push(format!("  = {unchanged} layer{} unchanged", if unchanged == 1 { "" } else { "s" }));
    }
    lines.extend(plan.layers.iter().flat_map(|layer| &layer.groups).flat_map(Group::writes).filter_map(admission_line));
    lines.extend(resumed_lines(plan));
    let repairs: Vec<&ObjectChange> = repairs(plan).collect();
    if !repairs.is_empty() {
        lines.push("  ! not as it was written, and written again".to_owned());
        lines.extend(repairs.into_iter().map(|object| format!("      {}", object_line(object))));
    }
    if let Old::Unknown(why) = &change.old {
        lines.push(format!("  ! the old state is unknown: {why}"));
    }
    for hold in &plan.holds {
        lines.push(match hold {
            Hold::Approval { why } => format!("  ! needs approval: {why}"),
            Hold::Forbidden { why } => format!("  ! is never done: {why}"),
            Hold::Paused => "  ! the cluster is paused".to_owned(),
        });
    }
    lines.extend(
        plan.paused.iter().map(|layer| format!("  ! layer {layer} is paused: it differs, and is left as it is")),
    );
    lines.extend(plan.approval.iter().flat_map(Approval::lines).map(|line| format!("  ! {line}")));
    if plan.holds.iter().any(|hold| matches!(hold, Hold::Approval { .. })) {
        lines.push(format!("  approve by `stratify approve {}`, or by the trailer `Stratify-Approve: {0}`", change.id));
    }
    lines
}

/// Returns what is written though Git does not change it: somebody else did, or a sync was cut off.
pub fn repairs(plan: &Plan) -> impl Iterator<Item = &ObjectChange> {
    let changed: BTreeSet<(Site, &ObjectId)> = plan
        .change
        .layers
        .iter()
        .flat_map(|layer| &layer.objects)
        .filter(|object| object.operation != Operation::Unchanged)
        .map(|object| (object.site, &object.object))
        .collect();
    // What stands only at versions on the way is no repair.
    let written = plan.layers.iter().filter(|layer| layer.version.is_none() && !is_resumed(plan, &layer.layer));
    let written = written.flat_map(|layer| &layer.groups).flat_map(Group::writes);
    written.filter(move |object| !changed.contains(&(object.site, &object.object)))
}

fn is_resumed(plan: &Plan, layer: &LayerName) -> bool {
    plan.change.layers.iter().any(|change| change.layer == *layer && change.is_resumed)
}

/// Returns what is written of layers that were paused.
fn resumed_lines(plan: &Plan) -> Vec<String> {
    let layers = plan.layers.iter().filter(|layer| layer.writes() && is_resumed(plan, &layer.layer));
    let lines = layers.flat_map(|layer| {
        let head = format!("  ~ {} is no longer paused", layer.layer);
        let objects =
            layer.groups.iter().flat_map(Group::writes).map(|object| format!("      {}", object_line(object)));
        std::iter::once(head).chain(objects)
    });
    lines.collect()
}

fn headline(change: &Change) -> String {
    let id: String = change.id.to_string().chars().take(12).collect();
    let old = match &change.old {
        Old::Nothing => "nothing was applied before",
        Old::Applied(digest) if *digest == change.digest => "the same full profile is applied",
        Old::Applied(_) | Old::Unknown(_) => "against what is applied",
    };
    format!("{} ({}): change {id}, {old}, disruption {}", change.cluster, change.environment, class(change.disruption))
}

/// Returns what is read beside the head, in words.
pub fn source(pin: &Pin) -> String {
    let what = pin.profile.as_ref().map_or("profiles and packs are".into(), |name| format!("profile {name} is"));
    let of = pin.repository.as_ref().map_or_else(String::new, |name| format!(" of {name}"));
    let commit = pin.commit.to_string();
    // An id is said once; a tag with what it is.
    let is = if *pin.revision == *commit { String::new() } else { format!(" ({commit})") };
    format!("{what} read at {}{of}{is}", pin.revision)
}

/// Returns what is read beside the head, as programs read it.
pub fn source_data(pin: &Pin) -> Json {
    json!({
        "profile": pin.profile.as_ref().map(ProfileName::as_str),
        "repository": pin.repository.as_ref().map(RepoName::as_str),
        "revision": &*pin.revision,
        "commit": pin.commit.to_string(),
    })
}

/// Returns the versions over which a layer goes up, the wanted one last; none where it is one step.
fn over(change: &Change, layer: &LayerChange) -> Vec<String> {
    let stair = change.stair.iter().filter(|stair| stair.layer == layer.layer);
    stair.flat_map(|stair| &stair.steps).map(|step| step.rung.version.to_string()).collect()
}

fn layer_lines(layer: &LayerChange, over: &[String]) -> Vec<String> {
    let sign = match layer.kind {
        ChangeKind::Added => '+',
        ChangeKind::Removed => '-',
        _ => '~',
    };
    let mut head = format!("  {sign} {} ({}, wave {}", layer.layer, kind(layer.kind), layer.wave);
    let after: Vec<String> =
        layer.after.iter().map(|edge| format!("{} by {}", edge.layer, reason(&edge.why))).collect();
    if !after.is_empty() {
        head.extend([", after ", &after.join(", ")]);
    }
    if let Some((_, why)) = &layer.disruption_reason {
        head.extend([", ", &**why]);
    }
    head.push(')');
    let mut lines = vec![head];
    if let Some(old) = &layer.renamed_from {
        lines.push(format!("      it was named {old}"));
    }
    if !over.is_empty() {
        lines.push(format!("      to {}, each healthy before the next", over.join(", then ")));
    }
    if !matches!(layer.kind, ChangeKind::Added | ChangeKind::Removed) {
        lines.extend(operations(&layer.patch, &layer.inverse).map(|line| format!("      {line}")));
    }
    for object in layer.objects.iter().filter(|object| object.operation != Operation::Unchanged) {
        let until = layer.deferred.get(&object.object).filter(|_| object.manifest.is_some());
        let until = until.map_or_else(String::new, |until| format!(" deferred until {until} has its definition"));
        lines.push(format!("      {}{until}", object_line(object)));
        if object.operation == Operation::Patch {
            lines.extend(operations(&object.patch, &object.inverse).map(|line| format!("          {line}")));
        }
    }
    lines
}

/// Says what changes hands, and how far a write was tried where the target has not admitted it.
fn admission_line(object: &ObjectChange) -> Option<String> {
    let said = match &object.admission {
        Admission::Untried
        | Admission::SchemaChecked
        | Admission::Admitted(Conflicts::Refuse | Conflicts::Overrule) => return None,
        Admission::Admitted(Conflicts::Adopt(managers)) => format!("changes hands, from {}", managers.join(", ")),
        Admission::Unverified(why) => format!("could not be tried: {why}"),
    };
    Some(format!("  ! {} {} {said}", object.object.kind, object.object.name))
}

fn object_line(object: &ObjectChange) -> String {
    let sign = match &object.operation {
        Operation::Create => "+",
        Operation::Patch => "~",
        Operation::Recreate => "-/+",
        Operation::Unchanged => "=",
        Operation::Prune => "-",
        Operation::Move { .. } => ">",
        Operation::Keep => "·",
    };
    let place = object.object.namespace.as_ref().map_or_else(String::new, |namespace| format!("{namespace}/"));
    let from = match &object.operation {
        Operation::Move { from } => format!(" from layer {from}"),
        Operation::Keep => " stays, ours no longer".to_owned(),
        _ => String::new(),
    };
    format!("{sign} {} {place}{}{from}", object.object.kind, object.object.name)
}

/// Operations as `path: old → new`; the inverse knows what was.
fn operations<'a>(patch: &'a [PatchOperation], inverse: &'a [PatchOperation]) -> impl Iterator<Item = String> + 'a {
    let was = |path: &Pointer| {
        inverse.iter().find_map(|operation| match operation {
            PatchOperation::Add(at, value) | PatchOperation::Replace(at, value) if at == path => Some(shown(value)),
            _ => None,
        })
    };
    // Digests and marks follow from what is shown anyway.
    let is_noise =
        |path: &Pointer| path.to_string() == "/digest" || path.to_string().starts_with("/metadata/labels/stratify.dev");
    patch.iter().filter(move |operation| !is_noise(operation.path())).map(move |operation| {
        let path = operation.path();
        match operation {
            PatchOperation::Add(_, value) => format!("+ {path}: {}", shown(value)),
            PatchOperation::Remove(_) => format!("- {path}: {}", was(path).unwrap_or_default()),
            PatchOperation::Replace(_, value) => {
                format!("~ {path}: {} → {}", was(path).unwrap_or_default(), shown(value))
            }
            PatchOperation::Move(from, _) => format!("> {path} from {from}"),
            PatchOperation::Copy(from, _) => format!("+ {path} as {from}"),
            PatchOperation::Test(_, value) => format!("? {path}: {}", shown(value)),
        }
    })
}

fn shown(value: &Value) -> String {
    let text = canonical(&masked(value));
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return text;
    }
    let cut: String = text.chars().take(SHOWN_CHARS_MAX - 1).collect();
    format!("{cut}…")
}

/// Returns a value with marks where something is sensitive.
pub fn masked(value: &Value) -> Value {
    match value {
        Value::Sensitive(sensitive) => Value::string(&sensitive.mark()),
        Value::List(items) => Value::list(items.iter().map(masked).collect()),
        Value::Map(map) => map.iter().map(|(key, value)| (key.clone(), masked(value))).collect::<Map>().into(),
        value => value.clone(),
    }
}

/// Returns a plan as programs read it.
pub fn data(plan: &Plan) -> Json {
    let change = &plan.change;
    let layer = |layer: &LayerChange| {
        json!({
            "layer": layer.layer.as_str(),
            "kind": kind(layer.kind),
            "wave": layer.wave,
            "after": layer.after.iter().map(|edge| json!({ "layer": edge.layer.as_str(), "why": reason(&edge.why) })).collect::<Vec<_>>(),
            "disruption": class(layer.disruption),
            "over": over(change, layer),
            "patch": patch(&layer.patch),
            "inverse": patch(&layer.inverse),
            "objects": layer.objects.iter().map(|change| of_layer(layer, change)).collect::<Vec<_>>(),
        })
    };
    let hold = |hold: &Hold| match hold {
        Hold::Approval { why } => json!({ "needs": "approval", "why": why }),
        Hold::Forbidden { why } => json!({ "needs": "another change", "why": why }),
        Hold::Paused => json!({ "needs": "lifecycle: active", "why": "the cluster is paused" }),
    };
    json!({
        "cluster": change.cluster.as_str(),
        "environment": change.environment.as_str(),
        "change": change.id.to_string(),
        "plan": plan.id.to_string(),
        "digest": change.digest.to_string(),
        "pins": change.pins.iter().map(source_data).collect::<Vec<_>>(),
        "disruption": class(change.disruption),
        "layers": change.layers.iter().map(layer).collect::<Vec<_>>(),
        "repairs": repairs(plan).map(object).collect::<Vec<_>>(),
        "holds": plan.holds.iter().map(hold).collect::<Vec<_>>(),
        "approvals": plan.approval.iter().flat_map(Approval::lines).collect::<Vec<_>>(),
        "paused": plan.paused.iter().map(LayerName::as_str).collect::<Vec<_>>(),
    })
}

/// What is deferred says until which layer has its definition.
fn of_layer(layer: &LayerChange, change: &ObjectChange) -> Json {
    let mut said = object(change);
    if let (Some(until), Json::Object(fields)) = (layer.deferred.get(&change.object), &mut said) {
        fields.insert("deferredUntil".into(), until.as_str().into());
    }
    said
}

fn object(object: &ObjectChange) -> Json {
    json!({
        "group": &*object.object.group,
        "kind": &*object.object.kind,
        "namespace": object.object.namespace.as_deref(),
        "name": &*object.object.name,
        "operation": operation(&object.operation),
        "patch": patch(&object.patch),
    })
}

fn patch(patch: &[PatchOperation]) -> Json {
    let operations: Vec<Json> = patch.iter().map(|operation| json_of(&masked(&operation.to_value()))).collect();
    operations.into()
}

/// Returns a value as JSON; a sensitive one as its mark.
pub fn json_of(value: &Value) -> Json {
    serde_json::from_str(&canonical(&masked(value))).unwrap_or_default()
}

fn operation(operation: &Operation) -> &'static str {
    match operation {
        Operation::Create => "create",
        Operation::Patch => "patch",
        Operation::Recreate => "recreate",
        Operation::Unchanged => "unchanged",
        Operation::Prune => "prune",
        Operation::Move { .. } => "move",
        Operation::Keep => "keep",
    }
}

fn kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "added",
        ChangeKind::Removed => "removed",
        ChangeKind::Replaced => "replaced",
        ChangeKind::Upgraded => "upgraded",
        ChangeKind::Downgraded => "downgraded",
        ChangeKind::Reconfigured => "reconfigured",
        ChangeKind::Unchanged => "unchanged",
    }
}
