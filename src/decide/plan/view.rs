//! In: a plan, or a change. Out: what people review and programs read of it.
//! Guarantee: every write and deletion is named; a sensitive value stands as its mark.
use super::approval::approvals::Approval;
use super::diff::diff;
use super::difference::disruption::name as class;
use super::model::{
    Admission, Change, ChangeKind, Conflicts, Group, Hold, HookRun, LayerChange, LayerPlan, ObjectChange, Old,
    Operation, Plan,
};
use crate::decide::document::Site;
use crate::decide::profile::{Pin, reason};
use crate::decide::render::HookMoment;
use crate::decide::value::{Map, Patch, PatchOperation, Pointer, Value, canonical, legible};
use crate::name::{LayerName, ObjectId, ProfileName, RepoName};
use serde_json::{Value as Json, json};
use similar::{ChangeTag, TextDiff};
use std::collections::{BTreeMap, BTreeSet};

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
    let wanted = wanted(change);
    let listed = listed(plan);
    for layer in &changed {
        let known = never_there(layer, &listed);
        lines.extend(layer_lines(known.as_ref().unwrap_or(layer), &over(change, layer), &wanted));
    }
    let unchanged = change.layers.len() - changed.len();
    if unchanged > 0 {
        lines.push(format!("  = {unchanged} layer{} unchanged", if unchanged == 1 { "" } else { "s" }));
    }
    lines.extend(plan.layers.iter().flat_map(admission_lines));
    lines.extend(resumed_lines(plan));
    let repairs: Vec<&ObjectChange> = repairs(plan).collect();
    let (left, repairs): (Vec<_>, Vec<_>) = repairs.into_iter().partition(|object| object.manifest.is_none());
    if !repairs.is_empty() {
        lines.push("  ! not as it was written, and written again".to_owned());
        lines.extend(repairs.into_iter().flat_map(repair_lines));
    }
    if !left.is_empty() {
        lines.push("  ! listed as ours, perhaps by a sync that was cut off, and wanted by nobody".to_owned());
        lines.extend(left.into_iter().map(|object| format!("      {}", object_line(object))));
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
    lines.into_iter().map(legible).collect()
}

/// Returns all objects to which a plan does something.
fn listed(plan: &Plan) -> BTreeSet<(Site, &ObjectId)> {
    let writes = plan.layers.iter().flat_map(|layer| &layer.groups).flat_map(Group::writes);
    writes.map(|object| (object.site, &object.object)).collect()
}

/// Returns a layer that goes without what is not there, as hooks of its chart that never ran; nothing where all is.
fn never_there(layer: &LayerChange, listed: &BTreeSet<(Site, &ObjectId)>) -> Option<LayerChange> {
    let is_there =
        |object: &ObjectChange| object.operation != Operation::Prune || listed.contains(&(object.site, &object.object));
    if layer.kind != ChangeKind::Removed || layer.objects.iter().all(is_there) {
        return None;
    }
    let objects = layer.objects.iter().filter(|object| is_there(object)).cloned().collect();
    Some(LayerChange { objects, ..layer.clone() })
}

/// Returns all objects that some layer wants.
fn wanted(change: &Change) -> BTreeSet<(Site, &ObjectId)> {
    let wanted = change.layers.iter().flat_map(|layer| &layer.objects).filter(|object| object.manifest.is_some());
    wanted.map(|object| (object.site, &object.object)).collect()
}

/// Returns the lines by which people review a change that no cluster was asked about.
pub fn change_lines(change: &Change) -> Vec<String> {
    let mut lines = vec![headline(change)];
    lines.extend(change.pins.iter().map(|pin| format!("  @ {}", source(pin))));
    let wanted = wanted(change);
    for layer in change.layers.iter().filter(|layer| layer.kind != ChangeKind::Unchanged) {
        lines.extend(layer_lines(layer, &over(change, layer), &wanted));
    }
    if let Old::Unknown(why) = &change.old {
        lines.push(format!("  ! the old state is unknown: {why}"));
    }
    lines.into_iter().map(legible).collect()
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

/// Names the fields of an object that are not as they were written; what stands there is nobody's to show.
fn repair_lines(object: &ObjectChange) -> Vec<String> {
    let fields = object.patch.iter().map(|operation| format!("          ~ {}", operation.path()));
    std::iter::once(format!("      {}", object_line(object))).chain(fields).collect()
}

/// Returns which fields a live object has otherwise than it shall be, as the patch that mends them. Fields that only the
/// live object has belong to others, and of what is sensitive nobody can tell.
pub fn mending(live: &Value, wanted: &Value) -> Patch {
    let is_ours = |operation: &PatchOperation| match operation {
        PatchOperation::Add(_, value) | PatchOperation::Replace(_, value) => !is_sensitive(value),
        _ => false,
    };
    diff(live, wanted).into_iter().filter(is_ours).collect()
}

fn is_sensitive(value: &Value) -> bool {
    match value {
        Value::Sensitive(_) => true,
        Value::List(items) => items.iter().any(is_sensitive),
        Value::Map(map) => map.iter().any(|(_, value)| is_sensitive(value)),
        _ => false,
    }
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

fn layer_lines(layer: &LayerChange, over: &[String], wanted: &BTreeSet<(Site, &ObjectId)>) -> Vec<String> {
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
        lines.extend(operations(&layer.patch, &layer.inverse).into_iter().map(|line| format!("      {line}")));
    }
    // What another layer has now is told there.
    let is_elsewhere =
        |object: &ObjectChange| object.manifest.is_none() && wanted.contains(&(object.site, &object.object));
    let objects = layer.objects.iter().filter(|object| !is_elsewhere(object));
    for object in objects.filter(|object| object.operation != Operation::Unchanged) {
        let until = layer.deferred.get(&object.object).filter(|_| object.manifest.is_some());
        let until = until.map_or_else(String::new, |until| format!(" deferred until {until} has its definition"));
        let runs = layer.hooks.get(&object.object).map(hook_words).unwrap_or_default();
        lines.push(format!("      {}{runs}{until}", object_line(object)));
        if matches!(object.operation, Operation::Patch | Operation::Move { .. } | Operation::Recreate) {
            lines
                .extend(operations(&object.patch, &object.inverse).into_iter().map(|line| format!("          {line}")));
        }
    }
    lines.extend(layer.notes.iter().map(|note| format!("      ! {note}")));
    lines
}

/// Says when a hook runs, and what becomes of it.
fn hook_words(hook: &HookRun) -> String {
    let when = match hook.moment {
        Some(HookMoment::Before) => "before the layer",
        Some(HookMoment::After) => "after the layer",
        None => return String::new(),
    };
    let goes = match (hook.goes, hook.goes_failed) {
        (true, true) => ", and goes once all is well, or when it fails",
        (true, false) => ", and goes once all is well",
        (false, true) => ", and goes when it fails",
        (false, false) => "",
    };
    format!(" runs {when} (weight {}){goes}", hook.weight)
}

/// Says what changes hands, and how far writes were tried where the target has not admitted them: what could not be for
/// one reason together.
fn admission_lines(layer: &LayerPlan) -> Vec<String> {
    let writes: Vec<&ObjectChange> = layer.groups.iter().flat_map(Group::writes).collect();
    let runs = writes.chunk_by(|left, right| left.admission == right.admission && why(&left.admission).is_some());
    runs.filter_map(|run| admission_line(run.first()?, run.len() - 1)).collect()
}

fn why(admission: &Admission) -> Option<&str> {
    if let Admission::Unverified(why) = admission { Some(why) } else { None }
}

fn admission_line(object: &ObjectChange, more: usize) -> Option<String> {
    let said = match &object.admission {
        Admission::Untried
        | Admission::SchemaChecked
        | Admission::Admitted(Conflicts::Refuse | Conflicts::Overrule) => return None,
        Admission::Admitted(Conflicts::Adopt(managers)) => format!("changes hands, from {}", managers.join(", ")),
        Admission::Unverified(why) => format!("could not be tried: {why}"),
        Admission::Refused(why) => format!("would be refused: {why}"),
    };
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    Some(format!("  ! {} {}{more} {said}", object.object.kind, object.object.name))
}

/// Says how far the writes of a plan were tried on an API server; nothing where there are none.
pub fn tried(plan: &Plan) -> Option<String> {
    let words = |object: &ObjectChange| match &object.admission {
        Admission::Admitted(_) => Some("admitted"),
        Admission::SchemaChecked => Some("schema-checked, since what they need comes with this plan"),
        Admission::Unverified(_) => Some("unverified"),
        Admission::Refused(_) => Some("refused"),
        Admission::Untried => None,
    };
    let all: Vec<&str> = plan.tried().filter_map(|(_, object)| words(object)).collect();
    let mut order = all.clone();
    order.sort_unstable();
    order.dedup();
    let count = |word: &&str| format!("{} {word}", all.iter().filter(|other| *other == word).count());
    let counts: Vec<String> = order.iter().map(count).collect();
    let noun = if all.len() == 1 { "1 write".to_owned() } else { format!("{} writes", all.len()) };
    (!all.is_empty()).then(|| format!("  {noun} tried on the server: {}", counts.join(", ")))
}

fn object_line(object: &ObjectChange) -> String {
    let sign = match &object.operation {
        Operation::Create => "+",
        Operation::Patch => "~",
        Operation::Recreate => "-/+",
        Operation::Run => "*",
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

/// Operations as `path: old → new`, texts of several lines by the lines that differ; the inverse knows what was.
fn operations(patch: &[PatchOperation], inverse: &[PatchOperation]) -> Vec<String> {
    let was = |path: &Pointer| {
        inverse.iter().find_map(|operation| match operation {
            PatchOperation::Add(at, value) | PatchOperation::Replace(at, value) if at == path => Some(value),
            _ => None,
        })
    };
    let said = |path: &Pointer| was(path).map(shown).unwrap_or_default();
    // Digests and marks follow from what is shown anyway.
    let is_noise =
        |path: &Pointer| path.to_string() == "/digest" || path.to_string().starts_with("/metadata/labels/stratify.dev");
    let lines = patch.iter().filter(|operation| !is_noise(operation.path())).flat_map(|operation| {
        let path = operation.path();
        match operation {
            PatchOperation::Add(_, value) => vec![format!("+ {path}: {}", shown(value))],
            PatchOperation::Remove(_) => vec![format!("- {path}: {}", said(path))],
            PatchOperation::Replace(_, value) => match (was(path).and_then(Value::as_str), value.as_str()) {
                (Some(old), Some(new)) if old.contains('\n') || new.contains('\n') => {
                    std::iter::once(format!("~ {path}:")).chain(line_difference(old, new)).collect()
                }
                _ => vec![format!("~ {path}: {} → {}", said(path), shown(value))],
            },
            PatchOperation::Move(from, _) => vec![format!("> {path} from {from}")],
            PatchOperation::Copy(from, _) => vec![format!("+ {path} as {from}")],
            PatchOperation::Test(_, value) => vec![format!("? {path}: {}", shown(value))],
        }
    });
    lines.collect()
}

/// The most lines of a text that are shown of one change: a screen of them.
const LINES_MAX: usize = 40;

/// Returns the lines by which two texts differ, with one line before and after each place.
fn line_difference(old: &str, new: &str) -> Vec<String> {
    let difference = TextDiff::from_lines(old, new);
    let line = |sign: char, line: &str| format!("    {sign} {}", cut(line.trim_end_matches(['\n', '\r'])));
    let mut shown = Vec::new();
    for operation in difference.grouped_ops(1).iter().flatten() {
        shown.extend(difference.iter_changes(operation).map(|change| match change.tag() {
            ChangeTag::Equal => line(' ', change.value()),
            ChangeTag::Delete => line('-', change.value()),
            ChangeTag::Insert => line('+', change.value()),
        }));
    }
    let more = shown.len().saturating_sub(LINES_MAX);
    if more > 0 {
        shown.truncate(LINES_MAX);
        shown.push(format!("    … {more} more lines"));
    }
    shown
}

/// Returns a value in one line, as people write it.
pub fn written(value: &Value) -> String {
    match value {
        Value::Float(number) if number.fract() == 0.0 => format!("{number:.1}"),
        Value::Float(number) => number.to_string(),
        Value::List(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(",")),
        Value::Map(map) => {
            let entries =
                map.iter().map(|(key, value)| format!("{}:{}", canonical(&Value::string(key)), written(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        Value::Sensitive(sensitive) => canonical(&Value::string(&sensitive.mark())),
        value => canonical(value),
    }
}

/// Returns a value in a line of bounded length.
pub fn shown(value: &Value) -> String {
    cut(&written(value))
}

/// Cuts what is longer than a line.
fn cut(text: &str) -> String {
    if text.chars().count() <= SHOWN_CHARS_MAX {
        return text.to_owned();
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
    let mut tried: BTreeMap<(Site, &ObjectId), &Admission> = BTreeMap::new();
    for object in plan.layers.iter().flat_map(|layer| &layer.groups).flat_map(Group::writes) {
        tried.entry((object.site, &object.object)).or_insert(&object.admission);
    }
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
            "objects": layer.objects.iter().map(|change| of_layer(layer, change, &tried)).collect::<Vec<_>>(),
        })
    };
    let hold = |hold: &Hold| match hold {
        Hold::Approval { why } => json!({ "needs": "approval", "why": why, "id": change.id.to_string() }),
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
        "approvals": plan.approval.iter().flat_map(approvals).collect::<Vec<_>>(),
        "paused": plan.paused.iter().map(LayerName::as_str).collect::<Vec<_>>(),
    })
}

/// An approval that counts, and those that do not where none does.
fn approvals(approval: &Approval) -> Vec<Json> {
    match &approval.granted {
        Some(granted) => vec![json!({
            "counts": true,
            "id": &*granted.id,
            "commit": granted.commit.to_string(),
            "by": &*granted.by,
        })],
        None => approval.refused.iter().map(|why| json!({ "counts": false, "why": why })).collect(),
    }
}

/// What is deferred says until which layer has its definition.
fn of_layer(layer: &LayerChange, change: &ObjectChange, tried: &BTreeMap<(Site, &ObjectId), &Admission>) -> Json {
    let mut said = object(change);
    if let Json::Object(fields) = &mut said {
        let tried = tried.get(&(change.site, &change.object)).map_or(Json::Null, |it| admission(it));
        fields.insert("admission".into(), tried);
        let until = layer.deferred.get(&change.object);
        fields.extend(until.map(|until| ("deferredUntil".into(), until.as_str().into())));
    }
    said
}

/// Says how far a write was tried, and what it does about fields that others have.
fn admission(admission: &Admission) -> Json {
    let (verdict, why) = match admission {
        Admission::Untried => ("untried", None),
        Admission::Admitted(_) => ("admitted", None),
        Admission::SchemaChecked => ("schema-checked", None),
        Admission::Unverified(why) => ("unverified", Some(why)),
        Admission::Refused(why) => ("refused", Some(why)),
    };
    let adopts = match admission {
        Admission::Admitted(Conflicts::Adopt(managers)) => managers.iter().map(|name| &**name).collect(),
        _ => Vec::new(),
    };
    let overrules = matches!(admission, Admission::Admitted(Conflicts::Overrule));
    json!({ "verdict": verdict, "why": why, "adopts": adopts, "overrules": overrules })
}

fn object(object: &ObjectChange) -> Json {
    json!({
        "group": &*object.object.group,
        "kind": &*object.object.kind,
        "namespace": object.object.namespace.as_deref(),
        "name": &*object.object.name,
        "operation": operation(&object.operation),
        "patch": patch(&object.patch),
        "admission": admission(&object.admission),
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
        Operation::Run => "run",
        Operation::Unchanged => "unchanged",
        Operation::Prune => "prune",
        Operation::Move { .. } => "move",
        Operation::Keep => "keep",
    }
}

/// Returns the word for what becomes of a layer.
pub fn kind(kind: ChangeKind) -> &'static str {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::plan::diff::inverse;

    fn said(old: &Value, new: &Value) -> Vec<String> {
        operations(&diff(old, new), &inverse(old, new))
    }

    fn map(key: &str, value: Value) -> Value {
        Value::map([(key, value)].into_iter().collect())
    }

    #[test]
    fn texts_of_several_lines_show_the_lines_that_differ() {
        let text =
            |middle: &str| map("a", Value::string(&format!("{}\nbefore\n{middle}\nafter\nfar\n", "x".repeat(80))));
        let shown = said(&text("two"), &text("2"));
        assert_eq!(shown, ["~ /a:", "      before", "    - two", "    + 2", "      after"], "and one line around them");
        let long = |last: &str| Value::string(&format!("{}{last}", "line\n".repeat(100)));
        let shown = said(&map("a", Value::string("x\n")), &map("a", long("end")));
        assert_eq!(shown.len(), LINES_MAX + 2, "a screen of them, and how many more there are: {shown:?}");
    }

    #[test]
    fn numbers_stand_as_people_write_them() {
        let float = |number| map("ratio", Value::float(number).expect("it is finite"));
        assert_eq!(said(&float(0.5), &float(0.25)), ["~ /ratio: 0.5 → 0.25"], "not as powers of ten");
        assert_eq!(written(&float(2.0)), "{\"ratio\":2.0}", "it stays one with a point");
    }

    #[test]
    fn of_a_live_object_the_fields_are_named_that_are_not_as_they_shall_be() {
        let wanted = Value::map([("a", Value::Integer(1)), ("b", Value::Integer(2))].into_iter().collect());
        let live = Value::map([("a", Value::Integer(7)), ("status", Value::Integer(3))].into_iter().collect());
        let paths: Vec<String> = mending(&live, &wanted).iter().map(|operation| operation.path().to_string()).collect();
        assert_eq!(paths, ["/a", "/b"], "what others added is theirs");
    }
}
