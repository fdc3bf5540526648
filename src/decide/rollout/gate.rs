//! In: a group of a plan, what was seen of its objects, the time. Out: whether its gate is open, and what it waits for.
//! Guarantee: an object that was not read, or fell back, opens nothing.
use super::new_network::Nodes;
use super::waits::FAILED_AFTER;
use crate::decide::document::Site;
use crate::decide::health::{Health, Reporting, Rule, assess, is_asynchronous, is_made};
use crate::decide::plan::{Gate, Group, ObjectChange, Operation};
use crate::decide::profile::HealthRule;
use crate::decide::value::{Absence, Digested, Live, Timestamp, Value};
use crate::name::ObjectId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Which object, and where.
pub(super) type Place = (Site, ObjectId);

/// How the objects of a layer are judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judging<'a> {
    pub(super) reporting: Reporting,
    /// How long what is well must stay so.
    pub(super) stability: Duration,
    /// What is asked of nodes.
    pub(super) nodes: Nodes,
    /// What the layer says of kinds.
    pub(super) rules: &'a [HealthRule],
}

/// The gate of the group that is looked at.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// When it was looked at first.
    pub(super) began: Option<Timestamp>,
    /// Since when each object is well, without a fall back.
    well: BTreeMap<Place, Timestamp>,
    /// Since when each object looks failed.
    failed: BTreeMap<Place, Timestamp>,
    /// Objects of which nobody knows whether they were written.
    pub(super) doubtful: BTreeSet<Place>,
    /// Whether the last look took machines whose nodes are not ready for well.
    pub(super) was_lenient: bool,
}

/// What a look at a group's objects says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The gate is open.
    Open,
    /// It is not; the first object that is missing, why, and when it may be open at the earliest, if that is known.
    Closed { object: ObjectId, why: String, at: Option<Timestamp> },
    /// It will not open.
    Lost { object: ObjectId, why: String, spurious: bool },
}

impl Watch {
    /// Judges a look.
    pub(super) fn judge(
        &mut self,
        group: &Group,
        seen: &[(Place, Live)],
        now: Timestamp,
        set: Judging<'_>,
    ) -> Judgement {
        let seen: BTreeMap<&Place, &Live> = seen.iter().map(|(place, live)| (place, live)).collect();
        let mut closed: Option<Judgement> = None;
        self.was_lenient = false;
        for change in group.objects.iter().filter(|change| change.operation != Operation::Keep) {
            let place = (change.site, change.object.clone());
            let live = seen.get(&place).copied();
            if let Some(live) = live
                && self.doubtful.contains(&place)
                && !matches!(live, Live::Absent(Absence::NotRead(_)))
                && !self.settle(&place, change, live, set)
            {
                let why = "nobody knows how its write ended, and it is not there as it shall be".into();
                return Judgement::Lost { object: place.1, why, spurious: true };
            }
            let judged = self.judge_one(group.gate, change, &place, live, now, set);
            match judged {
                Judgement::Open => {}
                Judgement::Lost { .. } => return judged,
                // The one whose moment is not known decides when to look again.
                Judgement::Closed { at, .. } => match &closed {
                    Some(Judgement::Closed { at: known, .. })
                        if known.is_none() || at.is_some_and(|at| Some(at) <= *known) => {}
                    _ => closed = Some(judged),
                },
            }
        }
        closed.unwrap_or(Judgement::Open)
    }

    /// Whether a write of which nobody knew was done; it is remembered.
    fn settle(&mut self, place: &Place, change: &ObjectChange, live: &Live, set: Judging<'_>) -> bool {
        let done = match (live, &change.manifest) {
            (Live::Present { object, .. }, Some(manifest)) => is_written(object, manifest, set.reporting),
            (Live::Absent(Absence::Gone), None) => true,
            _ => false,
        };
        if done {
            self.doubtful.remove(place);
        }
        done
    }

    fn judge_one(
        &mut self,
        gate: Gate,
        change: &ObjectChange,
        place: &Place,
        live: Option<&Live>,
        now: Timestamp,
        set: Judging<'_>,
    ) -> Judgement {
        let closed = |why: String, at| Judgement::Closed { object: place.1.clone(), why, at };
        let Some(live) = live else { return closed("it was not looked at".into(), None) };
        if matches!(gate, Gate::Gone { .. }) || change.operation == Operation::Prune {
            return match live {
                Live::Absent(Absence::Gone) => Judgement::Open,
                Live::Absent(Absence::NotRead(fault)) => closed(fault.to_string(), None),
                Live::Present { object, .. } => closed(still_there(object), None),
                Live::AsSeen => closed("it is still there".into(), None),
            };
        }
        let mut health = health_of(change, live, set);
        if set.nodes == Nodes::Made && is_unready(change, live, &health, set) {
            health = Health::Current;
            self.was_lenient = true;
        }
        if health != Health::Current {
            self.well.remove(place);
        }
        if !matches!(health, Health::Failed(_)) {
            self.failed.remove(place);
        }
        match health {
            Health::Current => {
                let since = *self.well.entry(place.clone()).or_insert(now);
                let stable = since.after(set.stability);
                if !is_asynchronous(&place.1.group, &place.1.kind) || now >= stable {
                    Judgement::Open
                } else {
                    closed("it is well, and must stay so for a moment".into(), Some(stable))
                }
            }
            Health::Failed(why) => {
                let since = *self.failed.entry(place.clone()).or_insert(now);
                let patience = if set.reporting == Reporting::Directory { Duration::ZERO } else { FAILED_AFTER };
                if now >= since.after(patience) {
                    Judgement::Lost { object: place.1.clone(), why, spurious: false }
                } else {
                    closed(why, None)
                }
            }
            Health::Ended(why) => Judgement::Lost { object: place.1.clone(), why, spurious: false },
            other => closed(words(other), None),
        }
    }
}

/// Whether an object is on its way only because its nodes are not ready; what its author says of its kind stands.
fn is_unready(change: &ObjectChange, live: &Live, health: &Health, set: Judging<'_>) -> bool {
    matches!(health, Health::InProgress(_)) && rule_of(&change.object, set.rules).is_none() && is_made(live)
}

/// Returns what is told of an object that shall be gone.
fn still_there(object: &Value) -> String {
    let live = Live::Present { object: object.clone(), version: "".into() };
    match assess(&live, None, None, Reporting::Server) {
        Health::Terminating(held) if !held.is_empty() => format!("it is being deleted: {held}"),
        Health::Terminating(_) => "it is being deleted".into(),
        _ => "it is still there".into(),
    }
}

/// Returns the health of an object; a file must hold the manifest that is wanted, too.
pub(super) fn health_of(change: &ObjectChange, live: &Live, set: Judging<'_>) -> Health {
    health_as_seen(&change.object, change.manifest.as_ref(), live, set.rules, set.reporting)
}

/// Returns the health of an object by what its layer says of its kind, as a gate would judge it.
pub fn health_as_seen(
    object: &ObjectId,
    wanted: Option<&Digested>,
    live: &Live,
    rules: &[HealthRule],
    reporting: Reporting,
) -> Health {
    let health = assess(live, wanted.map(Digested::value), rule_of(object, rules), reporting);
    if let (Health::Current, Reporting::Directory, Live::Present { object, .. }, Some(manifest)) =
        (&health, reporting, live, wanted)
        && !is_written(object, manifest, reporting)
    {
        return Health::Failed("another manifest stands there".into());
    }
    health
}

/// Returns the rule for an object's kind; one that names the group stands above one that does not.
fn rule_of<'a>(object: &ObjectId, rules: &'a [HealthRule]) -> Option<Rule<'a>> {
    let of =
        |group: Option<&Arc<str>>| rules.iter().find(|rule| rule.kind == object.kind && rule.group.as_ref() == group);
    let HealthRule { in_progress, failed, current, .. } = of(Some(&object.group)).or_else(|| of(None))?;
    Some(Rule { in_progress: in_progress.as_ref(), failed: failed.as_ref(), current })
}

/// Returns what a health says, in words.
pub fn words(health: Health) -> String {
    match health {
        Health::Current => "it is well".into(),
        Health::InProgress(why) | Health::Failed(why) | Health::Ended(why) | Health::Unknown(why) => why,
        Health::Terminating(held) if !held.is_empty() => format!("it is being deleted: {held}"),
        Health::Terminating(_) => "it is being deleted".into(),
        Health::NotFound => "it is not there".into(),
    }
}

/// Whether the live object is what the manifest says; sensitive parts are not compared, so one that has them is not.
fn is_written(object: &Value, manifest: &Digested, reporting: Reporting) -> bool {
    match reporting {
        Reporting::Directory => {
            object.get("digest").and_then(Value::as_str) == Some(manifest.digest().to_string().as_str())
        }
        Reporting::Server => contains(object, manifest),
    }
}

/// Whether all that is wanted is there; a server adds fields, never items.
fn contains(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Map(live), Value::Map(wanted)) => {
            wanted.iter().all(|(key, value)| value.is_null() || live.get(key).is_some_and(|live| contains(live, value)))
        }
        (Value::List(live), Value::List(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted.iter()).all(|(live, wanted)| contains(live, wanted))
        }
        (live, wanted) => !wanted.is_tainted() && live == wanted,
    }
}
