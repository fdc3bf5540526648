//! In: where each cluster of an environment stands with a commit. Out: the environment's status on that commit.
//! Guarantee: success only if every counted cluster was seen live and healthy at exactly the digest that the commit wants.
use super::status::{Context, State, Status};
use crate::decide::plan::change_set_id;
use crate::decide::value::{Digest, Timestamp, counted};
use crate::name::{ChangeId, ClusterName, CommitId, EnvironmentName, LayerName};
use std::sync::Arc;
use std::time::Duration;

/// Where one cluster stands with one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The cluster.
    pub cluster: ClusterName,
    /// The digest of the full profile that the commit wants.
    pub wanted: Digest,
    /// How it stands.
    pub condition: Condition,
    /// Since when.
    pub since: Timestamp,
    /// What is to be told beside that: of its approval, or why one does not count.
    pub note: Option<Arc<str>>,
}

/// How a cluster stands with a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Its turn has not come.
    Waiting,
    /// Its layers are being written.
    Syncing {
        /// The layer that is.
        layer: LayerName,
        /// Its place, from one.
        at: usize,
        /// Of how many.
        of: usize,
    },
    /// This was seen, live and healthy.
    Synced {
        /// The digest of the full profile that was seen.
        digest: Digest,
        /// The commit at which it was synced.
        commit: CommitId,
    },
    /// All of it was deleted, as the commit wants.
    Deleted {
        /// The digest of the full profile that says so.
        digest: Digest,
        /// The commit at which it was deleted.
        commit: CommitId,
    },
    /// It needs an approval, for this, of this change.
    Held(Arc<str>, ChangeId),
    /// It came to no good end, because of this.
    Failed(Arc<str>),
    /// What the commit says of it is wrong; that many errors.
    Invalid(usize),
    /// It could not be asked, because of this.
    Unreachable(Arc<str>),
    /// The commit changes nothing of it.
    NotAffected,
    /// A person has paused it, or these of its layers that differ; without a name, all of it.
    Paused(Vec<LayerName>),
    /// It is ours no longer.
    Released,
}

/// An environment, as far as its status needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The fleet, where its repository has several.
    pub fleet: Option<Arc<str>>,
    /// The name.
    pub name: EnvironmentName,
    /// How long an unreachable cluster counts as one that is waited for.
    pub unreachable_after: Duration,
    /// How many of a hundred clusters may be unreachable for longer, and then are not counted.
    pub unreachable_percent_max: u8,
}

impl Environment {
    /// Returns the context of its status.
    pub fn context(&self) -> Context {
        Context::environment(self.fleet.as_deref(), &self.name)
    }
}

/// The most clusters that a text names: two fit into a line, and the detail names them all.
const NAMED_MAX: usize = 2;

/// Returns the environment's status on `commit`.
pub fn environment_status(
    commit: CommitId,
    environment: &Environment,
    standings: &[Standing],
    now: Timestamp,
) -> Status {
    let tally = Tally::count(environment, standings, now);
    let (state, text) = tally.verdict(&environment.name);
    Status::new(commit, environment.context(), state, &text, now).detail(&tally.detail())
}

/// Returns how a commit ends that `by` has overtaken, once that one has its verdict: as success only if what the
/// overtaken commit itself wants is what is live.
pub fn overtaken_status(
    commit: CommitId,
    by: &Status,
    environment: &Environment,
    standings: &[Standing],
    now: Timestamp,
) -> Option<Status> {
    if !by.state.is_verdict() {
        return None;
    }
    let own = environment_status(commit, environment, standings, now);
    if own.state == State::Success {
        return Some(own);
    }
    let short: String = by.commit.to_string().chars().take(7).collect();
    Some(Status::new(commit, environment.context(), State::Error, &format!("overtaken by {short}"), now))
}

/// The clusters of an environment, by what they mean for its verdict.
#[derive(Default)]
struct Tally<'a> {
    synced: usize,
    /// Those whose turn has not come.
    waiting: usize,
    /// Those that cannot be asked, and may come back.
    missed: usize,
    released: Vec<&'a Standing>,
    deleted: Vec<&'a Standing>,
    noted: Vec<(&'a Standing, &'a str)>,
    syncing: Vec<(&'a Standing, &'a LayerName, usize, usize)>,
    troubled: Vec<(&'a Standing, String)>,
    held: Vec<(&'a Standing, &'a str, ChangeId)>,
    paused: Vec<(&'a Standing, &'a [LayerName])>,
    lost: Vec<(&'a Standing, &'a str)>,
    lost_are_too_many: bool,
}

impl<'a> Tally<'a> {
    fn count(environment: &Environment, standings: &'a [Standing], now: Timestamp) -> Self {
        let mut tally = Self::default();
        for standing in standings {
            tally.noted.extend(standing.note.as_deref().map(|note| (standing, note)));
            match &standing.condition {
                Condition::NotAffected => {}
                Condition::Released => tally.released.push(standing),
                Condition::Synced { digest, .. } if *digest == standing.wanted => tally.synced += 1,
                Condition::Deleted { digest, .. } if *digest == standing.wanted => tally.deleted.push(standing),
                Condition::Syncing { layer, at, of } => tally.syncing.push((standing, layer, *at, *of)),
                Condition::Held(why, change) => tally.held.push((standing, why, *change)),
                Condition::Failed(why) => tally.troubled.push((standing, why.to_string())),
                Condition::Invalid(errors) => tally.troubled.push((standing, counted(*errors, "error"))),
                Condition::Paused(layers) => tally.paused.push((standing, layers)),
                Condition::Unreachable(why) if standing.since.after(environment.unreachable_after) <= now => {
                    tally.lost.push((standing, why));
                }
                Condition::Unreachable(_) => tally.missed += 1,
                // Where another digest is live, this commit's turn has not come, or is over.
                Condition::Synced { .. } | Condition::Deleted { .. } | Condition::Waiting => tally.waiting += 1,
            }
        }
        let percent_max = usize::from(environment.unreachable_percent_max);
        tally.lost_are_too_many = tally.lost.len() * 100 > percent_max * (tally.counted() + tally.lost.len());
        tally
    }

    fn counted(&self) -> usize {
        let Self { synced, waiting, missed, syncing, troubled, held, paused, .. } = self;
        synced + waiting + missed + syncing.len() + troubled.len() + held.len() + paused.len()
    }

    fn verdict(&self, environment: &EnvironmentName) -> (State, String) {
        let told = |what: &str, all: &[&Standing]| (!all.is_empty()).then(|| format!("{what}: {}", named(all)));
        let gone = told("deleted", &self.deleted).into_iter().chain(told("released", &self.released));
        // Whoever reads only this line learns what it rests on.
        let approved = self.approved().first().map(|(_, note)| (*note).to_owned());
        if self.counted() + self.lost.len() == 0 {
            let nothing = self.deleted.is_empty().then(|| format!("no cluster of {environment} is affected"));
            let text: Vec<String> = nothing.into_iter().chain(gone).chain(approved).collect();
            return (State::Success, text.join(", "));
        }
        let mut parts = Vec::new();
        // A verdict is corrected once at most, so it waits for all whose turn comes: they may fail, too, or be all
        // that people want to know.
        let state = if let Some((standing, layer)) = self.furthest_behind() {
            parts.push(format!("{layer} on {}", standing.cluster));
            State::Pending
        } else if self.waiting > 0 {
            State::Pending
        } else if !self.troubled.is_empty() {
            State::Failure
        } else if self.missed + self.held.len() + self.paused.len() > 0 {
            State::Pending
        } else if self.lost_are_too_many || self.synced == 0 {
            State::Error
        } else {
            State::Success
        };
        if let [(first, why), ..] = &*self.troubled {
            let others = named(&self.troubled.iter().skip(1).map(|(standing, _)| *standing).collect::<Vec<_>>());
            let others = if others.is_empty() { others } else { format!(" (also {others})") };
            parts.insert(0, format!("{}: {why}{others}", first.cluster));
        }
        if let [(first, why, _), ..] = &*self.held {
            let note = first.note.as_ref().map_or_else(String::new, |note| format!(" ({note})"));
            parts.push(format!("waits for approval: {why} on {}{note}", first.cluster));
        }
        let paused: Vec<String> = self.paused.iter().take(NAMED_MAX).map(|paused| paused_words(*paused)).collect();
        if !paused.is_empty() {
            let more = self.paused.len() - paused.len();
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            parts.push(format!("paused: {}{more}", paused.join(", ")));
        }
        if !self.lost.is_empty() {
            let lost: Vec<&Standing> = self.lost.iter().map(|(standing, _)| *standing).collect();
            parts.push(format!("unreachable: {}", named(&lost)));
        }
        parts.extend(approved);
        parts.extend(gone);
        (
            state,
            [format!("{}/{} clusters synced", self.synced, self.counted())]
                .into_iter()
                .chain(parts)
                .collect::<Vec<_>>()
                .join(", "),
        )
    }

    /// Returns what was done by an approval.
    fn approved(&self) -> Vec<(&'a Standing, &'a str)> {
        let is_done =
            |standing: &Standing| matches!(standing.condition, Condition::Synced { .. } | Condition::Deleted { .. });
        self.noted.iter().filter(|(standing, _)| is_done(standing)).copied().collect()
    }

    /// Returns the cluster that is being written and has most before it, and its layer.
    fn furthest_behind(&self) -> Option<(&'a Standing, String)> {
        let left = |of: &usize, at: &usize| std::cmp::Reverse(of.saturating_sub(*at));
        let behind = self.syncing.iter().min_by_key(|(standing, _, at, of)| (left(of, at), &standing.cluster))?;
        let (standing, _, at, of) = behind;
        Some((standing, format!("layer {at}/{of}")))
    }

    fn detail(&self) -> String {
        let troubled = self.troubled.iter().filter_map(|(standing, _)| line(standing));
        let held = self.held.iter().filter_map(|(standing, ..)| line(standing));
        let ids: Vec<ChangeId> = self.held.iter().map(|(.., change)| *change).collect();
        let together =
            (ids.len() > 1).then(|| format!("all {} together: `stratify approve {}`", ids.len(), change_set_id(&ids)));
        let approved = self.approved().into_iter().map(|(standing, note)| format!("{}: {note}", standing.cluster));
        let lost = self.lost.iter().filter_map(|(standing, _)| line(standing));
        let syncing = self.syncing.iter().filter_map(|(standing, ..)| line(standing));
        let released = self.released.iter().map(|standing| {
            format!("{}: released: no document describes it; nothing of it is deleted", standing.cluster)
        });
        let all = troubled.chain(together).chain(held).chain(lost).chain(syncing).chain(approved).chain(released);
        all.collect::<Vec<_>>().join("\n")
    }
}

/// Returns a cluster with what is to be known of it now.
fn line(standing: &Standing) -> Option<String> {
    Some(format!("{}: {}", standing.cluster, standing.now()?))
}

/// Returns a cluster with its layers that are paused.
fn paused_words((standing, layers): (&Standing, &[LayerName])) -> String {
    let layers: Vec<&str> = layers.iter().map(LayerName::as_str).collect();
    match layers.as_slice() {
        [] => standing.cluster.to_string(),
        [one] => format!("layer {one} of {}", standing.cluster),
        all => format!("layers {} of {}", all.join(", "), standing.cluster),
    }
}

/// Names the first clusters and counts the others.
fn named(all: &[&Standing]) -> String {
    let first: Vec<&str> = all.iter().take(NAMED_MAX).map(|standing| standing.cluster.as_str()).collect();
    let others = all.len() - first.len();
    if others == 0 { first.join(", ") } else { format!("{} and {others} more", first.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: CommitId = CommitId([0xaa; 20]);
    const WANTED: Digest = Digest([1; 32]);
    const MINUTE: u64 = 60_000;

    fn environment() -> Environment {
        Environment {
            fleet: None,
            name: EnvironmentName::new("dev").expect("it is a label"),
            unreachable_after: Duration::from_mins(10),
            unreachable_percent_max: 0,
        }
    }

    fn standings(conditions: Vec<Condition>) -> Vec<Standing> {
        let standing = |(at, condition)| Standing {
            cluster: ClusterName::new(&format!("eu-{}", at + 1)).expect("it is a label"),
            wanted: WANTED,
            condition,
            since: Timestamp(0),
            note: None,
        };
        conditions.into_iter().enumerate().map(standing).collect()
    }

    fn synced() -> Condition {
        Condition::Synced { digest: WANTED, commit: COMMIT }
    }

    fn syncing(at: usize) -> Condition {
        Condition::Syncing { layer: LayerName::new("web").expect("it is a label"), at, of: 5 }
    }

    fn said(conditions: Vec<Condition>) -> (State, String) {
        said_at(&environment(), conditions, Timestamp(MINUTE))
    }

    fn said_at(environment: &Environment, conditions: Vec<Condition>, now: Timestamp) -> (State, String) {
        let status = environment_status(COMMIT, environment, &standings(conditions), now);
        (status.state, status.text().to_owned())
    }

    #[test]
    fn success_needs_every_counted_cluster_at_the_wanted_digest() {
        let other = Condition::Synced { digest: Digest([2; 32]), commit: COMMIT };
        assert_eq!(said(vec![synced(), synced()]), (State::Success, "2/2 clusters synced".into()), "all were seen");
        assert_eq!(said(vec![synced(), other]).0, State::Pending, "healthy at another digest says nothing");
        assert_eq!(said(vec![synced(), Condition::Waiting]).0, State::Pending, "one was not seen");
        let free = vec![synced(), Condition::NotAffected];
        assert_eq!(said(free), (State::Success, "1/1 clusters synced".into()), "that one does not count");
    }

    #[test]
    fn a_commit_that_affects_nothing_says_so() {
        let text = "no cluster of dev is affected";
        assert_eq!(said(vec![Condition::NotAffected]), (State::Success, text.into()), "it is over");
        assert_eq!(said(vec![]), (State::Success, text.into()), "there is no cluster");
    }

    #[test]
    fn what_is_released_is_named_and_not_counted() {
        let text = "1/1 clusters synced, released: eu-2";
        assert_eq!(said(vec![synced(), Condition::Released]), (State::Success, text.into()), "nothing of it goes");
        let text = "no cluster of dev is affected, released: eu-1";
        assert_eq!(said(vec![Condition::Released]), (State::Success, text.into()), "it was the only one");
    }

    #[test]
    fn what_is_deleted_is_told_as_that_and_is_no_cluster_any_more() {
        let deleted = || Condition::Deleted { digest: WANTED, commit: COMMIT };
        assert_eq!(said(vec![deleted()]), (State::Success, "deleted: eu-1".into()), "nothing is left to be synced");
        let text = "1/1 clusters synced, deleted: eu-2";
        assert_eq!(said(vec![synced(), deleted()]), (State::Success, text.into()), "it does not count");
        let other = Condition::Deleted { digest: Digest([2; 32]), commit: COMMIT };
        assert_eq!(said(vec![other]).0, State::Pending, "it is wanted again");
    }

    #[test]
    fn an_approval_is_told_with_what_it_is_worth() {
        let mut all = standings(vec![synced(), synced()]);
        all[1].note = Some("approved by Grace <grace@acme.example>, unsigned, in 1a1a1a1".into());
        let status = environment_status(COMMIT, &environment(), &all, Timestamp(0));
        let text = "2/2 clusters synced, approved by Grace <grace@acme.example>, unsigned, in 1a1a1a1";
        assert_eq!((status.state, status.text()), (State::Success, text), "whoever reads the line knows");
        all[1].condition = Condition::Held("delete 3 objects".into(), ChangeId([7; 32]));
        all[1].note = Some("an approval does not count: Ada wrote a part of it".into());
        let status = environment_status(COMMIT, &environment(), &all, Timestamp(0));
        let text = "waits for approval: delete 3 objects on eu-2 (an approval does not count: Ada wrote a part of it)";
        assert_eq!(status.text(), format!("1/2 clusters synced, {text}"), "nobody waits in vain");
    }

    #[test]
    fn changes_that_wait_together_have_an_id_together() {
        let held = |id| Condition::Held("delete 3 objects".into(), ChangeId([id; 32]));
        let status = environment_status(COMMIT, &environment(), &standings(vec![held(1), held(2)]), Timestamp(0));
        let id = change_set_id(&[ChangeId([2; 32]), ChangeId([1; 32])]);
        let detail = status.try_detail().expect("there is more to say");
        assert!(detail.starts_with(&format!("all 2 together: `stratify approve {id}`\n")), "{detail}");
    }

    #[test]
    fn a_sync_says_how_far_it_is() {
        let text = "1/3 clusters synced, layer 3/5 on eu-3";
        assert_eq!(said(vec![synced(), syncing(4), syncing(3)]), (State::Pending, text.into()), "the slowest is named");
    }

    #[test]
    fn a_failure_waits_for_what_is_written_and_names_the_first() {
        let failed = || Condition::Failed("layer web: timed out".into());
        assert_eq!(said(vec![failed(), syncing(3)]).0, State::Pending, "the verdict is corrected only once");
        let text = "1/4 clusters synced, eu-1: layer web: timed out (also eu-2, eu-3)";
        let all = vec![failed(), failed(), Condition::Invalid(2), synced()];
        assert_eq!(said(all), (State::Failure, text.into()), "all have ended");
        let text = "0/2 clusters synced, eu-1: layer web: timed out";
        assert_eq!(said(vec![failed(), Condition::Waiting]), (State::Pending, text.into()), "its turn comes");
        let held = Condition::Held("delete 3 objects".into(), ChangeId([7; 32]));
        assert_eq!(said(vec![failed(), held]).0, State::Failure, "an approval may never come");
        let text = "0/1 clusters synced, eu-1: 1 error";
        assert_eq!(said(vec![Condition::Invalid(1)]), (State::Failure, text.into()), "documents are wrong");
    }

    #[test]
    fn a_hold_and_a_pause_are_no_end() {
        let text = "1/2 clusters synced, waits for approval: delete 3 objects on eu-2";
        let held = Condition::Held("delete 3 objects".into(), ChangeId([7; 32]));
        assert_eq!(said(vec![synced(), held]), (State::Pending, text.into()), "a person may still approve");
        let text = "1/2 clusters synced, paused: eu-2";
        let paused = Condition::Paused(Vec::new());
        assert_eq!(said(vec![synced(), paused]), (State::Pending, text.into()), "it was not seen");
        let text = "1/2 clusters synced, paused: layer web of eu-2";
        let paused = Condition::Paused(vec![LayerName::new("web").expect("it is a label")]);
        assert_eq!(said(vec![synced(), paused]), (State::Pending, text.into()), "that layer was not");
    }

    #[test]
    fn an_unreachable_cluster_counts_until_its_time_is_over() {
        let lost = || Condition::Unreachable("no route".into());
        let text = "1/1 clusters synced, unreachable: eu-2";
        let (soon, late) = (Timestamp(9 * MINUTE), Timestamp(10 * MINUTE));
        let at = |percent, now, conditions| {
            said_at(&Environment { unreachable_percent_max: percent, ..environment() }, conditions, now)
        };
        assert_eq!(at(0, soon, vec![synced(), lost()]).0, State::Pending, "it is waited for");
        assert_eq!(at(0, late, vec![synced(), lost()]), (State::Error, text.into()), "nobody could find out");
        assert_eq!(at(50, late, vec![synced(), lost()]), (State::Success, text.into()), "it is named, not counted");
        assert_eq!(at(100, late, vec![lost()]).0, State::Error, "nothing was seen");
    }

    #[test]
    fn an_overtaken_commit_ends_with_the_one_that_overtook_it() {
        let by = |state| Status::new(CommitId([0x1a; 20]), environment().context(), state, "", Timestamp(0));
        let ends = |state, condition| {
            let status =
                overtaken_status(COMMIT, &by(state), &environment(), &standings(vec![condition]), Timestamp(0))?;
            Some((status.state, status.text().to_owned()))
        };
        assert_eq!(ends(State::Pending, Condition::Waiting), None, "the other is not over");
        let overtaken = Some((State::Error, "overtaken by 1a1a1a1".to_owned()));
        assert_eq!(ends(State::Success, Condition::Waiting), overtaken, "it was never seen");
        let success = Some((State::Success, "1/1 clusters synced".to_owned()));
        assert_eq!(ends(State::Failure, synced()), success, "its own digest is live");
    }
}
