//! In: a fleet before and after an edit, and what is asked of it. Out: what the program says, as text.
//! Guarantee: a diagnostic shows its place and line unless the line is withheld; layers stand in the order of application.
use super::file::Block;
use crate::fleet::Files;
use crate::plan::{after, plan, plan_of, render, unborn};
use std::fmt::Write as _;
use stratify::decide::document::Site;
use stratify::decide::plan::{ChangeKind, Group, Hold, LayerChange, Operation, Plan, change_over, disruption_name};
use stratify::decide::profile::{FullProfile, ProfileLayer, ResolvedSource, reason, role_word};
use stratify::decide::value::{Diagnostic, Excerpt, Patch, Severity, Span, Value, canonical, counted};
use stratify::name::{ClusterName, ObjectId};

/// Returns what an expectation of this kind is.
pub(crate) fn expectation(block: &Block, before: &Files, edited: &Files) -> String {
    let name = block.option("cluster").unwrap_or("one");
    match block.word.as_str() {
        "diagnostics" => diagnostics(edited),
        "profile" => profile(edited, name, block.option("layers")),
        "objects" => objects(edited, name, block.option("layers")),
        "touched" => touched(before, edited),
        _ => planned(before, edited, name),
    }
}

/// Prints all that is said of the documents and of each cluster, once.
fn diagnostics(files: &Files) -> String {
    let mut said = files.fleet.index.said();
    let mut endings = Vec::new();
    for cluster in files.clusters() {
        let (ending, more) = match files.render(&cluster) {
            Ok((layers, more)) => (format!("{cluster}: {} layers", layers.layers.len()), more),
            Err(more) => (format!("{cluster}: nothing was applied"), more),
        };
        endings.push(ending);
        for diagnostic in more {
            if !said.contains(&diagnostic) {
                said.push(diagnostic);
            }
        }
    }
    let mut text: String = said.iter().map(|said| diagnostic(said) + "\n").collect();
    if endings.is_empty() {
        endings.push("there is no cluster".into());
    }
    text.push_str(&endings.join("\n"));
    text + "\n"
}

/// Prints a diagnostic as rustc does.
fn diagnostic(said: &Diagnostic) -> String {
    let word = match said.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut text = format!("{word}[{}]: {}\n", said.code, said.message);
    for (span, note) in said.at.iter().map(|span| (span, "")).chain(said.also.iter().map(|(span, it)| (span, &*it.0))) {
        place(span, note, &mut text);
    }
    let mut add = |label: &str, what: &Option<String>| {
        if let Some(what) = what {
            let _ = writeln!(text, "  = {label}: {what}");
        }
    };
    add("expected", &said.expected);
    add("did you mean", &said.nearest);
    add("hint", &said.hint);
    text
}

fn place(span: &Span, note: &str, text: &mut String) {
    /// A generated line is longer than anybody reads.
    const COLUMNS_MAX: usize = 120;
    let (line, column) = span.line_and_column();
    let _ = writeln!(text, " --> {span}");
    let source = span.source.0.lines().nth(line - 1).unwrap_or_default();
    let width = span.source.0.get(span.bytes.start as usize..span.bytes.end as usize).unwrap_or_default();
    let width = width.lines().next().unwrap_or_default().chars().count().max(1);
    if span.excerpt == Excerpt::Line && !source.is_empty() && source.len() <= COLUMNS_MAX {
        let gutter = " ".repeat(line.to_string().len());
        let _ = writeln!(text, "{line} | {source}");
        let _ = writeln!(text, "{gutter} | {}{} {note}", " ".repeat(column - 1), "^".repeat(width));
        text.truncate(text.trim_end().len());
        text.push('\n');
    } else if !note.is_empty() {
        let _ = writeln!(text, "  | {note}");
    }
}

fn wanted(layers: Option<&str>, name: &str) -> bool {
    layers.is_none_or(|layers| layers.split(',').any(|layer| layer == name))
}

fn profile(files: &Files, name: &str, layers: Option<&str>) -> String {
    let cluster = ClusterName::new(name).expect("it is a label");
    match files.resolve(&cluster) {
        Ok((profile, _)) => resolved(&profile, layers),
        Err(said) => said.iter().map(|said| diagnostic(said) + "\n").collect(),
    }
}

fn resolved(profile: &FullProfile, layers: Option<&str>) -> String {
    profile.layers.iter().filter(|layer| wanted(layers, layer.name.as_str())).map(layer).collect()
}

fn layer(layer: &ProfileLayer) -> String {
    let source = match &layer.source {
        ResolvedSource::Pack { name, version, .. } => format!("{name}@{version}"),
        ResolvedSource::Manifests => "manifests".into(),
        ResolvedSource::Chart { name, version } => format!("chart {name} {version}"),
        ResolvedSource::Zarf { name, version } => format!("package {name} {}", version.as_deref().unwrap_or_default()),
        ResolvedSource::Kustomize { root } => format!("kustomization {root}"),
    };
    let mut text = format!("wave {}: {} ({}) {source}", layer.wave, layer.name, role_word(layer.role));
    if let Some(namespace) = &layer.namespace {
        let _ = write!(text, " in {namespace}");
    }
    if layer.site == Site::Management {
        text.push_str(" on the management server");
    }
    for edge in &layer.after {
        let _ = write!(text, "\n  after {}: {}", edge.layer, reason(&edge.why));
    }
    text.push('\n');
    if layer.values.as_map().is_some_and(|map| !map.is_empty()) {
        indent(&yaml(&layer.values), "  ", &mut text);
    }
    text
}

fn yaml(value: &Value) -> String {
    let json: serde_json::Value = serde_json::from_str(&canonical(value)).expect("canonical text is JSON");
    serde_yaml::to_string(&json).expect("JSON can be written as YAML")
}

fn indent(what: &str, by: &str, text: &mut String) {
    for line in what.lines() {
        let _ = writeln!(text, "{by}{line}");
    }
}

fn objects(files: &Files, name: &str, layers: Option<&str>) -> String {
    let mut text = String::new();
    for layer in render(files, name).layers.iter().filter(|layer| wanted(layers, layer.name.as_str())) {
        for object in &layer.objects {
            let _ = writeln!(text, "{}: {}", layer.name, object_name(&object.id));
            indent(&yaml(&object.manifest), "  ", &mut text);
        }
    }
    text
}

fn object_name(id: &ObjectId) -> String {
    let namespace = id.namespace.as_ref().map_or_else(String::new, |namespace| format!("{namespace}/"));
    format!("{} {namespace}{}", id.kind, id.name)
}

fn touched(before: &Files, edited: &Files) -> String {
    let (_, touched) = before.step(edited);
    let names = |names: &std::collections::BTreeSet<ClusterName>| {
        let names: Vec<&str> = names.iter().map(ClusterName::as_str).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    format!("resolved again: {}\nreleased: {}\n", names(&touched.clusters), names(&touched.released))
}

/// Prints the plan from the fleet before the edit, applied, to the edited one.
fn planned(before: &Files, edited: &Files, name: &str) -> String {
    let old = render(before, name);
    let facts = after(&plan(None, &old, &unborn(name)), unborn(name));
    let new = render(edited, name);
    let cluster = ClusterName::new(name).expect("it is a label");
    let between = match edited.between(&cluster, &old) {
        Ok(between) => between,
        Err(said) => {
            return said.iter().map(|said| diagnostic(said) + "\n").collect::<String>() + "nothing was applied\n";
        }
    };
    let change = change_over(Some(&old), &new, &between);
    let said = &change.said;
    if !said.is_empty() {
        return said.iter().map(|said| diagnostic(said) + "\n").collect::<String>() + "nothing was applied\n";
    }
    let plan = plan_of(change, &new, &facts);
    let mut text = String::new();
    for layer in plan.change.layers.iter().filter(|layer| layer.kind != ChangeKind::Unchanged) {
        changed(layer, &mut text);
        for step in plan.layers.iter().filter(|it| it.layer == layer.layer) {
            if let Some(version) = &step.version {
                let writes = step.groups.iter().flat_map(Group::writes).count();
                let _ = writeln!(text, "  place {version}: {}", counted(writes, "write"));
            }
        }
    }
    if text.is_empty() {
        text.push_str("no layer changes\n");
    }
    holds(&plan, &mut text);
    text
}

fn changed(layer: &LayerChange, text: &mut String) {
    let kind = format!("{:?}", layer.kind).to_lowercase();
    let _ = write!(text, "{}: {kind}, disruption {}", layer.layer, disruption_name(layer.disruption));
    if let Some((_, why)) = &layer.disruption_reason {
        let _ = write!(text, " ({why})");
    }
    text.push('\n');
    operations(&layer.patch, "  ", text);
    for object in layer.objects.iter().filter(|object| object.operation != Operation::Unchanged) {
        let operation = match &object.operation {
            Operation::Move { from } => format!("move from {from}"),
            other => format!("{other:?}").to_lowercase(),
        };
        let until = layer.deferred.get(&object.object).filter(|_| object.manifest.is_some());
        let until = until.map_or_else(String::new, |until| format!(" (deferred until {until} has its definition)"));
        let _ = writeln!(text, "  {operation} {}{until}", object_name(&object.object));
        if object.operation == Operation::Patch {
            operations(&object.patch, "    ", text);
        }
    }
}

/// A digest would change with each edit of a pack and tell nobody anything.
fn operations(patch: &Patch, by: &str, text: &mut String) {
    for operation in patch.iter().filter(|operation| operation.path().to_string() != "/digest") {
        let _ = writeln!(text, "{by}{}", canonical(&operation.to_value()));
    }
}

fn holds(plan: &Plan, text: &mut String) {
    for hold in &plan.holds {
        let _ = match hold {
            Hold::Approval { why } => writeln!(text, "held: needs approval: {why}"),
            Hold::Forbidden { why } => writeln!(text, "held: forbidden: {why}"),
            Hold::Paused => writeln!(text, "held: paused"),
        };
    }
}
