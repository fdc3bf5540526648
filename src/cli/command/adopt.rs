//! In: a cluster, a layer of it, perhaps from whom it shall adopt. Out: what changes hands, and a commit that says so.
//! Guarantee: nothing is committed that is so already, nor where nobody has anything; `--dry-run` only tells.
use super::current_fleet::{Here, on_large_stack, unknown};
use super::document::{Document, by_hand};
use super::{Answer, Failure};
use crate::cli::args::Adopt;
use crate::cli::print::{Text, Tone};
use crate::client::git::fault;
use crate::control::handover::{Fate, Handover, Kept, Part, Passing, handover};
use crate::decide::document::{Site, edit};
use crate::decide::plan::ownership::{Keeper, MANAGER, Means};
use crate::decide::value::{Owner, Warnings, counted};
use crate::name::{CommitId, ObjectId};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// How many fields of one manager a text names: a screen has some objects, and programs read all.
const FIELDS_SHOWN: usize = 8;

/// Lets a layer adopt.
pub(super) fn run(options: &Adopt, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let document = Document::find(&here, &options.cluster)?;
    let preview = here.preview()?;
    let from: Vec<Arc<str>> = options.from.iter().map(|name| Arc::from(&**name)).collect();
    let (hands, known) = on_large_stack(async {
        let wanted = preview.wanted(&document.fleet, &options.cluster, &mut Warnings::default()).await?;
        let layers = &wanted.layers.layers;
        let Some(layer) = layers.iter().find(|layer| layer.name == options.layer) else {
            return Err(unknown("layer", options.layer.as_str(), layers.iter().map(|layer| layer.name.as_str())));
        };
        let hands = handover(&preview, &document.fleet, &options.cluster, &options.layer, &from).await?;
        Ok((hands, layer.options.adopt.clone()))
    })?;
    if hands.objects.is_empty() {
        return nothing(options, &hands);
    }
    let mut names = known.clone();
    names.extend(hands.from.iter().filter(|name| !known.contains(name)).cloned());
    let mut answer = told(options, &hands);
    if names == known {
        answer.text.line(format!(
            "layer {} adopts from {} already: the next sync takes them",
            options.layer,
            joined(&names)
        ));
        return Ok(answer);
    }
    let said = format!("{{ name: {}, adopt: [{}] }}` under `layers", options.layer, joined(&names));
    let edited = edit::adopt(&document.file, &options.layer, &names).map_err(|at| by_hand(&at, &said))?;
    if options.dry_run {
        answer.text.line(format!("nothing is committed; {} would say `adopt: [{}]`", document.path(), joined(&names)));
        return Ok(answer);
    }
    let subject =
        format!("clusters: layer {} of {} adopts from {}", options.layer, options.cluster, joined(&hands.from));
    let commit = document.commit(&edited, &subject, &options.reason)?;
    committed(&mut answer, commit, &document);
    Ok(answer)
}

fn committed(answer: &mut Answer, commit: CommitId, document: &Document) {
    let path = document.path();
    answer.text.line(format!("committed: {commit}, which changes {path}"));
    answer.text.line("next: push it, where the repository is remote; the next sync takes them, by one patch an object");
    answer.data["commit"] = json!(commit.to_string());
    answer.data["path"] = json!(path.as_str());
}

fn joined(names: &[Arc<str>]) -> String {
    names.iter().map(|name| &**name).collect::<Vec<_>>().join(", ")
}

/// Says that nothing changes hands; an error where somebody was named who has nothing.
fn nothing(options: &Adopt, hands: &Handover) -> Result<Answer, Failure> {
    let mut others: Vec<String> = hands.others.iter().map(|(_, manager, _)| manager.name.to_string()).collect();
    others.sort_unstable();
    others.dedup();
    if !options.from.is_empty() {
        let message = format!("nothing of layer {} is of {}", options.layer, options.from.join(", "));
        let hint = if others.is_empty() {
            "nobody else has a field that the layer states".to_owned()
        } else {
            format!("what it states is of {}", others.join(", "))
        };
        return Err(fault(Owner::Caller, false, message, &hint).into());
    }
    let mut answer = told(options, hands);
    answer.text.line(format!("nothing of layer {} is of others: there is nothing to adopt", options.layer));
    Ok(answer)
}

fn told(options: &Adopt, hands: &Handover) -> Answer {
    let mut text = Text::default();
    if !hands.objects.is_empty() {
        let from = joined(&hands.from);
        text.pieces([
            (Tone::Strong, format!("{}, layer {}", options.cluster, options.layer)),
            (Tone::Plain, format!(": {} from {from} to `{MANAGER}`", counted(hands.objects.len(), "object"))),
        ]);
    }
    hands.objects.iter().for_each(|passing| tell(passing, &mut text));
    for (object, manager, fields) in &hands.others {
        let line = format!(
            "{} stays of {manager}: {}; name it by --from, or let the layer `ignore` it",
            name(object),
            shown(fields)
        );
        text.pieces([(Tone::Warning, "  ! ".into()), (Tone::Plain, line)]);
    }
    for (object, why) in &hands.unread {
        text.pieces([(Tone::Bad, "  ? ".into()), (Tone::Plain, format!("{} could not be read: {why}", name(object)))]);
    }
    if hands.absent > 0 {
        text.line(format!("  {} not there yet: nobody has them", counted(hands.absent, "object")));
    }
    for (keeper, kept) in &hands.keepers {
        keep(keeper, kept, &mut text);
    }
    Answer::new(text, data(options, hands))
}

fn tell(passing: &Passing, text: &mut Text) {
    text.pieces([(Tone::Warning, format!("  > {}", name(&passing.object)))]);
    for Part { manager, fields } in &passing.parts {
        let by = if manager.means == Means::Apply { "applied" } else { "written" };
        text.line(format!("      {} {by} by {manager}", counted(fields.len(), "field")));
        // What stays as it is matters least.
        let mut sorted: Vec<&(String, Fate)> = fields.iter().collect();
        sorted.sort_by_key(|(_, fate)| match fate {
            Fate::Goes => 0,
            Fate::Changes => 1,
            Fate::Stays => 2,
        });
        for (path, fate) in sorted.iter().take(FIELDS_SHOWN) {
            let (tone, sign, more) = match fate {
                Fate::Goes => (Tone::Bad, "-", ": the layer does not say it, so it goes"),
                Fate::Changes => (Tone::Warning, "~", ": the layer says otherwise"),
                Fate::Stays => (Tone::Plain, "=", ""),
            };
            text.pieces([(tone, format!("        {sign} {path}")), (Tone::Plain, more.to_owned())]);
        }
        let more = fields.len().saturating_sub(FIELDS_SHOWN);
        if more > 0 {
            text.line(format!("        and {more} more"));
        }
    }
    if passing.parts.is_empty() {
        text.line("      what it was applied as is told by its annotation only");
    }
}

fn keep(keeper: &Keeper, kept: &Kept, text: &mut Text) {
    let marks = kept.marks.iter().map(|mark| &**mark).collect::<Vec<_>>().join(", ");
    let line = format!("{} keeps {} by {marks}", keeper.words(), counted(kept.objects, "object"));
    text.pieces([(Tone::Warning, "  ! ".into()), (Tone::Plain, line)]);
    if !kept.secrets.is_empty() {
        text.line(format!("      in {}", kept.secrets.join(", ")));
    }
    text.lines(keeper.warning().map(|warning| format!("      {warning}")));
}

fn shown(fields: &[String]) -> String {
    let more = fields.len().saturating_sub(FIELDS_SHOWN);
    let some = fields.iter().take(FIELDS_SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{some} and {more} more") } else { some }
}

/// Returns an object as people name it.
pub(super) fn name(object: &ObjectId) -> String {
    let place = object.namespace.as_ref().map_or_else(String::new, |namespace| format!("{namespace}/"));
    format!("{} {place}{}", object.kind, object.name)
}

/// Returns an object as programs name it.
pub(super) fn id(object: &ObjectId) -> Value {
    json!({
        "group": &*object.group,
        "kind": &*object.kind,
        "namespace": object.namespace.as_deref(),
        "name": &*object.name,
    })
}

fn data(options: &Adopt, hands: &Handover) -> Value {
    let part = |part: &Part| {
        let field = |(path, fate): &(String, Fate)| {
            let fate = match fate {
                Fate::Stays => "stays",
                Fate::Changes => "changes",
                Fate::Goes => "goes",
            };
            json!({ "path": path, "value": fate })
        };
        json!({
            "manager": &*part.manager.name,
            "operation": if part.manager.means == Means::Apply { "Apply" } else { "Update" },
            "fields": part.fields.iter().map(field).collect::<Vec<Value>>(),
        })
    };
    let passing = |passing: &Passing| {
        json!({
            "object": id(&passing.object),
            "site": if passing.site == Site::Management { "management" } else { "workload" },
            "from": passing.parts.iter().map(part).collect::<Vec<Value>>(),
        })
    };
    let keeper = |(keeper, kept): (&Keeper, &Kept)| {
        json!({
            "who": keeper.words(),
            "marks": kept.marks.iter().map(|mark| &**mark).collect::<Vec<_>>(),
            "objects": kept.objects,
            "secrets": kept.secrets,
            "warning": keeper.warning(),
        })
    };
    let other = |(object, manager, fields): &(ObjectId, crate::decide::plan::ownership::Manager, Vec<String>)| json!({ "object": id(object), "manager": &*manager.name, "fields": fields });
    json!({
        "cluster": options.cluster.as_str(),
        "layer": options.layer.as_str(),
        "from": hands.from.iter().map(|name| &**name).collect::<Vec<_>>(),
        "to": MANAGER,
        "objects": hands.objects.iter().map(passing).collect::<Vec<Value>>(),
        "others": hands.others.iter().map(other).collect::<Vec<Value>>(),
        "keepers": hands.keepers.iter().map(keeper).collect::<Vec<Value>>(),
        "commit": null,
    })
}
