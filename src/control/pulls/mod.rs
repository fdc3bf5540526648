//! In: the open pull requests of a forge, and the head of the branch. Out: of each a status on its head, and one comment.
//! Guarantee: nothing is applied; one that cannot be planned hurts no other; what is as it was told is not told again; of
//! many at once one is planned after the other, and no status waits for a comment; a review approves what it was shown.
mod compared;
mod plan;
mod reviews;
mod row;
mod world;

use super::compute::Compute;
use super::prepare::Prepared;
use super::real_world::Outside;
use super::wanted_statuses::{first_line, plan_status};
use crate::act::forge::comments::{Ourselves, put};
use crate::act::forge::hooks::redeliver;
use crate::act::forge::pages::Pages;
use crate::client::clock::now;
use crate::client::forge::{ForgeError, Meaning, Pull, Server};
use crate::client::git::Merged;
use crate::decide::report::{
    About, Context, Drafts, Markup, Reviewed as Shown, State, Status, comment, refusal, whole,
};
use crate::decide::value::{Digest, Domain, Fault, Hasher, Timestamp};
use crate::name::{ClusterName, CommitId};
use crate::observe::forge::deliveries::failed;
use crate::observe::forge::pulls::{Pulls, head, list};
use crate::observe::forge::reviews::{Approval, Approvers, Reviews};
use crate::settings::DOOR;
pub(super) use compared::{Changes, compared};
use plan::{Sides, plan};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use world::World;

/// How many digits of a change the status shows.
const CHANGE_DIGITS: usize = 12;

/// What is known of the pull requests.
#[derive(Default)]
pub(super) struct Known {
    /// The store of their objects, once it was opened.
    pub(super) store: Option<Arc<Pulls>>,
    /// Whether they are looked at.
    pub(super) looking: bool,
    /// The head of the branch at which they are to be looked at once more.
    pub(super) again: Option<CommitId>,
    /// Those that came with the head, as its commits say.
    pub(super) merged: Vec<u64>,
    /// The clusters that the head touches; others only wait with it for what came before.
    pub(super) touched: BTreeSet<ClusterName>,
    /// What was told of each, by number.
    pub(super) told: BTreeMap<u64, Told>,
    /// The comments that are to be put.
    pub(super) drafts: Drafts,
    /// Whether some of them are on their way.
    pub(super) commenting: bool,
    /// The heads of the merge queue that were told, each with the head of the branch by then.
    pub(super) queued: BTreeMap<CommitId, CommitId>,
    /// When deliveries that were not taken were asked for last.
    pub(super) swept: Option<Timestamp>,
    /// Clusters that are no longer as they were when pull requests were planned.
    pub(super) stale: BTreeSet<ClusterName>,
    /// When those are planned anew at the latest.
    pub(super) stale_due: Option<Timestamp>,
    /// When the last look began, and how long it took once it ended.
    pub(super) began: Option<Timestamp>,
    pub(super) took: Duration,
}

/// What was told of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    head: CommitId,
    base: CommitId,
    /// Who opened it.
    author: String,
    /// The branch that its head is on.
    branch: String,
    /// The id and the digest of the comment.
    comment: Option<(u64, Digest)>,
    /// The id of the change of each cluster that changes.
    changes: Changes,
    /// Those of them that would wait for approval.
    waits: Vec<String>,
    /// The reviews that approve its head.
    reviews: Vec<Reviewed>,
    /// Why reviews that approve do not count, with whose they are.
    refused: Vec<(String, &'static str)>,
    /// Whether the forge did not tell of its reviews before it was planned otherwise: those that it has now may be of before.
    is_unread: bool,
    /// The clusters whose plans it was told from, where that is known and they are not too many.
    clusters: Option<BTreeSet<ClusterName>>,
}

/// A review that approves, and the changes that it was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reviewed {
    approval: Approval,
    shown: Vec<String>,
}

/// What a look at the pull requests found, one after the other.
#[derive(Debug)]
pub enum Pulled {
    /// A status for the head of one; the number says whose, what was told of it, and the comment that it is to have.
    One(Box<Status>, u64, Box<Seen>, String),
    /// A status for a head of the merge queue.
    Queued(Box<Status>),
    /// What the reviews of this head of one are worth.
    Reviewed(u64, CommitId, Reviews),
    /// All were looked at: those that are open, or why they are not known; and what went wrong with some.
    All(Option<Vec<u64>>, Vec<Fault>),
    /// What became of the comment of one.
    Commented(Box<Commented>),
    /// Those comments that could be put were, and this went wrong with the first that was not.
    Comments(Option<Fault>),
}

/// What became of a comment.
#[derive(Debug)]
pub struct Commented {
    pub(super) number: u64,
    pub(super) text: String,
    /// Its id, or how long the forge asks to be left alone.
    pub(super) put: Result<Option<u64>, Option<Duration>>,
}

/// What was told of one.
#[derive(Debug)]
pub struct Seen(pub(super) Told);

/// A look at the pull requests.
pub(super) struct Look {
    pub(super) outside: Arc<Outside>,
    pub(super) compute: Arc<Compute>,
    pub(super) server: Arc<Server>,
    pub(super) store: Arc<Pulls>,
    pub(super) told: BTreeMap<u64, Told>,
    /// The head of the branch.
    pub(super) base: CommitId,
    pub(super) branch: String,
    /// Whose reviews approve.
    pub(super) approvers: Approvers,
    /// The heads of the merge queue that were told at this head of the branch.
    pub(super) queued: BTreeSet<CommitId>,
    /// Whether deliveries that were not taken are asked for again.
    pub(super) sweeps: bool,
}

/// Puts comments one after the other; once one is refused for a reason that holds for all, the others wait like it.
pub(super) async fn put_all(server: &Server, drafts: Vec<(u64, Option<u64>, String)>, mut tell: impl FnMut(Pulled)) {
    let (mut first, mut ourselves): (Option<ForgeError>, _) = (None, Ourselves::default());
    for (number, known, text) in drafts {
        let waits = first.as_ref().filter(|error| !matches!(error.code(), Some(404 | 410 | 422))).map(wait_of);
        let put = match waits {
            Some(wait) => Err(wait),
            None => put(server, &mut ourselves, number, known, &text).await.map_err(|error| {
                let wait = wait_of(&error);
                first.get_or_insert(error);
                wait
            }),
        };
        tell(Pulled::Commented(Box::new(Commented { number, text, put })));
    }
    tell(Pulled::Comments(first.map(Fault::from)));
}

fn wait_of(error: &ForgeError) -> Option<Duration> {
    if let Meaning::Limited(wait) = error.meaning { Some(wait) } else { None }
}

/// Opens the store of their objects.
pub(super) fn open(outside: &Outside) -> Result<Pulls, Fault> {
    let mirror = outside.mirror();
    Pulls::open(mirror, &outside.settings().state.join("pulls.git"), &mirror.address())
}

impl Look {
    /// Looks at all of them, and tells of each that is new, or whose base is.
    pub(super) async fn run(self, mut tell: impl FnMut(Pulled)) {
        let known = |number: u64| self.told.get(&number).map(|told| told.head.to_string());
        let pulls = match list(&self.server, &self.branch, known).await {
            Ok(pulls) => pulls,
            Err(error) => return tell(Pulled::All(None, vec![error.into()])),
        };
        let open = pulls.iter().map(|pull| pull.number).collect();
        let mut faults = Vec::new();
        let mut told = self.told.clone();
        let untold = self.reviews_of_before(&mut told, &pulls, &mut faults, &mut tell).await;
        let is_told = |pull: &Pull| {
            let told = self.told.get(&pull.number);
            told.is_some_and(|told| told.head.to_string() == pull.head && told.base == self.base)
        };
        let pulls: Vec<Pull> = pulls.into_iter().filter(|pull| !is_told(pull)).collect();
        self.receive_ahead(&pulls).await;
        let mut fresh = BTreeSet::new();
        for pull in pulls {
            let before = told.get(&pull.number);
            match self.one(&pull, before, untold.contains(&pull.number)).await {
                Ok(None) => {}
                Ok(Some((status, seen, text))) => {
                    if before.is_none_or(|before| before.head != seen.0.head) {
                        fresh.insert(pull.number);
                    }
                    told.insert(pull.number, seen.0.clone());
                    tell(Pulled::One(Box::new(status), pull.number, Box::new(seen), text));
                }
                Err(fault) => faults.push(fault),
            }
        }
        // A review of a head that was there before it was planned is of what that gives.
        self.reviews(&mut told, fresh, &mut faults, &mut tell).await;
        faults.extend(self.queue(&mut tell).await.err());
        if self.sweeps {
            self.sweep().await;
        }
        tell(Pulled::All(Some(open), faults));
    }

    /// Fetches what many bring in few requests; what goes wrong is told of the one that it goes wrong with.
    async fn receive_ahead(&self, pulls: &[Pull]) {
        let (store, address, base, pulls) =
            (self.store.clone(), self.outside.mirror().address(), self.base, pulls.to_vec());
        let received = tokio::task::spawn_blocking(move || store.receive_ahead(&address, &pulls, base)).await;
        if let Ok(Err(fault)) = received {
            tracing::debug!(%fault, "pull requests are fetched one by one");
        }
    }

    /// Plans the heads of the merge queue: each is what the branch would be.
    async fn queue(&self, tell: &mut impl FnMut(Pulled)) -> Result<(), Fault> {
        let forge = self.server.forge();
        let Some(call) = forge.queue(&self.branch) else { return Ok(()) };
        let listed = match self.server.send(&call).await {
            // Where the token may not read refs, there is nothing that could be said of them.
            Err(error) if matches!(error.code(), Some(403 | 404 | 409)) => return Ok(()),
            listed => listed?,
        };
        for (reference, head) in forge.read_queue(&self.branch, &listed.body) {
            let Some(commit) = CommitId::parse(&head).filter(|commit| !self.queued.contains(commit)) else { continue };
            let branch = reference.trim_start_matches("refs/heads/").to_owned();
            let base = self.branch.clone();
            // Of no pull request: the queue puts several together.
            let reference = Some(reference);
            let pull = Pull { number: 0, author: String::new(), head, reference, branch, base, is_fork: false };
            let about = self.about(commit, false);
            let status = match self.plan(&pull, commit).await {
                Ok(Planned::Clusters(prepared)) => said(&about, &prepared).0,
                Ok(Planned::There) => said(&about, &[]).0,
                Ok(Planned::Never(why)) => refused(&about, &why).0,
                Err(fault) if fault.spurious => return Err(fault),
                Err(fault) => refused(&about, &first_line(&fault)).0,
            };
            tell(Pulled::Queued(Box::new(status)));
        }
        Ok(())
    }

    /// Asks for deliveries again that were not taken; where the token may not, polling does without.
    async fn sweep(&self) {
        let swept = async {
            for (hook, attempt) in failed(&self.server, DOOR).await? {
                redeliver(&self.server, &hook, attempt).await?;
                tracing::info!(hook, attempt, "a delivery that was not taken is asked for again");
            }
            Ok::<(), ForgeError>(())
        };
        if let Err(error) = swept.await {
            tracing::debug!(%error, "deliveries are not looked at");
        }
    }

    /// Plans one, and returns what is to be told of it; what can be mended by another look is a fault, and told of then. Of
    /// one that is merged, and not yet told as closed, what it showed stays.
    async fn one(
        &self,
        pull: &Pull,
        told: Option<&Told>,
        is_untold: bool,
    ) -> Result<Option<(Status, Seen, String)>, Fault> {
        let (head, _) = head(pull)?;
        let notes = told.filter(|told| told.is_at(head)).map(Told::notes).unwrap_or_default();
        let about = About { notes: &notes, ..self.about(head, pull.is_fork) };
        let mut seen = Told::new(head, self.base, pull);
        let (status, text) = match self.plan(pull, head).await {
            Ok(Planned::Clusters(prepared)) => {
                seen.learn(&prepared, pull.is_fork, told);
                let (status, reviewed) = said(&about, &prepared);
                (status, self.worded(&about, &reviewed))
            }
            Ok(Planned::There) if told.is_some_and(|told| told.is_at(head)) => return Ok(None),
            Ok(Planned::There) => (said(&about, &[]).0, self.worded(&about, &[])),
            Ok(Planned::Never(why)) => refused(&about, &why),
            Err(fault) if fault.spurious => return Err(fault),
            Err(fault) => refused(&about, &first_line(&fault)),
        };
        if let Some(told) = told {
            seen.after(told, is_untold);
        }
        Ok(Some((status, Seen(seen), text)))
    }

    async fn plan(&self, pull: &Pull, head: CommitId) -> Result<Planned, Fault> {
        let (store, address, base) = (self.store.clone(), self.outside.mirror().address(), self.base);
        let own = pull.clone();
        let merging = tokio::task::spawn_blocking(move || {
            store.receive(&address, &own, base)?;
            store.merge(base, head)
        });
        let merged = merging.await.map_err(|_| Fault::bug("a merge did not come to its end"))??;
        let merge = match merged {
            Merged::Commit(merge) if merge == base => return Ok(Planned::There),
            Merged::Commit(merge) => merge,
            Merged::Conflicts(paths) => {
                let why = format!("it conflicts with {} in {}", self.branch, paths.join(", "));
                return Ok(Planned::Never(why));
            }
            Merged::Unrelated => {
                return Ok(Planned::Never(format!("it has no commit in common with {}", self.branch)));
            }
        };
        let world =
            Arc::new(World { outside: self.outside.clone(), pulls: self.store.clone(), merge, is_fork: pull.is_fork });
        let planning = self.compute.spawn(plan(world, Sides { base, head }, pull.is_fork));
        let planned = planning.await.map_err(|_| Fault::bug("the plan of a pull request did not come to its end"))?;
        planned.map(Planned::Clusters)
    }

    fn about(&self, head: CommitId, is_fork: bool) -> About<'_> {
        let markup = if self.server.forge().capabilities().shows_html { Markup::Html } else { Markup::Plain };
        About { head, base: self.base, branch: &self.branch, is_fork, markup, notes: &[] }
    }

    /// Returns the comment; where the forge has no room for all of it, with a link to the rest, if we are reached.
    fn worded(&self, about: &About<'_>, reviewed: &[Shown]) -> String {
        let chars_max = self.server.forge().capabilities().comment_chars_max;
        let told = comment(about, reviewed, chars_max, None);
        let settings = self.outside.settings();
        let url = settings.public_url.as_deref().filter(|_| told.is_cut && settings.listen.is_some());
        let Some(url) = url else { return told.text };
        match Pages::new(settings.plan_pages(), url).keep(&whole(about, reviewed)) {
            Ok(link) => comment(about, reviewed, chars_max, Some(&link)).text,
            Err(fault) => {
                tracing::warn!(%fault, "a comment links no plan");
                told.text
            }
        }
    }
}

enum Planned {
    Clusters(Vec<Prepared>),
    /// The branch has it already.
    There,
    /// It can never be planned as it is.
    Never(String),
}

/// Returns the status of a plan, and what its comment is about.
fn said(about: &About<'_>, prepared: &[Prepared]) -> (Status, Vec<Shown>) {
    let all: Vec<&Prepared> = prepared.iter().collect();
    let status = plan_status(about.head, &all, 0);
    let reviewed: Vec<Shown> = prepared.iter().filter_map(reviewed).collect();
    let changed: Vec<_> =
        reviewed.iter().filter_map(|one| one.change.as_ref().ok()).filter(|it| it.layers > 0).collect();
    let mut text = status.text().to_owned();
    if about.is_fork {
        text = format!("partial, from a fork: {text}");
    }
    if let ([one], State::Success) = (changed.as_slice(), status.state) {
        let id: String = one.id.to_string().chars().take(CHANGE_DIGITS).collect();
        text = format!("{text} (change {id})");
    }
    let (detail, annotations) = (status.try_detail().unwrap_or_default().to_owned(), status.annotations().to_vec());
    let status = Status::new(about.head, Context::plan(None), status.state, &text, now()).detail(&detail);
    let status = status.annotated(annotations);
    (status, reviewed)
}

fn refused(about: &About<'_>, why: &str) -> (Status, String) {
    (Status::new(about.head, Context::plan(None), State::Failure, why, now()), refusal(about, why))
}

fn reviewed(prepared: &Prepared) -> Option<Shown> {
    let change = match &prepared.change {
        Ok(summary) => Ok(summary.review.clone()?),
        Err(fault) => Err(first_line(fault)),
    };
    Some(Shown { cluster: prepared.cluster.clone(), environment: prepared.environment.clone(), change })
}

pub(super) fn digest_of(text: &str) -> Digest {
    let mut hasher = Hasher::new(Domain("pull-comment/1"));
    hasher.bytes(text.as_bytes());
    hasher.finish()
}
