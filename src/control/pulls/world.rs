//! In: the world outside, and the objects of pull requests. Out: the same world, with documents of a merge.
//! Guarantee: nothing is written, and nothing is remembered: a pull request changes nothing of what commits are planned by.
use super::super::commits::{Repositories, Repository};
use super::super::expansion::Expansions;
use super::super::real_world::Outside;
use super::super::released_clusters::Released;
use super::super::world::{Sources, Target};
use crate::client::git::Objects;
use crate::decide::document::{Commits, Site, Texts};
use crate::decide::fleet::Fleet;
use crate::decide::plan::{ClusterState, GroupId, LayerInventory, Plan, Probe, Ruling, Verdict, Why};
use crate::decide::profile::{FullProfile, Record};
use crate::decide::render::{Layers, Recalled};
use crate::decide::rollout::{Answer, Rollout};
use crate::decide::value::{Fault, Live, Seal};
use crate::name::{BlobId, ClusterName, CommitId, ObjectId, RepoName};
use crate::observe::forge::pulls::Pulls;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Repository for Pulls {
    fn objects(&self) -> &Objects {
        Pulls::objects(self)
    }

    fn tag(&self, _: &str) -> Result<Option<CommitId>, Fault> {
        Ok(None)
    }

    fn accepted_tag(&self, _: &str) -> Result<Option<CommitId>, Fault> {
        Ok(None)
    }

    fn watched(&self) -> Result<Option<CommitId>, Fault> {
        Ok(None)
    }
}

/// The world, as a pull request sees it.
pub(super) struct World {
    pub(super) outside: Arc<Outside>,
    pub(super) pulls: Arc<Pulls>,
    /// What merging gives.
    pub(super) merge: CommitId,
    /// Whether a stranger wrote it: nothing sealed is opened for it, and nothing is fetched.
    pub(super) is_fork: bool,
}

/// The fleet's own repository is the store of pull requests, which borrows the mirror's objects.
struct Beside<'a>(&'a World);

impl Repositories for Beside<'_> {
    fn find(&self, name: Option<&RepoName>) -> Option<&dyn Repository> {
        match name {
            None => Some(&*self.0.pulls),
            Some(_) => self.0.outside.mirrors().find(name),
        }
    }

    fn others(&self) -> Vec<RepoName> {
        self.0.outside.mirrors().others()
    }

    fn trouble(&self, name: &RepoName) -> Option<String> {
        self.0.outside.mirrors().trouble(name)
    }
}

impl Sources for World {
    async fn fleet(&self, commit: CommitId) -> Result<Arc<Fleet>, Fault> {
        self.outside.fleet(commit).await
    }

    async fn texts(&self, blobs: BTreeSet<BlobId>) -> Result<Texts, Fault> {
        self.outside.moments().texts(&Beside(self), &blobs)
    }

    /// Approvals of the branch count as they would after the merge.
    async fn commits(&self, from: Option<CommitId>, _: CommitId) -> Result<Commits, Fault> {
        let Some(from) = from else { return Ok(Commits::default()) };
        let mut commits = self.pulls.objects().commits(Some(from), self.merge)?;
        commits.commits.extend(self.outside.reviews());
        Ok(commits)
    }

    async fn brought(
        &self,
        repository: Option<&RepoName>,
        from: Option<CommitId>,
        to: CommitId,
    ) -> Result<Commits, Fault> {
        // A pin is never of a pull request; the head that something is read at may be its merge.
        match repository {
            None if to == self.merge => self.pulls.objects().commits(from, to),
            _ => self.outside.brought(repository, from, to).await,
        }
    }

    async fn follows(&self, commit: CommitId, head: CommitId) -> Result<bool, Fault> {
        self.pulls.objects().descends(commit, head)
    }

    fn seal(&self) -> &Seal {
        self.outside.seal()
    }

    fn expansions(&self) -> &Expansions {
        if self.is_fork {
            return self.outside.expansions_of_strangers();
        }
        self.outside.expansions()
    }

    fn remembered(&self, _: &ClusterName) -> Option<Arc<Recalled>> {
        None
    }

    fn remember(&self, _: &ClusterName, _: Option<Recalled>) {}
}

impl Target for World {
    async fn facts(&self, profile: &FullProfile, wanted: Option<&Layers>) -> Result<ClusterState, Fault> {
        self.outside.facts(profile, wanted).await
    }

    async fn release(&self, _: &Released, _: CommitId) -> Result<bool, Fault> {
        Ok(false)
    }

    fn ruling(&self, profile: &FullProfile, commits: Commits) -> Ruling {
        // What the head of the branch deletes elsewhere is not this one's.
        Ruling { change_set: None, other_deletions: 0, ..self.outside.ruling(profile, commits) }
    }

    async fn probe(&self, _: &FullProfile, _: &Plan, _: Vec<Probe>) -> Vec<Verdict> {
        Vec::new()
    }

    async fn record(&self, _: &Plan, _: &Record) -> Answer {
        Answer::Refused(Why::Unavailable("a pull request is never applied".into()))
    }

    async fn inventory(&self, _: &Plan, _: &LayerInventory) -> Answer {
        Answer::Refused(Why::Unavailable("a pull request is never applied".into()))
    }

    async fn write(&self, _: &Plan, _: GroupId) -> Vec<Answer> {
        Vec::new()
    }

    async fn look(&self, _: &Plan, _: GroupId) -> Vec<((Site, ObjectId), Live)> {
        Vec::new()
    }

    fn rollout(&self, plan: Plan) -> Rollout {
        self.outside.rollout(plan)
    }
}
