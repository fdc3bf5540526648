//! In: the open pull requests of a forge, and the head of the branch. Out: of each a status on its head, and one comment.
//! Guarantee: nothing is applied; one that cannot be planned hurts no other; what is as it was told is not told again.
mod plan;
mod row;
mod world;

use super::compute::Compute;
use super::prepare::Prepared;
use super::real_world::Outside;
use super::wanted_statuses::{first_line, plan_status};
use crate::act::forge::comments;
use crate::client::clock::now;
use crate::client::forge::{ForgeError, Meaning, Pull, Server};
use crate::client::git::Merged;
use crate::decide::document::CommitFacts;
use crate::decide::report::{About, Context, Reviewed, State, Status, comment, refusal};
use crate::decide::value::{Digest, Domain, Fault, Hasher};
use crate::name::{ClusterName, CommitId};
use crate::observe::forge::pulls::{Pulls, list};
use crate::observe::forge::reviews::approved_by;
use plan::{Sides, plan};
use std::collections::BTreeMap;
use std::sync::Arc;
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
    /// Those that came with the head.
    pub(super) merged: Vec<u64>,
    /// What was told of each, by number.
    pub(super) told: BTreeMap<u64, Told>,
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
    changes: BTreeMap<ClusterName, String>,
    /// Those of them that would wait for approval.
    waits: Vec<String>,
    /// Who approved it by a review.
    approved_by: Option<String>,
}

/// What a look at the pull requests found, one after the other.
#[derive(Debug)]
pub enum Pulled {
    /// A status for the head of one; the number says whose, and what was told of it.
    One(Box<Status>, u64, Seen),
    /// The review of one approves these changes.
    Approved(Box<CommitFacts>),
    /// All were looked at: those that are open, or why they are not known; and what went wrong with some.
    All(Option<Vec<u64>>, Vec<Fault>),
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
    pub(super) approvers: Vec<String>,
}

/// Opens the store of their objects.
pub(super) fn open(outside: &Outside) -> Result<Pulls, Fault> {
    let mirror = outside.mirror();
    Pulls::open(mirror, &outside.settings().state.join("pulls.git"), &mirror.address())
}

impl Look {
    /// Looks at all of them, and tells of each that is new, or whose base is.
    pub(super) async fn run(self, mut tell: impl FnMut(Pulled)) {
        let pulls = match list(&self.server, &self.branch).await {
            Ok(Some(pulls)) => pulls,
            Ok(None) => return tell(Pulled::All(None, Vec::new())),
            Err(error) => return tell(Pulled::All(None, vec![error.into()])),
        };
        let open = pulls.iter().map(|pull| pull.number).collect();
        let mut faults = Vec::new();
        let mut now = self.told.clone();
        for pull in pulls {
            let told = self.told.get(&pull.number);
            if told.is_some_and(|told| told.head.to_string() == pull.head && told.base == self.base) {
                continue;
            }
            match self.one(&pull, told).await {
                Ok((status, seen, fault)) => {
                    faults.extend(fault);
                    now.insert(pull.number, seen.0.clone());
                    tell(Pulled::One(Box::new(status), pull.number, seen));
                }
                Err(fault) => faults.push(fault),
            }
        }
        // Also of those that are merged by now: the review may have come a moment before the merge.
        for (number, told) in &now {
            match self.review(*number, told).await {
                Ok(review) => review.into_iter().for_each(|review| tell(Pulled::Approved(Box::new(review)))),
                Err(error) => faults.push(error.into()),
            }
        }
        tell(Pulled::All(Some(open), faults));
    }

    /// Looks whether a review approves what waits, where nobody did yet; it stands for a commit that approves the same.
    async fn review(&self, number: u64, told: &Told) -> Result<Option<CommitFacts>, ForgeError> {
        if self.approvers.is_empty() || told.waits.is_empty() || told.approved_by.is_some() {
            return Ok(None);
        }
        let head = told.head.to_string();
        let by = approved_by(&self.server, number, &head, &told.author, &self.approvers).await?;
        Ok(by.map(|by| told.approval(number, &by)))
    }

    /// Plans one, and tells of it; what can be mended by another look is a fault, and told of then.
    async fn one(&self, pull: &Pull, told: Option<&Told>) -> Result<(Status, Seen, Option<Fault>), Fault> {
        let head = CommitId::parse(&pull.head).ok_or_else(|| Fault::bug("the head of a pull request is a commit"))?;
        let about = About { head, base: self.base, branch: &self.branch, is_fork: pull.is_fork };
        let mut seen = Told::new(head, self.base, pull);
        let (status, text) = match self.plan(pull, head).await {
            Ok(Planned::Clusters(prepared)) => {
                seen.learn(&prepared, pull.is_fork);
                said(&about, &prepared, self.chars_max())
            }
            Ok(Planned::Never(why)) => refused(&about, &why),
            Err(fault) if fault.spurious => return Err(fault),
            Err(fault) => refused(&about, &first_line(&fault)),
        };
        let digest = digest_of(&text);
        let before = told.and_then(|told| told.comment);
        let (comment, fault) = match before {
            Some((_, known)) if known == digest => (before, None),
            _ => match comments::put(&self.server, pull.number, before.map(|(id, _)| id), &text).await {
                Ok(id) => (id.map(|id| (id, digest)), None),
                // The status is told all the same; the comment is tried again when anything moves, or at the next look.
                Err(error) => {
                    if matches!(error.meaning, Meaning::Limited(_) | Meaning::Later) {
                        seen.base = CommitId([0; 20]);
                    }
                    (before, Some(error.into()))
                }
            },
        };
        seen.comment = comment;
        Ok((status, Seen(seen), fault))
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
            Merged::Commit(merge) => merge,
            Merged::Conflicts(paths) => {
                let why = format!("it conflicts with {} in {}", self.branch, paths.join(", "));
                return Ok(Planned::Never(why));
            }
            Merged::Unrelated => {
                return Ok(Planned::Never(format!("it has no commit in common with {}", self.branch)));
            }
        };
        let world = Arc::new(World { outside: self.outside.clone(), pulls: self.store.clone(), merge });
        let planning = self.compute.spawn(plan(world, Sides { base, head }, pull.is_fork));
        let planned = planning.await.map_err(|_| Fault::bug("the plan of a pull request did not come to its end"))?;
        planned.map(Planned::Clusters)
    }

    fn chars_max(&self) -> usize {
        self.server.forge().capabilities().comment_chars_max
    }
}

enum Planned {
    Clusters(Vec<Prepared>),
    /// It can never be planned as it is.
    Never(String),
}

/// Returns the status and the comment of a plan.
fn said(about: &About<'_>, prepared: &[Prepared], chars_max: usize) -> (Status, String) {
    let all: Vec<&Prepared> = prepared.iter().collect();
    let status = plan_status(about.head, &all, 0);
    let reviewed: Vec<Reviewed> = prepared.iter().filter_map(reviewed).collect();
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
    let detail = status.try_detail().unwrap_or_default().to_owned();
    let status = Status::new(about.head, Context::plan(None), status.state, &text, now()).detail(&detail);
    (status, comment(about, &reviewed, chars_max))
}

fn refused(about: &About<'_>, why: &str) -> (Status, String) {
    (Status::new(about.head, Context::plan(None), State::Failure, why, now()), refusal(about, why))
}

fn reviewed(prepared: &Prepared) -> Option<Reviewed> {
    let change = match &prepared.change {
        Ok(summary) => Ok(summary.review.clone()?),
        Err(fault) => Err(first_line(fault)),
    };
    Some(Reviewed { cluster: prepared.cluster.clone(), environment: prepared.environment.clone(), change })
}

fn digest_of(text: &str) -> Digest {
    let mut hasher = Hasher::new(Domain("pull-comment/1"));
    hasher.bytes(text.as_bytes());
    hasher.finish()
}
