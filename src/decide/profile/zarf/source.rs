//! In: the `zarf` of a layer, the index. Out: where its package is, and how it is to be taken.
//! Guarantee: a folder has a `zarf.yaml`; what stands there as a file is an archive.
use super::super::codes;
use super::super::full::ResolvedSource;
use super::super::layer::kustomization::kustomization;
use super::super::layer::source::Made;
use super::super::part::{Archive, Packaged, Remote, Tree, TreeFile};
use crate::decide::document::{File, Fragment, LockedPackage};
use crate::decide::fleet::{ARCHITECTURE, Index, ZARF, name_in};
use crate::decide::lock::is_in;
use crate::decide::value::Diagnostic;
use crate::name::{BlobId, RepoPath};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The package of a layer.
#[derive(Clone, Debug)]
pub(in crate::decide::profile) struct Package {
    pub(in crate::decide::profile) content: Content,
    /// Where it is fetched, if it is of a registry; its archive is only its name then.
    remote: Option<Remote>,
    /// The layer's `zarf`.
    pub(in crate::decide::profile) part: Fragment,
    /// The kustomizations of a folder, by how its components name them; an archive holds them built.
    pub(in crate::decide::profile) kustomizations: BTreeMap<String, Result<Tree, Vec<Diagnostic>>>,
    /// The version of helm that the lock names.
    pub(in crate::decide::profile) renderer: Option<Arc<str>>,
    /// The version of kustomize that the lock names.
    pub(in crate::decide::profile) kustomize: Option<Arc<str>>,
    /// The version that the lock says it has.
    pub(in crate::decide::profile) locked: Option<Arc<str>>,
}

impl Package {
    /// Returns the blobs that it is read from.
    pub(in crate::decide::profile) fn blobs(&self) -> Vec<BlobId> {
        match &self.content {
            Content::Folder(tree, _) => tree.files.iter().map(|file| file.blob).collect(),
            Content::Archive(_) if self.remote.is_some() => Vec::new(),
            Content::Archive(archive) => vec![archive.blob],
        }
    }

    /// Returns its archive, if it is one.
    pub(in crate::decide::profile) fn packaged(&self) -> Option<Packaged> {
        match &self.content {
            Content::Folder(..) => None,
            Content::Archive(Archive { path, blob, .. }) => {
                let (remote, at) = (self.remote.clone(), self.part.span());
                Some(Packaged { path: path.clone(), blob: *blob, remote, at })
            }
        }
    }
}

/// Where a package is.
#[derive(Clone, Debug)]
pub(in crate::decide::profile) enum Content {
    /// A folder of the repository, and what its `zarf.yaml` says.
    Folder(Tree, Arc<File>),
    /// An archive of the repository.
    Archive(Archive),
}

/// Returns name and version as an archive's name has them: `zarf-package-NAME-ARCHITECTURE-VERSION`.
fn about_archive(stem: &str) -> (&str, Option<&str>) {
    let stem = stem.strip_prefix("zarf-package-").unwrap_or(stem);
    let split = ["-amd64", "-arm64", "-multi"].iter().find_map(|word| stem.split_once(word));
    split.map_or((stem, None), |(name, version)| (name, version.strip_prefix('-')))
}

/// Finds what the kustomizations of a folder read.
fn kustomizations(index: &Index, content: &Content) -> BTreeMap<String, Result<Tree, Vec<Diagnostic>>> {
    let Content::Folder(_, file) = content else { return BTreeMap::new() };
    let items = |part: &Fragment, key: &str| part.get(key).map(|part| part.items().collect::<Vec<_>>());
    let all = |parts: Vec<Fragment>, key: &str| -> Vec<Fragment> {
        parts.iter().filter_map(|part| items(part, key)).flatten().collect()
    };
    let components = items(&file.part(file.root()), "components").unwrap_or_default();
    let named = all(all(components, "manifests"), "kustomizations");
    named.iter().map(|root| (root.text().to_owned(), kustomization(index, root))).collect()
}

/// Finds the package that a layer names.
pub(in crate::decide::profile) fn zarf_source(index: &Index, part: &Fragment) -> Result<Made, Vec<Diagnostic>> {
    let (path, oci) = (part.get("path"), part.get("oci"));
    let named = match (path, oci) {
        (Some(named), None) => named,
        (None, Some(oci)) => return of_registry(index, part, &oci),
        (path, _) => {
            let place = if path.is_some() { "twice" } else { "nowhere" };
            let said = Diagnostic::error(codes::SOURCE, format!("the package of the layer is {place}")).at(part.span());
            let expected = "either `path`, a folder with `zarf.yaml` or a `.tar.zst` archive, or `oci` and `version`";
            return Err(vec![said.expected(expected)]);
        }
    };
    if let Some(version) = part.get("version") {
        let said = Diagnostic::error(codes::SOURCE, "the package of the layer has a `version` beside `path`");
        return Err(vec![said.at(version.span()).expected("`version` beside `oci` alone")]);
    }
    let path = index.path(&named).map_err(|said| vec![said])?;
    let (content, name, version) = if let Some(found) = index.try_file(&path) {
        let stem = path.as_str().rsplit('/').next().unwrap_or_default();
        let stem = [".tar.zst", ".tar"].iter().find_map(|end| stem.strip_suffix(end)).ok_or_else(|| {
            let said = Diagnostic::error(codes::SOURCE, format!("`{path}` does not have the name of a package"));
            vec![said.at(named.span()).expected("NAME.tar.zst, NAME.tar, or a folder")]
        })?;
        let archive = Archive { path: path.clone(), blob: found.blob, origin: found.origin, is_named: false };
        let (name, version) = about_archive(stem);
        (Content::Archive(archive), name.into(), version.map(Arc::from))
    } else {
        let descriptor = RepoPath::new(&format!("{path}/{ZARF}")).ok().and_then(|path| index.descriptor(&path));
        let file = descriptor.unwrap_or_else(|| {
            let said = Diagnostic::error(codes::SOURCE, format!("there is no package in `{path}`")).at(named.span());
            Err(vec![said.expected(format!("the file `{path}/{ZARF}`, or an archive"))])
        })?;
        let files = index.folder(&named, &path)?;
        let origin = files.first().and_then(|found| found.origin.clone());
        let files = files.into_iter().map(|found| TreeFile { path: found.path, blob: found.blob }).collect();
        let metadata = file.root().get("metadata");
        let text = |key: &str| metadata.and_then(|part| part.get(key)).map(|node| Arc::<str>::from(node.text()));
        let name = text("name").unwrap_or_else(|| path.as_str().into());
        (Content::Folder(Tree::new(path, files, origin), file.clone()), name, text("version"))
    };
    Ok(made(index, part, (name, version), (content, None)))
}

/// Finds what the lock says of a package of a registry.
fn of_registry(index: &Index, part: &Fragment, oci: &Fragment) -> Result<Made, Vec<Diagnostic>> {
    let wanted = part.get("version").ok_or_else(|| {
        let said = Diagnostic::error(codes::SOURCE, "the package of the layer has no `version`").at(part.span());
        vec![said.expected("`version` beside `oci`")]
    })?;
    let architecture = part.get("architecture").map_or_else(|| ARCHITECTURE.into(), |part| part.text().to_owned());
    let mut locked = index.lock().into_iter().flat_map(|lock| &lock.packages);
    let is_it =
        |it: &&LockedPackage| (&*it.oci, &*it.wanted, &*it.architecture) == (oci.text(), wanted.text(), &*architecture);
    let Some(LockedPackage { version, digest, .. }) = locked.find(is_it) else {
        let (oci, wanted_text) = (oci.text(), wanted.text());
        let message = format!("the package {oci} at `{wanted_text}` for {architecture} is not in fleet.lock");
        let said = Diagnostic::error(codes::NOT_LOCKED, message).at(wanted.span());
        return Err(index.not_locked(said.hint("run `stratify lock` and commit fleet.lock: a sync resolves nothing")));
    };
    if !is_in(version, wanted.text()) {
        let message =
            format!("fleet.lock has `{version}` of the package {}, which is not `{}`", oci.text(), wanted.text());
        let said = Diagnostic::error(codes::NOT_LOCKED, message).at(wanted.span());
        return Err(vec![
            said.hint(format!("fleet.lock was edited by hand: run `stratify lock --update {}`", name_in(oci.text()))),
        ]);
    }
    let name: Arc<str> = name_in(oci.text()).into();
    let called = format!("{name}-{version}-{architecture}");
    let path = RepoPath::new(&called)
        .map_err(|error| vec![Diagnostic::error(codes::SOURCE, error.to_string()).at(oci.span())])?;
    let url = format!("{}@sha256:{digest}", oci.text()).into();
    let archive = Archive { path, blob: Packaged::id(*digest), origin: None, is_named: false };
    let remote = Remote { name: called.into(), entry: name.clone(), url, digest: *digest };
    Ok(made(index, part, (name, Some(version.clone())), (Content::Archive(archive), Some(remote))))
}

fn made(
    index: &Index,
    part: &Fragment,
    (name, version): (Arc<str>, Option<Arc<str>>),
    (content, remote): (Content, Option<Remote>),
) -> Made {
    let pinned = |program: &str| index.lock().and_then(|lock| lock.renderers.get(program)).cloned();
    let (renderer, kustomize) = (pinned("helm"), pinned("kustomize"));
    Made {
        resolved: ResolvedSource::Zarf { name, version: version.clone() },
        pack: None,
        presets: Vec::new(),
        defaults: None,
        schema: None,
        manifests: Arc::default(),
        parts: Arc::default(),
        zarf: Some(Arc::new(Package {
            locked: version.clone().filter(|_| remote.is_some()),
            kustomizations: kustomizations(index, &content),
            content,
            remote,
            part: part.clone(),
            renderer,
            kustomize,
        })),
    }
}
