//! In: the writes of a plan. Out: what the server would do with each, over what.
//! Guarantee: changes nothing; an object that is there and not ours is refused, with who manages it.
use super::answer::{conflicts, has_foreign_fields, lacks_namespace, why};
use super::prune::{Ours, find};
use super::target::{CONCURRENT, Pathless, Target, managers, named, path_of, version_of};
use crate::client::kubernetes::{ApiError, ApplyMode, Kinds, ObjectPath};
use crate::decide::plan::conflict::{Taking, judge, last_applied, words};
use crate::decide::plan::secret::with_marks;
use crate::decide::plan::{Conflicts, Expected, Group, ObjectChange, Operation, Plan, Probe, Verdict, Why};
use crate::decide::value::Value;
use crate::name::{LayerName, ObjectId};
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What comes with the plan itself.
#[derive(Debug, Default)]
struct Coming<'a> {
    kinds: BTreeSet<(&'a str, &'a str)>,
    namespaces: BTreeSet<&'a str>,
}

/// Tries each write of one site, in their order.
pub async fn probe(target: &Target, plan: &Plan, probes: &[Probe]) -> Vec<Verdict> {
    let kinds = match target.server.kinds().await {
        Ok(kinds) => kinds,
        Err(error) => return vec![Verdict::Unverified(error.to_string()); probes.len()],
    };
    let coming = coming(plan);
    let layers = layers(plan);
    let tried = probes.iter().map(|probe| {
        let layer = layers.get(&(probe.change.site, &probe.change.object)).copied();
        let (kinds, coming) = (kinds.clone(), &coming);
        async move {
            match layer {
                Some(layer) => probe_one(target, &kinds, layer, &probe.change, coming).await,
                None => Verdict::Unverified("its layer is not in the plan".into()),
            }
        }
    });
    futures::stream::iter(tried.collect::<Vec<_>>()).buffered(CONCURRENT).collect().await
}

type Layers<'a> = BTreeMap<(crate::decide::document::Site, &'a ObjectId), &'a LayerName>;

/// Where each object is written; one that is moved and also listed to end is the writing layer's.
fn layers(plan: &Plan) -> Layers<'_> {
    let mut layers = Layers::new();
    for layer in &plan.layers {
        for change in layer.groups.iter().flat_map(Group::writes) {
            layers.entry((change.site, &change.object)).or_insert(&layer.layer);
        }
    }
    layers
}

fn coming(plan: &Plan) -> Coming<'_> {
    let mut coming = Coming::default();
    let writes = plan.layers.iter().flat_map(|layer| &layer.groups).flat_map(Group::writes);
    for change in writes {
        match (&*change.object.kind, &change.manifest) {
            ("Namespace", Some(_)) => drop(coming.namespaces.insert(&change.object.name)),
            ("CustomResourceDefinition", Some(manifest)) => {
                let spec = manifest.get("spec");
                let group = spec.and_then(|spec| spec.get("group")).and_then(Value::as_str);
                let kind = spec.and_then(|spec| spec.get("names")?.get("kind")).and_then(Value::as_str);
                coming.kinds.extend(group.zip(kind));
            }
            _ => {}
        }
    }
    coming
}

async fn probe_one(
    target: &Target,
    kinds: &Arc<Kinds>,
    layer: &LayerName,
    change: &ObjectChange,
    coming: &Coming<'_>,
) -> Verdict {
    if matches!(change.operation, Operation::Prune | Operation::Keep) {
        return probe_end(target, kinds, layer, change).await;
    }
    let Some(manifest) = &change.manifest else { return Verdict::Refused(Why::Invalid("it has no manifest".into())) };
    let comes = coming.kinds.contains(&(&*change.object.group, &*change.object.kind));
    let path = match path_of(kinds, &change.object, Some(manifest)) {
        Ok(path) => path,
        Err(Pathless::Unserved(_)) if comes => return Verdict::SchemaChecked,
        Err(Pathless::Incomplete(why)) => return Verdict::Unverified(why),
        Err(pathless) => return Verdict::Refused(pathless.into()),
    };
    match try_apply(target, &path, layer, change).await {
        Ok((expected, conflicts)) => Verdict::AdmittedOver { expected, conflicts },
        Err(Refusal::Server(error)) => {
            let namespace = change.object.namespace.as_deref();
            if lacks_namespace(&error, namespace) && namespace.is_some_and(|it| coming.namespaces.contains(it)) {
                return Verdict::SchemaChecked;
            }
            match why(&error) {
                Why::Unavailable(why) => Verdict::Unverified(why),
                // A kind that comes anew with this plan may look otherwise then.
                Why::Invalid(_) if comes => Verdict::SchemaChecked,
                why => Verdict::Refused(why),
            }
        }
        Err(Refusal::Foreign(why)) => Verdict::Refused(Why::Conflict(why)),
    }
}

/// What ends must be ours still, else it is left.
async fn probe_end(target: &Target, kinds: &Arc<Kinds>, layer: &LayerName, change: &ObjectChange) -> Verdict {
    match find(target, kinds, layer, change).await {
        Ok(Ours::Gone) => Verdict::AdmittedOver { expected: Expected::Any, conflicts: Conflicts::Refuse },
        Ok(Ours::Live { live, .. }) => {
            Verdict::AdmittedOver { expected: Expected::Version(version_of(&live)), conflicts: Conflicts::Refuse }
        }
        Ok(Ours::Foreign(why)) => Verdict::Unverified(format!("{} is left as it is: {why}", named(change))),
        Err(Why::Unavailable(why)) => Verdict::Unverified(why),
        Err(why) => Verdict::Refused(why),
    }
}

/// Why an apply would not be done.
pub(super) enum Refusal {
    /// The server says so.
    Server(ApiError),
    /// It would take what is not ours.
    Foreign(String),
}

/// Tries an apply, and returns over what it would be done.
pub(super) async fn try_apply(
    target: &Target,
    path: &ObjectPath,
    layer: &LayerName,
    change: &ObjectChange,
) -> Result<(Expected, Conflicts), Refusal> {
    let manifest = with_marks(change.manifest.as_ref().unwrap_or(&Value::Null), &target.place, layer);
    let tried = target.server.apply(path, &manifest, ApplyMode { dry_run: true, force: false }).await;
    let (applied, conflicts) = match tried {
        Ok(applied) => (applied, Conflicts::Refuse),
        Err(error) if has_foreign_fields(&error) => {
            let live = target.server.get(path).await.map_err(Refusal::Server)?;
            let is_ours =
                live.as_ref().is_some_and(|live| is_known(target, layer, change, live) && target.is_marked(live));
            // What we applied last to an object of ours stays ours, whoever has it now; all else is another's.
            let applied = last_applied(change).filter(|_| is_ours);
            if let Taking::Refuse(foreign) = judge(&conflicts(&error), applied.as_ref(), &[]) {
                return Err(Refusal::Foreign(format!("others have its fields: {}", words(&foreign))));
            }
            let forced = target.server.apply(path, &manifest, ApplyMode { dry_run: true, force: true }).await;
            (forced.map_err(Refusal::Server)?, Conflicts::Overrule)
        }
        Err(error) => return Err(Refusal::Server(error)),
    };
    if applied.is_created {
        return Ok((Expected::Absent, conflicts));
    }
    if !is_known(target, layer, change, &applied.object) {
        // The dry-run shows our labels whosever it is; only the object itself tells.
        let live = target.server.get(path).await.map_err(Refusal::Server)?;
        let Some(live) = live else { return Ok((Expected::Absent, conflicts)) };
        if change.expected == Expected::Absent || !target.is_marked(&live) {
            let hint = "let the layer `adopt` it, or rename it";
            return Err(Refusal::Foreign(format!(
                "it is there already and not ours, but of {}; {hint}",
                managers(&live)
            )));
        }
    }
    Ok((Expected::Version(version_of(&applied.object)), conflicts))
}

/// Whether an object is the very one that an inventory of ours lists.
fn is_known(target: &Target, layer: &LayerName, change: &ObjectChange, live: &Value) -> bool {
    let from = if let Operation::Move { from } = &change.operation { from } else { layer };
    let known = target.uid(from, &change.object).or_else(|| target.uid(layer, &change.object));
    known.is_some_and(|uid| **uid == *super::target::text(live, "uid"))
}
