//! In: packs from a remote. Out: the same packs in the mirror, once they are verified.
//! Guarantee: nobody reads from the mirror what was not let in; a pack is on disk before a ref can name it.
use super::folder::{list, make_bare};
use crate::client::git::{self, Advertised, Limits, Objects, in_folder};
use crate::decide::value::Fault;
use std::fmt::Write;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A repository that borrows the mirror's objects and receives new ones.
pub(crate) struct Quarantine {
    folder: PathBuf,
}

impl Quarantine {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Opens it.
    pub(crate) fn open(&self, limits: &Limits) -> Result<gix::Repository, Fault> {
        Ok(git::open(&self.folder, limits)?.to_thread_local())
    }

    /// Throws away what is in it, and makes it know what the mirror knows, so that only new objects are asked for.
    pub(crate) fn reset(&self, objects: &Objects, known: &Advertised, branch: &str) -> Result<(), Fault> {
        let attempt = format!("could not clear the quarantine at {}", self.folder.display());
        let mut refs: Vec<(String, String)> = Vec::new();
        let here = |id: &gix::ObjectId| objects.repository().has_object(id);
        let tags = known.tags.iter().map(|(name, id)| (name.as_str(), *id));
        for (name, id) in tags.chain(known.branch.map(|id| (branch, id))).filter(|(_, id)| here(id)) {
            refs.push((name.to_owned(), id.to_string()));
        }
        refs.sort();
        let mut text = String::from("# pack-refs with: sorted\n");
        for (name, id) in refs {
            writeln!(text, "{id} {name}").ok();
        }
        let reset = || -> io::Result<()> {
            if self.folder.exists() {
                fs::remove_dir_all(&self.folder)?;
            }
            make_bare(&self.folder)?;
            fs::write(self.folder.join("objects/info/alternates"), "../../mirror.git/objects\n")?;
            fs::write(self.folder.join("packed-refs"), text)
        };
        reset().map_err(in_folder(&attempt))
    }

    /// Moves its packs into the mirror: on disk first, then the pack, then its index, by which it is found.
    pub(crate) fn release(&self, packs: &Path) -> Result<(), Fault> {
        let attempt = format!("could not take over packs from {}", self.folder.display());
        let release = || -> io::Result<()> {
            let received = list(&self.folder.join("objects/pack"))?;
            if received.is_empty() {
                return Ok(());
            }
            let with = |extension: &'static str| {
                received.iter().filter(move |file| file.extension().is_some_and(|found| found == extension))
            };
            for file in with("pack").chain(with("idx")) {
                File::open(file)?.sync_all()?;
            }
            for file in with("pack").chain(with("idx")) {
                let Some(name) = file.file_name() else { continue };
                fs::rename(file, packs.join(name))?;
            }
            for file in with("keep") {
                fs::remove_file(file)?;
            }
            File::open(packs)?.sync_all()
        };
        release().map_err(in_folder(&attempt))
    }
}
