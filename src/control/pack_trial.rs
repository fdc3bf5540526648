//! In: the folder of one pack, in our format or in Palette's. Out: whether it loads, resolves and renders, and why not.
//! Guarantee: the same functions as a sync, on a fleet in memory of one cluster and, beside stand-ins, that pack alone;
//! nothing is written.
//!
//! Why a fleet: what a pack is worth shows in a layer only: its presets, its schema, its macros, its charts. What it asks of
//! others (packs beside it, variables, macros of the fleet) is no mistake of the pack: it is told as needed.
use crate::client::git::{Content, fault};
use crate::decide::document::{Entry, EntryKind, File, LayerRole, Pack, Revision, Texts, TreeChange, without_tabs};
use crate::decide::fleet::{Fleet, Index, PackFiles};
use crate::decide::lock::listed_images;
use crate::decide::profile::{self, FullProfile, codes};
use crate::decide::render::{self, ExpandedPacks, Layers, Recalled};
use crate::decide::value::{Diagnostic, Domain, Fault, Hasher, Owner, Seal, Source};
use crate::name::{BlobId, ClusterName, CommitId, RepoPath};
use crate::observe::pack::Packs;
use crate::observe::worktree::Worktree;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// The version of Kubernetes that packs are tried with, where none is asked for.
pub const KUBERNETES: &str = "1.33.0";

/// The name of all that is made up.
const TRIAL: &str = "trial";

/// How often charts are asked again: each time, at least one layer's kinds are known, and there are six layers.
const ROUNDS_MAX: usize = 8;

/// What came of a pack.
#[derive(Debug)]
pub struct Trial {
    /// Its name and version, as far as they can be told.
    pub about: String,
    /// How far it came.
    pub reached: Reached,
    /// Why it came no further.
    pub errors: Vec<Diagnostic>,
    /// What it asks of others.
    pub needs: Vec<Diagnostic>,
    /// What its authors should know.
    pub warnings: Vec<Diagnostic>,
    /// The variables and macros that it names.
    pub names: BTreeSet<String>,
    /// The layers, where it renders.
    pub layers: Option<Layers>,
}

/// How far a pack came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// It cannot be read.
    Nothing,
    /// Its documents can be read.
    Loaded,
    /// Its values are right.
    Resolved,
    /// It renders to objects.
    Rendered,
}

/// What a pack is tried with.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// The presets to choose.
    pub presets: Vec<String>,
    /// The version of Kubernetes; none for [`KUBERNETES`].
    pub kubernetes: Option<String>,
    /// Values over the pack's own, as JSON.
    pub values: Option<String>,
}

/// Whether a pack is described in a folder.
pub fn is_pack(folder: &Path) -> bool {
    ["pack.yaml", "pack.json"].iter().any(|name| folder.join(name).is_file())
}

/// Tries a pack.
pub fn trial(files: &Files, wishes: &Wishes, packs: &Packs) -> Result<Trial, Fault> {
    let (path, bytes) = files.description().ok_or_else(|| files.no_pack())?;
    let mut trial = Trial {
        about: files.called.rsplit('/').next().unwrap_or_default().to_owned(),
        reached: Reached::Nothing,
        errors: Vec::new(),
        needs: Vec::new(),
        warnings: Vec::new(),
        names: files.names(),
        layers: None,
    };
    let (name, version) = match about(&path, &bytes) {
        Ok(about) => about,
        Err(said) => return Ok(Trial { errors: said, ..trial }),
    };
    trial.about = format!("{name}@{version}");
    let Some(fleet) = files.fleet(&mut trial, &name, &version, wishes) else { return Ok(trial) };
    trial.reached = Reached::Loaded;
    if let Some((sound, texts)) = resolved(&mut trial, &fleet, files) {
        rendered(&mut trial, &sound, &texts, packs)?;
    }
    Ok(trial)
}

/// Returns the name and version that a pack's own file states.
fn about(path: &str, bytes: &[u8]) -> Result<(String, String), Vec<Diagnostic>> {
    let place = RepoPath::new(path).map_err(|_| Vec::new())?;
    let file = File::read_one(&place, BlobId([0; 20]), &without_tabs(bytes))?;
    let root = file.part(file.root());
    let (metadata, spec) = (root.get("metadata"), root.get("spec"));
    let name = metadata.as_ref().and_then(|part| part.get("name")).or_else(|| root.get("name"));
    let version = spec.as_ref().and_then(|part| part.get("version")).or_else(|| root.get("version"));
    match (name, version) {
        (Some(name), Some(version)) => Ok((name.text().into(), version.text().into())),
        _ => Err(vec![
            Diagnostic::error(codes::NO_PACK, "the pack has no name or no version").at(file.span(file.root())),
        ]),
    }
}

/// The files of a pack, by their paths in its folder.
pub struct Files {
    files: BTreeMap<RepoPath, (BlobId, Content)>,
    /// Its folder, or where else it is from.
    called: String,
}

/// A file's path, and what it holds.
type Held<'a> = (&'a RepoPath, &'a [u8]);

impl Files {
    /// Takes those of a pack of a registry.
    pub fn of(files: &PackFiles, address: &str) -> Self {
        let file =
            |(path, (blob, bytes)): (&RepoPath, &(BlobId, Arc<[u8]>))| (path.clone(), (*blob, Ok(bytes.clone())));
        Self { files: files.iter().map(file).collect(), called: address.to_owned() }
    }

    /// Reads those of a folder.
    pub fn read(folder: &Path) -> Result<Self, Fault> {
        let tree = Worktree::open(folder)?;
        let change = tree.list()?;
        let is_file = |entry: &Entry| matches!(entry.kind, EntryKind::File | EntryKind::Executable);
        let entries: Vec<(RepoPath, Entry)> =
            change.entries.into_iter().filter_map(|(path, entry)| Some((path, entry.filter(is_file)?))).collect();
        let blobs: Vec<BlobId> = entries.iter().map(|(_, entry)| entry.blob).collect();
        let contents: BTreeMap<BlobId, Content> = tree.read(&blobs)?.into_iter().collect();
        let file = |(path, entry): (RepoPath, Entry)| {
            let content = contents.get(&entry.blob)?.clone();
            Some((path, (entry.blob, content)))
        };
        let files = entries.into_iter().filter_map(file).collect();
        Ok(Self { files, called: folder.display().to_string() })
    }

    /// Returns the images that its values list.
    pub fn listed_images(&self) -> BTreeSet<Arc<str>> {
        let place = RepoPath::new("values.yaml").ok();
        let file = place.and_then(|place| File::read_one(&place, BlobId([0; 20]), self.get("values.yaml")?).ok());
        file.map(|file| listed_images(&file.root().value())).unwrap_or_default()
    }

    fn no_pack(&self) -> Fault {
        let message = format!("there is no pack in {}", self.called);
        fault(Owner::Caller, false, message, "name what holds `pack.yaml` or Palette's `pack.json`")
    }

    /// Returns what its files hold; an error where one is too large.
    pub fn contents(&self) -> Result<Vec<Held<'_>>, Fault> {
        let content = |(path, (_, content)): (&'_ RepoPath, &'_ (BlobId, Content))| match content {
            Ok(_) => Ok(()),
            Err(size) => {
                let message = format!("{path} has {} bytes, expected at most {}", size.bytes, size.bytes_max);
                Err(fault(Owner::Author, false, message, "a registry is for what a commit can hold"))
            }
        };
        self.files.iter().try_for_each(content)?;
        Ok(self.files.iter().filter_map(|(path, (_, content))| Some((path, &**content.as_ref().ok()?))).collect())
    }

    pub(super) fn get(&self, path: &str) -> Option<&[u8]> {
        let (_, content) = self.files.get(&RepoPath::new(path).ok()?)?;
        content.as_deref().ok()
    }

    /// Returns the pack, or what is wrong with it.
    pub fn pack(&self) -> Result<Arc<Pack>, Fault> {
        let (path, bytes) = self.description().ok_or_else(|| self.no_pack())?;
        let (name, version) = about(&path, &bytes)?;
        let (index, said) = index(&self.placed(&name, &version)?);
        match index.pack(&name.as_str().into(), &version.as_str().into())? {
            Some(pack) => Ok(pack.clone()),
            None => Err(said.into()),
        }
    }

    /// Returns the files at their places in a fleet.
    fn placed(&self, name: &str, version: &str) -> Result<BTreeMap<RepoPath, (BlobId, Content)>, Vec<Diagnostic>> {
        let place = |(path, content): (&RepoPath, &(BlobId, Content))| {
            let inside = RepoPath::new(&format!("packs/{name}/{version}/{path}"));
            let message = "the name or the version of the pack is no name of a folder";
            Ok((inside.map_err(|_| vec![Diagnostic::error(codes::NO_PACK, message)])?, content.clone()))
        };
        self.files.iter().map(place).collect()
    }

    fn description(&self) -> Option<(String, Vec<u8>)> {
        ["pack.yaml", "pack.json"].iter().find_map(|name| Some(((*name).to_owned(), self.get(name)?.to_vec())))
    }

    /// Returns the variables and macros of Palette that the pack's texts name, as `var.X` and `macro.X`.
    fn names(&self) -> BTreeSet<String> {
        let is_text = |path: &RepoPath| [".yaml", ".yml"].iter().any(|end| path.as_str().ends_with(end));
        let texts = self.files.iter().filter(|(path, _)| is_text(path));
        let mut names = BTreeSet::new();
        for text in texts.filter_map(|(_, (_, content))| std::str::from_utf8(content.as_deref().ok()?).ok()) {
            // A comment's macro is no one's need.
            for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
                for kind in ["var.", "macro."] {
                    let mark = format!(".spectro.{kind}");
                    for (at, _) in line.match_indices(&mark) {
                        let rest = line.get(at + mark.len()..).unwrap_or_default();
                        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                        names.insert(format!("{kind}{}", rest.get(..end).unwrap_or_default()));
                    }
                }
            }
        }
        names.retain(|name| !name.ends_with('.'));
        names
    }

    /// Returns a fleet of one cluster with the pack; nothing where it cannot be read, which is told.
    fn fleet(&self, trial: &mut Trial, name: &str, version: &str, wishes: &Wishes) -> Option<Fleet> {
        let mut files = self.placed(name, version).map_err(|said| trial.errors.extend(said)).ok()?;
        let (packed, said) = index(&files);
        let found = packed.pack(&name.into(), &version.into());
        let pack = match found {
            Ok(Some(pack)) => pack.clone(),
            Ok(None) => {
                trial.errors.extend(said);
                return None;
            }
            Err(errors) => {
                trial.errors.extend(errors);
                return None;
            }
        };
        trial.warnings.extend(said);
        for (path, text) in stand_ins(&pack, &trial.names, wishes) {
            let bytes: Arc<[u8]> = text.into_bytes().into();
            files.insert(RepoPath::new(path).ok()?, (id(&bytes), Ok(bytes)));
        }
        let (index, said) = index(&files);
        trial.errors.extend(said.into_iter().filter(Diagnostic::is_error));
        trial.errors.is_empty().then(|| Fleet::new(Revision::Commit(CommitId([0; 20])), Arc::new(index)))
    }
}

/// Reads documents.
fn index(files: &BTreeMap<RepoPath, (BlobId, Content)>) -> (Index, Vec<Diagnostic>) {
    let entry = |blob: BlobId| Some(Entry { kind: EntryKind::File, blob });
    let entries = files.iter().map(|(path, (blob, _))| (path.clone(), entry(*blob))).collect();
    let contents = files.values().cloned().collect();
    let (index, _) = Index::default().advance(&TreeChange { entries, refused: Vec::new() }, &contents);
    let said = index.said();
    (index, said)
}

/// Content of ours needs an id that no other has; Git never sees it.
fn id(bytes: &[u8]) -> BlobId {
    let mut hasher = Hasher::new(Domain("trial/1"));
    hasher.bytes(bytes);
    let digest = hasher.finish();
    let mut id = [0; 20];
    id.iter_mut().zip(digest.0).for_each(|(to, from)| *to = from);
    BlobId(id)
}

/// Returns the documents around a pack.
fn stand_ins(pack: &Pack, names: &BTreeSet<String>, wishes: &Wishes) -> Vec<(&'static str, String)> {
    let head = |kind: &str| format!("apiVersion: stratify.dev/v1alpha1\nkind: {kind}\nmetadata: {{ name: {TRIAL} }}\n");
    let of =
        |kind: &str| names.iter().filter_map(|name| name.strip_prefix(kind).map(str::to_owned)).collect::<Vec<_>>();
    let macros: String = of("macro.").iter().map(|name| format!("    {name}: {TRIAL}\n")).collect::<Vec<_>>().concat();
    let system = "    system: { cluster: { uid: trial, kubevip: 10.0.0.10 }, project: { name: trial, uid: trial }, tenant: { uid: trial } }\n";
    let fleet = format!("{}spec:\n  macros:\n{system}{macros}", head("Fleet"));
    let variable = |name: &String| format!("    - {{ name: {name}, type: string, default: {TRIAL} }}\n");
    let variables: String = of("var.").iter().map(variable).collect();
    let variables = if variables.is_empty() { variables } else { format!("  variables:\n{variables}") };
    let role = pack.role.unwrap_or(LayerRole::AddOn);
    let reference = serde_json::Value::from(format!("{}@{}", pack.name, pack.version));
    let presets = serde_json::Value::from(wishes.presets.clone());
    let values = wishes.values.as_ref().map(|values| format!(", values: {values}")).unwrap_or_default();
    let own = format!("pack: {reference}, presets: {presets}{values} }}\n");
    let roles = [LayerRole::Os, LayerRole::Kubernetes, LayerRole::Network, LayerRole::Storage];
    let mut layers = Vec::new();
    for other in roles {
        let word = profile::role_word(other);
        let source = if other == role { own.clone() } else { format!("manifests: [{word}.yaml] }}\n") };
        layers.push(format!("    - {{ name: {TRIAL}-{word}, role: {word}, {source}"));
    }
    if role == LayerRole::AddOn {
        layers.push(format!("    - {{ name: {TRIAL}, role: add-on, {own}"));
    }
    let layers = layers.concat();
    let profile = format!("{}spec:\n  version: 1.0.0\n  type: full\n{variables}  layers:\n{layers}", head("Profile"));
    let kubernetes = wishes.kubernetes.as_deref().unwrap_or(KUBERNETES);
    let cloud = pack.clouds.first().map_or("vsphere", |cloud| &**cloud);
    let nodes = "{ controlPlane: { count: 100, cpu: 64, memoryGiB: 256, diskGiB: 1000 }, pools: [ { name: a, count: 100, cpu: 64, memoryGiB: 256, diskGiB: 1000 } ] }";
    let cluster = format!(
        "{}spec:\n  cloud: {cloud}\n  kubernetesVersion: {kubernetes}\n  nodes: {nodes}\n  profiles: [ {{ name: {TRIAL} }} ]\n",
        head("Cluster")
    );
    let map = |name: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {TRIAL}-{name}, namespace: default }}\n")
    };
    vec![
        ("fleet.yaml", fleet),
        ("environments/trial/environment.yaml", format!("{}spec: {{}}\n", head("Environment"))),
        ("clusters/trial/trial/cluster.yaml", cluster),
        ("profiles/trial/profile.yaml", profile),
        ("profiles/trial/os.yaml", map("os")),
        ("profiles/trial/kubernetes.yaml", map("kubernetes")),
        ("profiles/trial/network.yaml", map("network")),
        ("profiles/trial/storage.yaml", map("storage")),
    ]
}

/// Settles the values of the layer; nothing where they are wrong.
fn resolved(trial: &mut Trial, fleet: &Fleet, files: &Files) -> Option<(FullProfile, Texts)> {
    let seal = Seal::new(TRIAL.as_bytes());
    let cluster = ClusterName::new(TRIAL).ok()?;
    let mut texts = Texts::default();
    for (blob, content) in files.files.values() {
        texts.insert(*blob, content.clone());
    }
    let suspect = match profile::suspect(fleet, &cluster, &seal) {
        Ok(suspect) => suspect,
        Err(said) => {
            trial.errors.extend(said);
            return None;
        }
    };
    for name in ["os", "kubernetes", "network", "storage"] {
        let bytes =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {TRIAL}-{name}, namespace: default }}\n");
        let bytes: Arc<[u8]> = bytes.into_bytes().into();
        texts.insert(id(&bytes), Ok(bytes));
    }
    let mistakes = suspect.mistakes(&texts, &seal);
    let (needs, errors) = mistakes.errors.into_iter().partition(|said: &Diagnostic| said.code == codes::CONSTRAINT);
    trial.needs = needs;
    trial.errors = errors;
    if !trial.errors.is_empty() {
        return None;
    }
    trial.reached = Reached::Resolved;
    Some((mistakes.sound, texts))
}

fn rendered(trial: &mut Trial, sound: &FullProfile, texts: &Texts, packs: &Packs) -> Result<(), Fault> {
    let seal = Seal::new(TRIAL.as_bytes());
    let mut known = ExpandedPacks::new();
    for _ in 0..ROUNDS_MAX {
        let needed = render::expansion(sound, &Recalled::new(), texts, &known, &seal);
        if needed.is_empty() {
            break;
        }
        for request in needed {
            let expanded = packs.render(&request, texts)?;
            known.insert(request.digest, Arc::new(expanded));
        }
    }
    match render::layers(sound, texts, &known, &seal) {
        Ok((layers, warnings)) => {
            trial.warnings.extend(warnings);
            trial.layers = Some(layers);
            trial.reached = Reached::Rendered;
        }
        Err(errors) => trial.errors.extend(errors),
    }
    Ok(())
}

impl Trial {
    /// Returns how many objects the pack renders to.
    pub fn objects(&self) -> usize {
        let layers = self.layers.iter().flat_map(|layers| &layers.layers);
        let own = layers.filter(|layer| layer.source.pack().is_some());
        own.map(|layer| layer.objects.len()).sum()
    }
}

/// Returns a fault as what is told of a pack beside others.
pub fn told(fault: &Fault) -> String {
    match &fault.source {
        Source::Documents(said) => said.first().map(|said| said.message.clone()).unwrap_or_default(),
        Source::Error(error) => error.to_string(),
    }
}
