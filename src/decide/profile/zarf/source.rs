//! In: the `zarf` of a layer, the index. Out: where its package is, and how it is to be taken.
//! Guarantee: a folder has a `zarf.yaml`; what stands there as a file is an archive.
use super::super::codes;
use super::super::full::ResolvedSource;
use super::super::layer::source::Made;
use super::super::part::{Archive, Tree, TreeFile};
use crate::decide::document::{File, Fragment};
use crate::decide::fleet::{Index, ZARF};
use crate::decide::value::Diagnostic;
use crate::name::{BlobId, RepoPath};
use std::sync::Arc;

/// The package of a layer.
#[derive(Clone, Debug)]
pub(in crate::decide::profile) struct Package {
    pub(in crate::decide::profile) content: Content,
    /// The layer's `zarf`.
    pub(in crate::decide::profile) part: Fragment,
    /// The version of helm that the lock names.
    pub(in crate::decide::profile) renderer: Option<Arc<str>>,
}

impl Package {
    /// Returns the blobs that it is read from.
    pub(in crate::decide::profile) fn blobs(&self) -> Vec<BlobId> {
        match &self.content {
            Content::Folder(tree, _) => tree.files.iter().map(|file| file.blob).collect(),
            Content::Archive(archive) => vec![archive.blob],
        }
    }

    /// Returns its archive, if it is one.
    pub(in crate::decide::profile) fn archive(&self) -> Option<&Archive> {
        match &self.content {
            Content::Folder(..) => None,
            Content::Archive(archive) => Some(archive),
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

/// Finds the package that a layer names.
pub(in crate::decide::profile) fn zarf_source(index: &Index, part: &Fragment) -> Result<Made, Vec<Diagnostic>> {
    let named = part.get("path").ok_or_else(|| {
        let said = Diagnostic::error(codes::SOURCE, "the package of the layer is nowhere").at(part.span());
        vec![said.expected("`path`, a folder with `zarf.yaml` or a `.tar.zst` archive")]
    })?;
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
    let renderer = index.lock().and_then(|lock| lock.renderers.get("helm")).cloned();
    Ok(Made {
        resolved: ResolvedSource::Zarf { name, version },
        pack: None,
        presets: Vec::new(),
        defaults: None,
        schema: None,
        manifests: Arc::default(),
        parts: Arc::default(),
        zarf: Some(Arc::new(Package { content, part: part.clone(), renderer })),
    })
}
