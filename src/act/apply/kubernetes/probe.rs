//! In: the writes of a plan. Out: what the server would do with each, over what.
//! Guarantee: changes nothing; an object that is there and not ours is refused, with who manages it.
use super::answer::{conflicts, lacks_namespace, why};
use super::prune::{Ours, find};
use super::recreate::{try_recreate, try_run};
use super::target::{CONCURRENT, Owner, Pathless, Target, managers, path_of, version_of};
use crate::client::kubernetes::{ApiError, ApplyMode, Kinds, ObjectPath};
use crate::decide::drift::Tried;
use crate::decide::plan::book_secrets::with_marks;
use crate::decide::plan::conflict::{Conflict, Taking, judge, last_applied, words};
use crate::decide::plan::ignore::{ignored, kept, without};
use crate::decide::plan::ownership::adopted_of;
use crate::decide::plan::{Conflicts, Expected, Group, ObjectChange, Operation, Plan, Probe, Verdict, Why};
use crate::decide::value::Value;
use crate::name::{LayerName, ObjectId};
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What comes with the plan itself.
#[derive(Debug, Default)]
struct Coming<'a> {
    /// Kinds whose definitions are written.
    kinds: BTreeSet<(&'a str, &'a str)>,
    /// Kinds whose definitions are of the plan, and may be on their way since a sync that was cut off.
    defined: BTreeSet<(&'a str, &'a str)>,
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
                Some(layer) => probe_one(target, &kinds, Owner::of(plan, layer), &probe.change, coming).await,
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
    for change in plan.layers.iter().flat_map(|layer| &layer.groups).flat_map(|group| &group.objects) {
        let is_write = change.operation.is_write();
        match (&*change.object.kind, &change.manifest) {
            ("Namespace", Some(_)) if is_write => drop(coming.namespaces.insert(&change.object.name)),
            ("CustomResourceDefinition", Some(manifest)) => {
                let spec = manifest.get("spec");
                let group = spec.and_then(|spec| spec.get("group")).and_then(Value::as_str);
                let kind = spec.and_then(|spec| spec.get("names")?.get("kind")).and_then(Value::as_str);
                coming.defined.extend(group.zip(kind));
                coming.kinds.extend(group.zip(kind).filter(|_| is_write));
            }
            _ => {}
        }
    }
    coming
}

async fn probe_one(
    target: &Target,
    kinds: &Arc<Kinds>,
    owner: Owner<'_>,
    change: &ObjectChange,
    coming: &Coming<'_>,
) -> Verdict {
    if matches!(change.operation, Operation::Prune | Operation::Keep) {
        return probe_end(target, kinds, owner, change).await;
    }
    let Some(manifest) = &change.manifest else { return Verdict::Refused(Why::Invalid("it has no manifest".into())) };
    let kind = (&*change.object.group, &*change.object.kind);
    let comes = coming.kinds.contains(&kind) || (coming.defined.contains(&kind) && kinds.get(kind.0, kind.1).is_none());
    let path = match path_of(kinds, &change.object, Some(manifest)) {
        Ok(path) => path,
        Err(Pathless::Unserved(_)) if comes => return Verdict::SchemaChecked,
        Err(Pathless::Incomplete(why)) => return Verdict::Unverified(why),
        Err(pathless) => return Verdict::Refused(pathless.into()),
    };
    let tried = match change.operation {
        Operation::Recreate => try_recreate(target, kinds, &path, owner, change).await,
        Operation::Run => try_run(target, kinds, &path, owner, change).await,
        _ => try_apply(target, &path, owner, change, target.tried.get(&change.object)).await,
    };
    match tried {
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
        Err(refusal) => Verdict::Refused(refusal.into()),
    }
}

/// What ends must be ours still, else it is left.
async fn probe_end(target: &Target, kinds: &Arc<Kinds>, owner: Owner<'_>, change: &ObjectChange) -> Verdict {
    match find(target, kinds, owner, change).await {
        Ok(Ours::Gone) => Verdict::AdmittedOver { expected: Expected::Any, conflicts: Conflicts::Refuse },
        Ok(Ours::Live { live, .. }) => {
            Verdict::AdmittedOver { expected: Expected::Version(version_of(&live)), conflicts: Conflicts::Refuse }
        }
        Ok(Ours::Foreign(why)) => Verdict::Refused(Why::Unmarked(why)),
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
    /// It cannot be told, or another reason.
    Other(Why),
}

impl From<Refusal> for Why {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Server(error) => why(&error),
            Refusal::Foreign(why) => Self::Conflict(why),
            Refusal::Other(why) => why,
        }
    }
}

/// Tries an apply, and returns over what it would be done.
///
/// What is known to have been tried by force is not tried so again, nor is the object read again: whether its fields may be
/// taken is judged by that object, and it is written over that version and no other.
pub(super) async fn try_apply(
    target: &Target,
    path: &ObjectPath,
    owner: Owner<'_>,
    change: &ObjectChange,
    known: Option<&Tried>,
) -> Result<(Expected, Conflicts), Refusal> {
    let manifest = wanted(target, path, owner, change).await.map_err(Refusal::Server)?;
    let dry_run = |force| ApplyMode { dry_run: true, force };
    let applied = match target.server.apply(path, &manifest, dry_run(false)).await {
        Ok(applied) if applied.is_created => return Ok((Expected::Absent, Conflicts::Refuse)),
        Ok(applied) if is_known(target, owner, change, &applied.object) => {
            return Ok((Expected::Version(version_of(&applied.object)), Conflicts::Refuse));
        }
        // The dry-run shows our labels whosever it is; only the object itself tells.
        Ok(_) => Vec::new(),
        Err(error) => {
            let conflicts = conflicts(&error);
            if conflicts.is_empty() {
                return Err(Refusal::Server(error));
            }
            conflicts
        }
    };
    let known = known.filter(|tried| tried.manifest == manifest && !applied.is_empty());
    let live = match known {
        Some(tried) => tried.live.clone(),
        None => match target.server.get(path).await.map_err(Refusal::Server)? {
            Some(live) => live,
            None => return Ok((Expected::Absent, Conflicts::Refuse)),
        },
    };
    let taking = take(target, owner, change, &live, &applied)?;
    // What is taken by force has to be admitted, too.
    if taking != Conflicts::Refuse && known.is_none() {
        target.server.apply(path, &manifest, dry_run(true)).await.map_err(Refusal::Server)?;
    }
    Ok((Expected::Version(version_of(&live)), taking))
}

/// Decides whether an object, or fields of it, may be taken.
fn take(
    target: &Target,
    owner: Owner<'_>,
    change: &ObjectChange,
    live: &Value,
    conflicts: &[Conflict],
) -> Result<Conflicts, Refusal> {
    let is_ours =
        is_known(target, owner, change, live) || (change.expected != Expected::Absent && target.is_marked(live));
    if conflicts.is_empty() && is_used(change, live) {
        return Ok(Conflicts::Refuse);
    }
    let adopt = &owner.options.adopt;
    let adopted = adopted_of(live, adopt);
    if !is_ours && adopted.is_empty() {
        let said = format!("it is there already and not ours, but of {}", managers(live));
        return Err(Refusal::Foreign(format!("{said}; let the layer `adopt` from them, or rename it")));
    }
    // Where nothing is known to have been applied, no field was ever ours.
    let last = last_applied(change).filter(|_| is_ours);
    match judge(conflicts, last.as_ref(), adopt) {
        Taking::Refuse(foreign) => Err(Refusal::Foreign(words(&foreign))),
        Taking::Overrule { adopt } if is_ours && adopt.is_empty() && conflicts.is_empty() => Ok(Conflicts::Refuse),
        Taking::Overrule { adopt } if is_ours && adopt.is_empty() => Ok(Conflicts::Overrule),
        Taking::Overrule { .. } => Ok(Conflicts::Adopt(adopted)),
    }
}

/// Whether a namespace that is there already is used as it is: it is wanted for what stands in it, nobody of us has it,
/// and it only gets our marks, which it loses again.
fn is_used(change: &ObjectChange, live: &Value) -> bool {
    let part = |value: &Value, key: &str| value.get(key).and_then(Value::as_map).cloned().unwrap_or_default();
    let is_mark = |key: &str| key.starts_with("stratify.dev/") || key.starts_with("applyset.kubernetes.io/");
    let is_bare = |manifest: &Value| {
        let metadata = part(manifest, "metadata");
        let says_more = metadata.iter().any(|(key, _)| !matches!(&**key, "name" | "labels"))
            || manifest.as_map().is_none_or(|map| map.len() > 3);
        !says_more && part(&metadata.into(), "labels").iter().all(|(key, _)| is_mark(key))
    };
    let is_free = || part(&part(live, "metadata").into(), "labels").iter().all(|(key, _)| !is_mark(key));
    change.object.group.is_empty()
        && &*change.object.kind == "Namespace"
        && change.manifest.as_deref().is_some_and(is_bare)
        && is_free()
}

/// Returns what is applied: without what the layer leaves to others as the object stands, and with what it keeps of it.
pub(super) async fn wanted(
    target: &Target,
    path: &ObjectPath,
    owner: Owner<'_>,
    change: &ObjectChange,
) -> Result<Value, ApiError> {
    let manifest = with_marks(change.manifest.as_deref().unwrap_or(&Value::Null), &target.place, owner.layer);
    let rules = &owner.options.ignore;
    if !rules.iter().any(|rule| rule.target.selects(owner.layer, &change.object)) {
        return Ok(manifest);
    }
    Ok(match target.server.get(path).await? {
        Some(live) => {
            let manifest = kept(rules, owner.layer, &change.object, &manifest, &live);
            without(&manifest, &ignored(rules, owner.layer, &change.object, &manifest, &live))
        }
        None => manifest,
    })
}

/// Whether an object is the very one that an inventory of ours lists.
fn is_known(target: &Target, owner: Owner<'_>, change: &ObjectChange, live: &Value) -> bool {
    let from = if let Operation::Move { from } = &change.operation { from } else { owner.layer };
    let known = target.uid(from, &change.object).or_else(|| target.uid(owner.layer, &change.object));
    known.is_some_and(|uid| **uid == *super::target::text(live, "uid"))
}
