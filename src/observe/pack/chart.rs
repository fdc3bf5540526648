//! In: a request for a chart, the blobs that it names. Out: the chart's files, wherever they are.
//! Guarantee: an archive is read by the one reader of archives, within Helm's own limits, and is the chart that it is named
//! for; what is verified is what is rendered.
use super::{Files, Packs, files_of};
use crate::client::archive::{Entry, Format, Limits, read};
use crate::decide::document::{File, Texts};
use crate::decide::profile::{Archive, Content, What};
use crate::decide::render::Refusal;
use crate::decide::value::{Fault, Origin};
use crate::name::{BlobId, RepoPath};
use std::sync::Arc;

/// A chart that is at hand.
#[derive(Debug)]
pub(super) struct Chart {
    /// Its folder, or its archive: all its files are below.
    pub(super) root: RepoPath,
    /// The revision that it is read at.
    pub(super) origin: Option<Origin>,
    /// Its files.
    pub(super) files: Files,
}

/// Returns the files of a chart, or why it is none.
pub(super) fn chart(packs: &Packs, what: &What, texts: &Texts) -> Result<Result<Chart, Refusal>, Fault> {
    let content = match what {
        What::Chart(content) => content,
        What::Manifest { pack, file, filled } => return wrapped(pack, file, filled.as_ref(), texts).map(Ok),
        What::Kustomization(_) => return Err(Fault::bug("it is no chart")),
    };
    match content {
        Content::Tree(tree) => {
            let files = files_of(tree, texts)?;
            Ok(Ok(Chart { root: tree.root.clone(), origin: tree.origin.clone(), files }))
        }
        Content::Archive(archive) => {
            let blob = texts.find(&archive.path, archive.blob)?;
            let Some(bytes) = blob.bytes() else {
                return Err(blob.documents(&archive.path, archive.origin.as_ref()).err().unwrap_or_default().into());
            };
            let file = archive.path.as_str().rsplit('/').next().unwrap_or_default();
            let stem = file.strip_suffix(".tgz").unwrap_or(file);
            let stem = archive.is_named.then_some(stem);
            Ok(unpacked(bytes, archive.path.clone(), archive.origin.clone(), stem))
        }
        Content::Packed(packed) => {
            let root = RepoPath::new(&format!("{}.tgz", packed.name)).map_err(Fault::bug)?;
            Ok(unpacked(&packed.bytes, root, None, None))
        }
        Content::Remote(remote) => {
            let bytes = match packs.remotes.archive(remote)? {
                Ok(bytes) => bytes,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let root = RepoPath::new(&format!("{}.tgz", remote.name)).map_err(Fault::bug)?;
            Ok(unpacked(&bytes, root, None, Some(&*remote.name)))
        }
    }
}

/// Returns a chart around a manifest of a pack of Palette, which is a template of it.
fn wrapped(pack: &str, file: &Archive, filled: Option<&Arc<str>>, texts: &Texts) -> Result<Chart, Fault> {
    let blob = texts.find(&file.path, file.blob)?;
    let bytes = match (filled, blob.bytes()) {
        (Some(text), _) => text.as_bytes().into(),
        (None, Some(bytes)) => bytes.clone(),
        (None, None) => {
            return Err(blob.documents(&file.path, file.origin.as_ref()).err().unwrap_or_default().into());
        }
    };
    let name = file.path.as_str().rsplit('/').next().unwrap_or_default();
    let root = file.path.clone();
    let path = |inside: &str| RepoPath::new(&format!("{root}/{inside}")).map_err(Fault::bug);
    let about = format!("apiVersion: v2\nname: {pack}\nversion: 0.0.0\n").into_bytes();
    let files = vec![(path("Chart.yaml")?, about.into()), (path(&format!("templates/{name}"))?, bytes)];
    Ok(Chart { root, origin: file.origin.clone(), files })
}

fn unpacked(bytes: &[u8], root: RepoPath, origin: Option<Origin>, name: Option<&str>) -> Result<Chart, Refusal> {
    let entries = read(bytes, Format::Gzip, Limits::CHART)
        .map_err(|error| Refusal::new(format!("its archive is refused: {error}")))?;
    let top = |entry: &Entry| entry.path.as_str().split('/').next().unwrap_or_default().to_owned();
    // Helm takes what `tar` makes within the chart's own folder, too.
    let is_inside = entries.iter().any(|entry| entry.path.as_str() == "Chart.yaml");
    let folder = entries.first().map(top).unwrap_or_default();
    let inside = |entry: Entry| {
        let path = entry.path.as_str();
        let path = if is_inside { path } else { path.strip_prefix(&folder)?.strip_prefix('/')? };
        Some((RepoPath::new(&format!("{root}/{path}")).ok()?, entry.bytes))
    };
    let count = entries.len();
    let files: Files = entries.into_iter().filter_map(inside).collect();
    if files.len() != count || count == 0 {
        return Err(Refusal::new("its archive does not hold one folder with a chart"));
    }
    let chart = Chart { root, origin, files };
    match chart.stated() {
        Some((stated, version)) => {
            // Some charts have a `v` before their version, which is no part of it.
            let names = [format!("{stated}-{version}"), format!("{stated}-{}", version.trim_start_matches('v'))];
            match name.filter(|name| !names.iter().any(|known| known == name)) {
                Some(name) => {
                    let [stated, _] = names;
                    Err(Refusal::new(format!("its archive holds the chart `{stated}`, and is named `{name}`")))
                }
                None => Ok(chart),
            }
        }
        None => Err(Refusal::new("its archive holds no Chart.yaml with a name and a version")),
    }
}

impl Chart {
    /// Returns what one of its files holds.
    pub(super) fn file(&self, name: &str) -> Option<&Arc<[u8]>> {
        let path = RepoPath::new(&format!("{}/{name}", self.root)).ok()?;
        self.files.iter().find(|(known, _)| *known == path).map(|(_, bytes)| bytes)
    }

    /// Returns the name and the version that its own file states.
    fn stated(&self) -> Option<(String, String)> {
        let path = RepoPath::new(&format!("{}/Chart.yaml", self.root)).ok()?;
        let (_, bytes) = self.files.iter().find(|(known, _)| *known == path)?;
        let file = File::read_one(&path, BlobId([0; 20]), bytes).ok()?;
        let text = |key: &str| file.root().get(key).map(|node| node.text().to_owned());
        Some((text("name")?, text("version")?))
    }
}
