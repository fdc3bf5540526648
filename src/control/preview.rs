//! In: a folder of a fleet or what a sync saw of its repository, a revision or the working tree. Out: documents, profiles,
//! layers and plans, without effect.
//! Guarantee: the same functions as a sync; nothing is written, not even a mirror.
use super::as_if_applied::as_if_applied;
use super::chart_texts::read_charts;
use super::commits::{Moments, Repositories};
use super::expansion::Expansions;
use super::overview::{at_once, in_time};
use super::registry_packs::texts;
use super::sync::{Applied, Wanted, applied, begun, between, change, resolve};
use super::target::{Examined, Needs, Placed, Targets};
use super::views::Views;
use super::whose_record::own;
use super::world::Sources;
use crate::client::git::{Limits, Objects, fault};
use crate::decide::document::{CommitFacts, Commits, Person, Revision, Site, Texts};
use crate::decide::drift::Found;
use crate::decide::fleet::Fleet;
use crate::decide::health::Reporting;
use crate::decide::plan::{self, ClusterState, Plan, Ruling, Verdict, change_set_id};
use crate::decide::profile::{Record, Sketch};
use crate::decide::render::Recalled;
use crate::decide::report::{Condition, held};
use crate::decide::value::{Fault, Live, Owner, Seal, Warnings};
use crate::name::{BlobId, ChangeId, ChangeSetId, ClusterName, CommitId, EnvironmentName, ObjectId, RepoName};
use crate::observe::mirror::{Head, View};
use crate::observe::worktree::{Local, Worktree};
use crate::settings::{Kubernetes, Settings};
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// A fleet to be looked at: on this machine, or in a mirror of it.
pub struct Preview {
    worktree: Option<Worktree>,
    /// The repository around, and the others.
    views: Views,
    /// What a sync saw of the repository, where one looked at it, and the others.
    seen: Option<Views>,
    moments: Moments,
    /// The same of commits that only the mirror has.
    seen_moments: Moments,
    seal: Seal,
    expansions: Expansions,
    settings: Settings,
    targets: Targets,
}

/// Plans of clusters.
pub struct Plans {
    /// Each with its cluster, or why there is none.
    pub plans: Vec<(ClusterName, Result<Plan, Fault>)>,
    /// The id of all changes together that wait for approval in an environment, and how many they are.
    pub sets: BTreeMap<EnvironmentName, (ChangeSetId, usize)>,
}

/// What a plan is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be reviewed: each write is tried on its target without effect, as a sync does, and a target that does not answer
    /// is no error.
    Review,
    /// To know what a sync would do: nothing is tried.
    Outline,
}

/// What an approval would be worth.
pub struct Worth {
    /// Why it would not count, if it would not.
    pub refused: Option<String>,
    /// Who wrote what is to be approved.
    pub authors: BTreeSet<String>,
}

impl Preview {
    /// Opens the fleet at a folder; without one, in a mirror.
    pub fn open(root: Option<&Path>, seen: Option<View>, settings: Settings, seal: Seal) -> Result<Self, Fault> {
        let worktree = root.map(Worktree::open).transpose()?;
        let local = root.map(Local::try_discover).transpose()?.flatten();
        let (moments, seen_moments) = (Moments::default(), Moments::default());
        let targets = Targets::new(settings.clone(), None);
        let expansions = Expansions::new(&settings);
        let views = Views::open(local, &settings)?;
        let seen = seen.map(|seen| Views::seen(seen, &settings));
        Ok(Self { worktree, views, seen, moments, seen_moments, seal, expansions, settings, targets })
    }

    /// Returns the repository around, if there is one.
    pub fn local(&self) -> Option<&Local> {
        self.views.local()
    }

    /// Returns what a sync saw of the repository.
    fn seen(&self) -> Option<&View> {
        self.seen.as_ref().and_then(Views::mirror)
    }

    /// Returns where the fleet's own commits are: in the repository around, and in what a sync saw of it.
    fn stores(&self) -> impl Iterator<Item = &Objects> {
        self.local().map(Local::objects).into_iter().chain(self.seen().map(View::objects))
    }

    /// Returns the limits of what is read.
    pub fn limits(&self) -> Limits {
        Limits::default()
    }

    /// Returns the documents of a revision; without one, of the working tree, or of the watched branch where there is
    /// none.
    pub fn fleet(&self, revision: Option<&str>) -> Result<Arc<Fleet>, Fault> {
        match (revision, &self.worktree) {
            (Some(revision), _) => self.at(self.find_commit(revision)?),
            (None, Some(worktree)) => {
                let head = self.local().map(Local::try_head).transpose()?.flatten();
                let change = worktree.list()?;
                self.moments.worktree(&self.views, head, &change, |blobs| worktree.read(blobs))
            }
            (None, None) => self.at(self.head()?),
        }
    }

    /// Returns the documents of a revision; without one, of the working tree. One that holds exactly what its commit does is
    /// that commit, so that its plan is the one that a sync of it has.
    pub fn reviewed(&self, revision: Option<&str>) -> Result<Arc<Fleet>, Fault> {
        if let (None, Some(worktree), Some(local)) = (revision, &self.worktree, self.local())
            && let Some(head) = local.try_head()?
            && local.objects().changes(None, head)?.entries == worktree.list()?.entries
        {
            return self.at(head);
        }
        self.fleet(revision)
    }

    /// Returns the documents of the commit that a sync would take.
    pub fn committed(&self) -> Result<Arc<Fleet>, Fault> {
        self.at(self.head()?)
    }

    /// Returns the checked-out commit; without a working tree, the head of the watched branch.
    pub fn head(&self) -> Result<CommitId, Fault> {
        if let Some(local) = self.local() {
            return local.resolve("HEAD");
        }
        let head = self.seen().map(View::branch).transpose()?.flatten();
        head.ok_or_else(|| {
            let message = format!("the branch {} of the repository was not seen yet", self.settings.branch());
            fault(Owner::Operator, true, message, "see whether the repository can be reached, and has the branch")
        })
    }

    /// Returns the commit that a revision names.
    pub fn find_commit(&self, revision: &str) -> Result<CommitId, Fault> {
        match (self.local(), self.seen()) {
            (Some(local), Some(seen)) => {
                local.resolve(revision).or_else(|fault| seen.objects().find_commit(revision).map_err(|_| fault))
            }
            (Some(local), None) => local.resolve(revision),
            (None, Some(seen)) => seen.objects().find_commit(revision),
            (None, None) => {
                let root = self.worktree.as_ref().map_or_else(|| Path::new("."), Worktree::root);
                Err(Local::discover(root).err().unwrap_or_else(|| Fault::bug("no repository")))
            }
        }
    }

    fn at(&self, commit: CommitId) -> Result<Arc<Fleet>, Fault> {
        let is_here = self.local().map(|local| local.objects().contains(commit)).transpose()?;
        match (is_here, &self.seen) {
            (Some(true), _) | (Some(false), None) => self.moments.fleet(&self.views, commit),
            (_, Some(seen)) => self.seen_moments.fleet(seen, commit),
            (None, None) => Err(Fault::bug("there is no repository")),
        }
    }

    /// Resolves and renders a cluster.
    pub async fn wanted(&self, fleet: &Fleet, cluster: &ClusterName, warnings: &mut Warnings) -> Result<Wanted, Fault> {
        resolve(self, fleet, cluster, warnings).await
    }

    /// Returns what the target remembers and has.
    pub async fn facts(&self, wanted: &Wanted) -> Result<ClusterState, Fault> {
        self.targets.facts(&wanted.profile, Some(&wanted.layers)).await
    }

    /// Examines an API server: whether it answers, which one it is, which rights are missing.
    pub async fn examine(&self, name: &Arc<str>, target: &Kubernetes, needs: &Needs) -> Result<Examined, Fault> {
        self.targets.examine(name, target, needs).await
    }

    /// Reads what objects of a cluster hold, as its facts were looked at last; each with the layer in whose folder it is.
    pub(super) async fn live(&self, cluster: &ClusterName, objects: &[Placed]) -> Vec<((Site, ObjectId), Live)> {
        self.targets.read(cluster, objects).await
    }

    /// Returns the targets of the settings.
    pub(super) fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Returns what the last look at the facts found that is not as it was applied.
    pub fn found(&self, cluster: &ClusterName) -> Vec<Found> {
        self.targets.found(cluster)
    }

    /// Returns why the watched branch is not synced, if it is not.
    pub fn held(&self) -> Result<Option<String>, Fault> {
        let Some(seen) = self.seen() else { return Ok(None) };
        let Some(local) = self.local().filter(|_| self.settings.repository.url.is_none()) else {
            return Ok(seen.head(seen.branch()?)?.why_held());
        };
        let branch = format!("refs/heads/{}", self.settings.branch());
        let now = local.resolve(&branch).ok();
        let head = match seen.head(now)? {
            // The mirror may not have it yet.
            Head::Rewound { last, now } if local.objects().descends(now, last)? => Head::At(now),
            head => head,
        };
        Ok(head.why_held())
    }

    /// Returns why a cluster would refuse a commit, if it would: it has another one, that is not before it.
    pub fn fenced(&self, record: &Record, commit: CommitId) -> Result<Option<String>, Fault> {
        let Some(head) = record.head().filter(|head| *head != commit) else { return Ok(None) };
        for objects in self.stores() {
            if objects.descends(commit, head)? {
                return Ok(None);
            }
        }
        if let Some(seen) = self.seen()
            && seen.is_abandoned(head)?
        {
            return Ok(None);
        }
        Ok(Some(format!(
            "{commit} does not come after {head}, which the cluster has; accept it by `stratify accept {commit}`"
        )))
    }

    /// Plans clusters: against a revision, else against what is recorded as applied, else against nothing.
    pub async fn plans(
        &self,
        fleet: &Fleet,
        from: Option<&Fleet>,
        clusters: &[ClusterName],
        purpose: Purpose,
        warnings: &mut Warnings,
    ) -> Plans {
        let mut left = clusters.iter();
        let next = || left.next().map(|cluster| self.planned(fleet, from, cluster, purpose));
        let mut plans = Vec::new();
        for (cluster, plan, said) in at_once(next).await {
            warnings.0.extend(said.0);
            plans.push((cluster, plan));
        }
        let sets = self.sets(fleet, from, &plans).await;
        for (cluster, plan) in &mut plans {
            let set = fleet.index.environment_of(cluster).and_then(|environment| sets.get(&environment));
            if let (Ok(known), Some((set, _))) = (&plan, set)
                && waits(known).is_some()
            {
                *plan = self.plan(fleet, from, cluster, (Some(*set), purpose), &mut Warnings::default()).await;
            }
        }
        Plans { plans, sets }
    }

    fn planned<'a>(
        &'a self,
        fleet: &'a Fleet,
        from: Option<&'a Fleet>,
        cluster: &'a ClusterName,
        purpose: Purpose,
    ) -> BoxFuture<'a, (ClusterName, Result<Plan, Fault>, Warnings)> {
        Box::pin(async move {
            let mut warnings = Warnings::default();
            let plan = self.plan(fleet, from, cluster, (None, purpose), &mut warnings).await;
            (cluster.clone(), plan, warnings)
        })
    }

    /// Returns the ids of what waits together; clusters beside those that were planned are planned for it.
    async fn sets(
        &self,
        fleet: &Fleet,
        from: Option<&Fleet>,
        plans: &[(ClusterName, Result<Plan, Fault>)],
    ) -> BTreeMap<EnvironmentName, (ChangeSetId, usize)> {
        let mut ids: BTreeMap<EnvironmentName, Vec<ChangeId>> = BTreeMap::new();
        for plan in plans.iter().filter_map(|(_, plan)| plan.as_ref().ok()) {
            ids.entry(plan.change.environment.clone()).or_default().extend(waits(plan));
        }
        ids.retain(|_, ids| !ids.is_empty());
        for cluster in fleet.index.cluster_names().filter(|cluster| !plans.iter().any(|(known, _)| known == *cluster)) {
            let Some(ids) = fleet.index.environment_of(cluster).and_then(|name| ids.get_mut(&name)) else { continue };
            let plan = self.plan(fleet, from, cluster, (None, Purpose::Outline), &mut Warnings::default()).await;
            ids.extend(plan.ok().as_ref().and_then(waits));
        }
        ids.into_iter().map(|(name, ids)| (name, (change_set_id(&ids), ids.len()))).collect()
    }

    /// Plans a cluster; `set` is the id of all changes of its environment together.
    async fn plan(
        &self,
        fleet: &Fleet,
        from: Option<&Fleet>,
        cluster: &ClusterName,
        (set, purpose): (Option<ChangeSetId>, Purpose),
        warnings: &mut Warnings,
    ) -> Result<Plan, Fault> {
        let wanted = self.wanted(fleet, cluster, warnings).await?;
        let (mut facts, away) = Box::pin(self.facts_or_why(&wanted, purpose)).await?;
        own(fleet, cluster, &facts.record)?;
        let before = match from {
            None if away.is_some() => Box::pin(self.remembered(&wanted, away.as_deref().unwrap_or_default())).await,
            None => applied(self, &facts.record).await,
            Some(from) if from.index.environment_of(cluster).is_none() => Applied::Nothing,
            Some(from) => {
                Applied::Known(Box::new(self.wanted(&from.past(), cluster, &mut Warnings::default()).await?.layers))
            }
        };
        let between = between(self, &wanted.sketch, &before).await?;
        let change = change(&before, &wanted.layers, &between);
        if from.is_some() || away.is_some() {
            facts.inventory = as_if_applied(&before);
        }
        let mut policy = self.settings.floor.stricter(&wanted.profile.policy);
        if let Applied::Known(before) = &before {
            policy = policy.stricter(&before.policy);
        }
        let applied = facts.record.applied.as_ref().map(|moment| moment.head).filter(|_| from.is_none());
        let ruling = Ruling {
            policy,
            commits: self.approvals(applied, &fleet.head).await?,
            change_set: set,
            other_deletions: 0,
            reference: format!("refs/heads/{}", self.settings.branch()).into(),
            lifecycle: wanted.profile.lifecycle,
            bounds: self.settings.repository.bounds.clone(),
            targets: wanted.profile.targets(),
            begun: match from {
                None => begun(self, &facts.record, &wanted, &before).await,
                Some(_) => plan::Begun::Nothing,
            },
        };
        let draft = warnings.keep(plan::draft(change, &facts, &ruling))?;
        let is_tried = purpose == Purpose::Review && from.is_none();
        let verdicts = match &away {
            Some(why) => draft.probes().iter().map(|_| Verdict::Unverified(why.clone())).collect(),
            None if is_tried => Box::pin(self.tried(&wanted, &draft)).await,
            None => draft.probes().iter().map(|_| Verdict::SchemaChecked).collect(),
        };
        // What would be refused is shown with all else.
        let (mut plan, said) = draft.judged(verdicts);
        warnings.0.extend(said);
        if from.is_none() && away.is_none() {
            self.name_fields(&mut plan).await;
        }
        Ok(plan)
    }

    /// Tries each write of a plan without effect, as a sync does.
    async fn tried(&self, wanted: &Wanted, draft: &plan::Draft) -> Vec<Verdict> {
        let probes = draft.probes();
        let count = probes.len();
        let tried = in_time(&wanted.profile.target, self.targets.probe(draft.plan(), probes)).await;
        tried.unwrap_or_else(|fault| vec![Verdict::Unverified(fault.to_string()); count])
    }

    /// Reads the facts of a cluster; for a review it is no error that its target does not answer: then nothing is known of
    /// it, and why.
    async fn facts_or_why(&self, wanted: &Wanted, purpose: Purpose) -> Result<(ClusterState, Option<String>), Fault> {
        if purpose == Purpose::Outline {
            return Ok((self.facts(wanted).await?, None));
        }
        let profile = &wanted.profile;
        match in_time(&profile.target, self.facts(wanted)).await.flatten() {
            Ok(facts) => Ok((facts, None)),
            Err(fault) if fault.spurious && fault.owner == Owner::Outside => {
                let record = Record::unborn(profile.fleet.clone(), profile.cluster.clone());
                let (uid, inventory) = (plan::Uid("".into()), plan::Inventory::default());
                Ok((ClusterState { uid, record, inventory }, Some(fault.to_string())))
            }
            Err(fault) => Err(fault),
        }
    }

    /// Returns what this machine saw applied last to a cluster that does not answer.
    async fn remembered(&self, wanted: &Wanted, why: &str) -> Applied {
        let name = format!("{}/{}", wanted.profile.fleet, wanted.profile.cluster);
        let kept = self.seen().map(|seen| seen.kept(&name)).transpose().ok().flatten().flatten();
        let unknown = || Applied::Unknown(plan::Unknown::unread(format!("its target does not answer: {why}")));
        let Some(head) = kept else { return unknown() };
        let wanted = async {
            let past = Sources::fleet(self, head).await?.past();
            self.wanted(&past, &wanted.profile.cluster, &mut Warnings::default()).await
        };
        wanted.await.map_or_else(|_| unknown(), |wanted| Applied::Known(Box::new(wanted.layers)))
    }

    /// Whether the target that a cluster's facts were read from is an API server.
    pub fn is_server(&self, cluster: &ClusterName) -> bool {
        self.targets.reporting(cluster) == Reporting::Server
    }

    /// Says of each object that is not as it was written which of its fields are not, as far as it can be read.
    async fn name_fields(&self, plan: &mut Plan) {
        let repaired: BTreeSet<(Site, ObjectId)> = plan::view::repairs(plan)
            .filter(|change| change.operation == plan::Operation::Patch)
            .map(|change| (change.site, change.object.clone()))
            .collect();
        if repaired.is_empty() {
            return;
        }
        let holds =
            |group: &plan::Group| group.writes().any(|change| repaired.contains(&(change.site, change.object.clone())));
        let groups = |(at, layer): (usize, &plan::LayerPlan)| {
            let held: Vec<usize> =
                (0..layer.groups.len()).filter(|group| layer.groups.get(*group).is_some_and(holds)).collect();
            held.into_iter().map(move |group| plan::GroupId { layer: at, group })
        };
        let groups: Vec<plan::GroupId> = plan.layers.iter().enumerate().flat_map(groups).collect();
        let mut live = BTreeMap::new();
        for group in groups {
            live.extend(self.targets.content(plan, group).await);
        }
        let objects = plan.layers.iter_mut().flat_map(|layer| &mut layer.groups).flat_map(|group| &mut group.objects);
        for change in objects {
            let id = (change.site, change.object.clone());
            if let (true, Some(live), Some(wanted)) = (repaired.contains(&id), live.get(&id), &change.manifest) {
                change.patch = plan::view::mending(live, wanted);
            }
        }
    }

    /// Returns what an approval of `id` by a person would be worth to a cluster, were it committed now.
    pub async fn worth(&self, fleet: &Fleet, cluster: &ClusterName, person: &Person, id: &str) -> Result<Worth, Fault> {
        let wanted = self.wanted(fleet, cluster, &mut Warnings::default()).await?;
        let applied = self.facts(&wanted).await?.record.applied.map(|moment| moment.head);
        let mut commits = self.approvals(applied, &fleet.head).await?;
        let written = commits.commits.iter().filter(|commit| !commit.only_approves);
        let authors = written.map(|commit| commit.author.name.clone()).collect();
        // What else was approved is no matter of this one.
        for commit in &mut commits.commits {
            commit.approves.clear();
            commit.added_approvals.clear();
        }
        commits.commits.push(CommitFacts::approving(NO_COMMIT, person.clone(), vec![id.to_owned()]));
        let weighed = plan::weigh(&commits, &[id.to_owned()], &[]);
        let refused = if weighed.granted.is_some() { None } else { weighed.refused.into_iter().next() };
        Ok(Worth { refused, authors })
    }

    /// Returns the commits in which approvals stand, up to the one that is checked out or planned.
    async fn approvals(&self, from: Option<CommitId>, head: &Revision) -> Result<Commits, Fault> {
        let (Revision::Commit(head) | Revision::Merge { head, .. }) = head;
        match from {
            Some(from) if from != *head && *head != NO_COMMIT => self.commits(Some(from), *head).await,
            _ => Ok(Commits::default()),
        }
    }
}

/// What stands for the head of a folder that has none.
const NO_COMMIT: CommitId = CommitId([0; 20]);

/// Returns the id of a change that waits for approval.
fn waits(plan: &Plan) -> Option<ChangeId> {
    match held(plan) {
        Condition::Held(_, id) => Some(id),
        _ => None,
    }
}

impl Preview {
    /// Returns the texts that a cluster reads, with what the sealed ones hold.
    pub async fn opened(&self, sketch: &Sketch) -> Result<Texts, Fault> {
        let mut texts = texts(self, sketch.needs()).await?;
        self.expansions.unpack(sketch.packages(&texts), &mut texts).await?;
        read_charts(self, sketch.charts(), &mut texts).await?;
        self.expansions.open(&sketch.sealed(&texts), &mut texts, &self.seal)?;
        Ok(texts)
    }
}

impl Sources for Preview {
    async fn fleet(&self, commit: CommitId) -> Result<Arc<Fleet>, Fault> {
        self.at(commit)
    }

    async fn texts(&self, blobs: BTreeSet<BlobId>) -> Result<Texts, Fault> {
        // A blob of the working tree may not be in a repository yet, and one of a pin not in the working tree.
        let mut texts = Texts::default();
        let (mut elsewhere, mut refused) = (BTreeSet::new(), None);
        for blob in blobs {
            match self.worktree.as_ref().map(|worktree| worktree.read(&[blob])) {
                Some(Ok(read)) => read.into_iter().for_each(|(blob, content)| texts.insert(blob, content)),
                other => {
                    refused = other.and_then(Result::err).or(refused);
                    elsewhere.insert(blob);
                }
            }
        }
        for (views, moments) in [(Some(&self.views), &self.moments), (self.seen.as_ref(), &self.seen_moments)] {
            let Some(views) = views.filter(|_| !elsewhere.is_empty()) else { continue };
            match moments.texts(views, &elsewhere) {
                Ok(read) => {
                    elsewhere.iter().filter_map(|blob| read.get(*blob)).for_each(|blob| texts.share(blob.clone()));
                    elsewhere.retain(|blob| texts.get(*blob).is_none());
                }
                Err(fault) => refused = Some(refused.unwrap_or(fault)),
            }
        }
        match refused.filter(|_| !elsewhere.is_empty()) {
            Some(fault) => Err(fault),
            None => Ok(texts),
        }
    }

    async fn commits(&self, from: Option<CommitId>, to: CommitId) -> Result<Commits, Fault> {
        for objects in self.stores() {
            let has = |commit: CommitId| objects.contains(commit);
            if has(to)? && from.map_or(Ok(true), has)? {
                return objects.commits(from, to);
            }
        }
        Ok(Commits::default())
    }

    async fn brought(
        &self,
        repository: Option<&RepoName>,
        from: Option<CommitId>,
        to: CommitId,
    ) -> Result<Commits, Fault> {
        for views in [Some(&self.views), self.seen.as_ref()].into_iter().flatten() {
            let Some(found) = views.find(repository) else { continue };
            let has = |commit: CommitId| found.objects().contains(commit);
            if has(to)? && from.map_or(Ok(true), has)? {
                return found.objects().commits(from, to);
            }
        }
        Ok(Commits { commits: Vec::new(), cut_off: true })
    }

    async fn follows(&self, commit: CommitId, head: CommitId) -> Result<bool, Fault> {
        for objects in self.stores() {
            if objects.descends(commit, head)? {
                return Ok(true);
            }
        }
        Ok(self.stores().next().is_none())
    }

    fn seal(&self) -> &Seal {
        &self.seal
    }

    fn expansions(&self) -> &Expansions {
        &self.expansions
    }

    /// A command looks once and ends.
    fn remembered(&self, _: &ClusterName) -> Option<Arc<Recalled>> {
        None
    }

    fn remember(&self, _: &ClusterName, _: Option<Recalled>) {}
}
