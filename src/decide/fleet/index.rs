//! In: a tree difference and what reading its documents gave. Out: the index after it; which documents there are.
//! Guarantee: the index before it stays as it was, and shares all that did not change.
use super::codes;
use super::pins::{Named, references_of_cluster};
use super::read_document::{Reading, is_document, read, whole};
use super::touch::Touched;
use super::trees::Descriptor;
use crate::decide::document::{
    Cluster, Content, Entry, EntryKind, Environment, File, Fleet, Fragment, Lock, Pack, PathRefusal, Place, Profile,
    RefusedPath, TreeChange, place, placed,
};
use crate::decide::value::{Diagnostic, Origin};
use crate::name::{BlobId, ClusterName, EnvironmentName, ProfileName, RepoPath};
use imbl::{OrdMap, OrdSet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All documents of one tree, and its files.
#[derive(Clone, Debug, Default)]
pub struct Index {
    pub(super) files: OrdMap<RepoPath, Entry>,
    /// Those of the files that lead elsewhere: symbolic links and submodules, of which there are next to none.
    pub(super) links: OrdSet<RepoPath>,
    pub(super) fleet: Option<Arc<Fleet>>,
    pub(super) lock: Option<Arc<Lock>>,
    pub(super) environments: OrdMap<EnvironmentName, Arc<Environment>>,
    pub(super) profiles: OrdMap<ProfileName, Arc<Profile>>,
    pub(super) packs: OrdMap<(Arc<str>, Arc<str>), Arc<Pack>>,
    /// Those in Palette's format.
    pub(super) palette_packs: OrdMap<(Arc<str>, Arc<str>), Arc<Pack>>,
    pub(super) clusters: OrdMap<RepoPath, Arc<Cluster>>,
    /// The files that say what their folder is: a chart, a kustomization.
    pub(super) descriptors: OrdMap<RepoPath, Descriptor>,
    /// Each cluster's documents by its name, broken ones too.
    pub(super) names: OrdMap<ClusterName, OrdSet<RepoPath>>,
    /// The revisions that clusters name by themselves, each with the documents that do.
    pub(super) references: OrdMap<Named, OrdSet<RepoPath>>,
    /// The clusters of each target, and of each namespace of a management target, as `target/namespace`.
    pub(super) targets: OrdMap<Arc<str>, OrdSet<ClusterName>>,
    /// What was said of each document.
    pub(super) said: OrdMap<RepoPath, Arc<Vec<Diagnostic>>>,
    /// Documents that could not be read.
    pub(super) broken: OrdSet<RepoPath>,
    pub(super) refused: OrdSet<RefusedPath>,
    /// The revision that it is of, where that is not the head.
    pub(super) origin: Option<Origin>,
}

impl Index {
    /// Returns the documents whose content is needed to take a change in.
    pub fn needs(change: &TreeChange) -> Vec<BlobId> {
        let document = |(path, entry): &(RepoPath, Option<Entry>)| {
            let entry = (*entry)?;
            let is_file = matches!(entry.kind, EntryKind::File | EntryKind::Executable);
            (is_file && is_document(path)).then_some(entry.blob)
        };
        change.entries.iter().filter_map(document).collect()
    }

    /// Takes a change in; `contents` holds what [`Self::needs`] named.
    #[must_use]
    pub fn advance(&self, change: &TreeChange, contents: &BTreeMap<BlobId, Content>) -> (Self, Touched) {
        let read_one = |(path, entry): &(RepoPath, Option<Entry>)| {
            let (reading, said) = read(path, (*entry)?, contents.get(&entry.as_ref()?.blob));
            Some((path.clone(), reading, said))
        };
        self.advance_with(change, change.entries.iter().filter_map(read_one))
    }

    /// Takes a change in whose documents were read already, in any order.
    #[must_use]
    pub fn advance_with(
        &self,
        change: &TreeChange,
        readings: impl IntoIterator<Item = (RepoPath, Reading, Vec<Diagnostic>)>,
    ) -> (Self, Touched) {
        let mut next = self.clone();
        for (path, entry) in &change.entries {
            next.forget(path);
            next.place(path, *entry);
        }
        for (path, reading, said) in readings {
            next.learn(path, reading, said);
        }
        next.refuse(change);
        let touched = Touched::between(self, &next, change);
        (next, touched)
    }

    fn place(&mut self, path: &RepoPath, entry: Option<Entry>) {
        match entry {
            Some(entry) => self.files.insert(path.clone(), entry),
            None => self.files.remove(path),
        };
        match entry.map(|entry| entry.kind) {
            Some(EntryKind::Symlink | EntryKind::Submodule) => drop(self.links.insert(path.clone())),
            _ => drop(self.links.remove(path)),
        }
    }

    fn forget(&mut self, path: &RepoPath) {
        self.said.remove(path);
        self.broken.remove(path);
        self.descriptors.remove(path);
        match place(path) {
            Place::Fleet => self.fleet = None,
            Place::Lock => self.lock = None,
            Place::Environment(name) => drop(self.environments.remove(&name)),
            Place::Profile(name) => drop(self.profiles.remove(&name)),
            Place::Pack(name, version) => drop(self.packs.remove(&(name, version))),
            Place::PalettePack(name, version) => drop(self.palette_packs.remove(&(name, version))),
            Place::Cluster(_, name) => {
                if let Some(cluster) = self.clusters.remove(path) {
                    for place in cluster.places() {
                        remove_from(&mut self.targets, &place, &name);
                    }
                    for named in references_of_cluster(&cluster) {
                        remove_from(&mut self.references, &named, path);
                    }
                }
                remove_from(&mut self.names, &name, path);
            }
            Place::Approval(_) | Place::Other | Place::Misnamed(_) | Place::Misplaced(_) | Place::Misspelt(_) => {}
        }
    }

    fn learn(&mut self, path: RepoPath, reading: Reading, said: Vec<Diagnostic>) {
        if let Place::Cluster(_, name) = place(&path) {
            self.names.entry(name).or_default().insert(path.clone());
        }
        match reading {
            Reading::Fleet(fleet) => self.fleet = Some(fleet),
            Reading::Lock(lock) => self.lock = Some(lock),
            Reading::Environment(environment) => drop(self.environments.insert(environment.name.clone(), environment)),
            Reading::Profile(profile) => drop(self.profiles.insert(profile.name.clone(), profile)),
            Reading::Pack(pack) => {
                let packs = if pack.palette.is_some() { &mut self.palette_packs } else { &mut self.packs };
                packs.insert((pack.name.clone(), pack.version.clone()), pack);
            }
            Reading::Cluster(cluster) => {
                for place in cluster.places() {
                    self.targets.entry(place).or_default().insert(cluster.name.clone());
                }
                for named in references_of_cluster(&cluster) {
                    self.references.entry(named).or_default().insert(path.clone());
                }
                self.clusters.insert(path.clone(), cluster);
            }
            Reading::Descriptor(descriptor) => drop(self.descriptors.insert(path.clone(), descriptor)),
            Reading::Broken => drop(self.broken.insert(path.clone())),
            Reading::Other => {}
        }
        if !said.is_empty() {
            self.said.insert(path, Arc::new(said));
        }
    }

    /// Returns the same as it is read at a pin: places in its profiles and packs, and in their files, say so.
    #[must_use]
    pub fn pinned(&self, origin: &Origin) -> Self {
        let mut pinned = Self { origin: Some(origin.clone()), ..self.clone() };
        let moved = |file: &Arc<File>| Arc::new(File { origin: Some(origin.clone()), ..(**file).clone() });
        for (name, profile) in &self.profiles {
            if let Ok((profile, _)) = Profile::read(moved(&profile.file), name) {
                pinned.profiles.insert(name.clone(), Arc::new(profile));
            }
        }
        for (of, into) in [(&self.packs, &mut pinned.packs), (&self.palette_packs, &mut pinned.palette_packs)] {
            for ((name, version), pack) in of {
                if let Ok((pack, _)) = Pack::read(moved(&pack.file), name, version) {
                    into.insert((name.clone(), version.clone()), Arc::new(pack));
                }
            }
        }
        for path in &self.broken {
            let said = self.said_of(path).iter().map(|said| placed(said.clone(), Some(origin))).collect();
            pinned.said.insert(path.clone(), Arc::new(said));
        }
        pinned
    }

    /// A refused path is told of until a change of the tree no longer has it; a full reading starts from nothing.
    fn refuse(&mut self, change: &TreeChange) {
        for refused in &change.refused {
            self.refused.insert(refused.clone());
        }
    }

    /// Whether both have the same files.
    pub fn has_files_of(&self, other: &Self) -> bool {
        self.files == other.files
    }

    /// Returns the Fleet.
    pub fn fleet(&self) -> Result<&Arc<Fleet>, Vec<Diagnostic>> {
        self.fleet.as_ref().ok_or_else(|| self.broken_at("fleet.yaml").unwrap_or_else(no_fleet))
    }

    /// Returns the lock, if there is one.
    pub fn lock(&self) -> Option<&Arc<Lock>> {
        self.lock.as_ref()
    }

    /// Returns what is said of something that the lock has not: what is wrong with the lock, where that cannot be read.
    pub fn not_locked(&self, said: Diagnostic) -> Vec<Diagnostic> {
        self.broken_lock().unwrap_or_else(|| vec![said])
    }

    /// Returns what is wrong with the lock, where it cannot be read.
    pub fn broken_lock(&self) -> Option<Vec<Diagnostic>> {
        self.broken_at("fleet.lock").filter(|wrong| !wrong.is_empty())
    }

    /// Returns an Environment.
    pub fn environment(&self, name: &EnvironmentName) -> Result<&Arc<Environment>, Vec<Diagnostic>> {
        let path = format!("environments/{name}/environment.yaml");
        self.environments.get(name).ok_or_else(|| {
            self.broken_at(&path).unwrap_or_else(|| {
                vec![
                    Diagnostic::error(codes::NO_ENVIRONMENT, format!("no document describes the environment {name}"))
                        .expected(format!("`{path}`"))
                        .hint("add it, or move the cluster to an environment that there is"),
                ]
            })
        })
    }

    /// Returns a Profile; nothing where there is none; what is wrong where it cannot be read.
    pub fn profile(&self, name: &ProfileName) -> Result<Option<&Arc<Profile>>, Vec<Diagnostic>> {
        match self.profiles.get(name) {
            Some(found) => Ok(Some(found)),
            None => self.broken_at(&format!("profiles/{name}/profile.yaml")).map_or(Ok(None), Err),
        }
    }

    /// Returns a Pack; nothing where there is none; what is wrong where it cannot be read.
    pub fn pack(&self, name: &Arc<str>, version: &Arc<str>) -> Result<Option<&Arc<Pack>>, Vec<Diagnostic>> {
        let key = (name.clone(), version.clone());
        match (self.packs.get(&key), self.palette_packs.get(&key)) {
            (Some(own), Some(other)) => Err(vec![two_formats(own, other)]),
            (Some(found), None) | (None, Some(found)) => Ok(Some(found)),
            (None, None) => {
                let broken = |file: &str| self.broken_at(&format!("packs/{name}/{version}/{file}"));
                broken("pack.yaml").or_else(|| broken("pack.json")).map_or(Ok(None), Err)
            }
        }
    }

    /// Returns the names of the profiles that there are.
    pub fn profile_names(&self) -> impl Iterator<Item = &ProfileName> {
        self.profiles.keys()
    }

    /// Returns names and versions of the packs that there are.
    pub fn pack_names(&self) -> impl Iterator<Item = &(Arc<str>, Arc<str>)> {
        self.packs.keys().chain(self.palette_packs.keys().filter(|key| !self.packs.contains_key(*key)))
    }

    /// Returns the names of all clusters, of broken documents too.
    pub fn cluster_names(&self) -> impl Iterator<Item = &ClusterName> {
        self.names.keys()
    }

    /// Returns how many clusters there are.
    pub fn cluster_count(&self) -> usize {
        self.names.len()
    }

    /// Returns all Environments.
    pub fn environments(&self) -> impl Iterator<Item = &Arc<Environment>> {
        self.environments.values()
    }

    /// Returns the environment that a cluster's place names, whatever its document says.
    pub fn environment_of(&self, name: &ClusterName) -> Option<EnvironmentName> {
        let path = self.names.get(name)?.iter().next()?;
        match place(path) {
            Place::Cluster(environment, _) => Some(environment),
            _ => None,
        }
    }

    /// Returns a Cluster; two documents of one name, or two clusters with one target, are wrong for both.
    pub fn cluster(&self, name: &ClusterName) -> Result<&Arc<Cluster>, Vec<Diagnostic>> {
        let Some(paths) = self.names.get(name) else {
            let known: Vec<&str> = self.names.keys().map(ClusterName::as_str).take(NEAREST_MAX).collect();
            let near = crate::decide::document::nearest(name.as_str(), known);
            let message = format!("no document describes the cluster {name}");
            return Err(vec![Diagnostic::error(codes::NO_CLUSTER, message).nearest(near)]);
        };
        let mut paths = paths.iter();
        let (Some(path), second) = (paths.next(), paths.next()) else { return Err(Vec::new()) };
        if let Some(second) = second {
            let message = format!("two documents describe the cluster {name}");
            let said = Diagnostic::error(codes::TWO_CLUSTERS, message).at(whole(path)).also(whole(second), "and here");
            return Err(vec![said.hint("a cluster's name is unique over all environments: rename or remove one")]);
        }
        let Some(cluster) = self.clusters.get(path) else {
            return Err(self.broken_at(path.as_str()).unwrap_or_default());
        };
        self.only_of_its_target(cluster)?;
        Ok(cluster)
    }

    fn only_of_its_target(&self, cluster: &Cluster) -> Result<(), Vec<Diagnostic>> {
        let others = |place: Arc<str>| {
            let clusters = self.targets.get(&place).into_iter().flatten();
            clusters.filter(|other| **other != cluster.name).map(move |other| (place.clone(), other)).next()
        };
        let Some((place, other)) = cluster.places().find_map(others) else { return Ok(()) };
        let is_managed = place != cluster.target;
        let at = |cluster: &Cluster| match (&cluster.target_part, &cluster.management) {
            (_, Some(management)) if is_managed => management.part.span(),
            (Some(part), _) => part.span(),
            (None, _) => cluster.name_span(),
        };
        let what = if is_managed { "namespace of their management target" } else { "target" };
        let message = format!("the clusters {} and {other} have the same {what} `{place}`", cluster.name);
        let mut said = Diagnostic::error(codes::ONE_TARGET, message).at(at(cluster));
        let second =
            self.names.get(other).and_then(|paths| paths.iter().next()).and_then(|path| self.clusters.get(path));
        if let Some(second) = second {
            said = said.also(at(second), "and here");
        }
        let own = if is_managed { "namespace" } else { "target" };
        Err(vec![said.hint(format!("give each cluster a {own} of its own; neither is synced until then"))])
    }

    /// Returns what is said where a cluster's target holds what was applied to another cluster, which is still there.
    pub fn not_its_target(&self, cluster: &ClusterName, had: &ClusterName) -> Vec<Diagnostic> {
        let document = match self.cluster(cluster) {
            Ok(document) => document,
            Err(said) => return said,
        };
        let at = document.target_part.as_ref().map_or_else(|| document.name_span(), Fragment::span);
        let message = format!("the target `{}` of cluster {cluster} is that of cluster {had}", document.target);
        let said = Diagnostic::error(codes::ONE_TARGET, message).at(at);
        let hint = "name the target that it had, or one in which nothing is; a target goes to another cluster once no document describes the one that has it";
        vec![said.expected("a target that no other cluster has").hint(hint)]
    }

    /// Returns the clusters that name a target.
    pub fn clusters_of(&self, target: &Arc<str>) -> impl Iterator<Item = &ClusterName> {
        self.targets.get(target).into_iter().flatten()
    }

    /// Returns all that was said of documents, and of paths that none may have.
    pub fn said(&self) -> Vec<Diagnostic> {
        let documents = self.said.values().flat_map(|said| said.iter().cloned());
        documents.chain(self.refused.iter().map(refused)).collect()
    }

    /// Returns what was said of one document.
    pub fn said_of(&self, path: &RepoPath) -> &[Diagnostic] {
        self.said.get(path).map_or(&[], |said| said.as_slice())
    }

    fn broken_at(&self, path: &str) -> Option<Vec<Diagnostic>> {
        let path = RepoPath::new(path).ok()?;
        self.broken.contains(&path).then(|| self.said_of(&path).to_vec())
    }
}

/// How many names are looked through for the nearest: more would take longer than the message is worth.
const NEAREST_MAX: usize = 20_000;

fn two_formats(own: &Pack, other: &Pack) -> Diagnostic {
    let message = format!("the pack `{}@{}` is described twice", own.name, own.version);
    let at = |pack: &Pack| pack.file.span(pack.file.root());
    let said = Diagnostic::error(codes::TWO_FORMATS, message).at(at(own)).also(at(other), "and here");
    said.hint("keep `pack.yaml` or Palette's `pack.json`, not both")
}

fn no_fleet() -> Vec<Diagnostic> {
    vec![
        Diagnostic::error(codes::NO_FLEET, "the repository has no `fleet.yaml`")
            .expected("a document of kind Fleet at the top")
            .hint("run `stratify init` for a fleet to start from"),
    ]
}

fn refused(path: &RefusedPath) -> Diagnostic {
    let why = match path.why {
        PathRefusal::NotUtf8 => "it is not UTF-8",
        PathRefusal::NotInside => "it has an empty, `.`, `..` or `.git` part, or is too long",
    };
    Diagnostic::error(codes::REFUSED_PATH, format!("the path {} is refused: {why}", path.path))
        .hint("rename it; nothing there is read")
}

fn remove_from<K: Ord + Clone, V: Ord + Clone>(map: &mut OrdMap<K, OrdSet<V>>, key: &K, value: &V) {
    if let Some(set) = map.get_mut(key) {
        set.remove(value);
        if set.is_empty() {
            map.remove(key);
        }
    }
}
