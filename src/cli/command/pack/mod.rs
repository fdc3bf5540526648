//! In: packs, by folder or by name. Out: whether they are right, what they hold, how two of them differ.
//! Guarantee: nothing is written and no cluster is asked; what is told is what a sync would find.
mod differences;
mod lint;
mod show;
mod walk;

use super::current_fleet::Here;
use super::{Answer, Failure};
use crate::cli::args::{Pack, PackCommand};
use crate::client::git::fault;
use crate::control::pack_trial::{Wishes, is_pack};
use crate::decide::value::{Fault, Owner};
use crate::observe::pack::Packs;
use crate::settings::Settings;
use std::path::{Path, PathBuf};

/// Does what was asked of packs.
pub(super) fn run(options: &Pack, settings: Option<&Path>) -> Result<Answer, Failure> {
    match &options.command {
        PackCommand::Lint(options) => lint::run(options, settings),
        PackCommand::Walk(options) => walk::run(options, settings),
        PackCommand::Show(options) => show::run(options, settings),
        PackCommand::Diff(options) => differences::run(options, settings),
    }
}

/// Returns what renders charts; without a fleet and settings, by what is on PATH.
fn packs(settings: Option<&Path>) -> Result<Packs, Fault> {
    let settings = match settings {
        Some(file) => Settings::read(file)?,
        None => Settings::embedded(Path::new(".")),
    };
    Ok(Packs::new(&settings))
}

/// Returns the folder of a pack: one that is there, or NAME@VERSION of the fleet around; of NAME alone, the newest.
fn folder(given: &str, settings: Option<&Path>) -> Result<PathBuf, Fault> {
    let path = Path::new(given);
    if is_pack(path) {
        return Ok(path.into());
    }
    let none = |hint: &str| fault(Owner::Caller, false, format!("there is no pack {given}"), hint);
    let here = Here::find(settings).map_err(|_| none("name its folder, or go to the fleet that has it"))?;
    let root = here.root()?;
    let (name, version) = given.split_once('@').map_or((given, None), |(name, version)| (name, Some(version)));
    let all = root.join("packs").join(name);
    let version = match version {
        Some(version) => version.to_owned(),
        None => newest(&all).ok_or_else(|| none("`packs/NAME/VERSION` is where packs are"))?,
    };
    let found = all.join(&version);
    if is_pack(&found) { Ok(found) } else { Err(none("`packs/NAME/VERSION` is where packs are")) }
}

fn newest(folder: &Path) -> Option<String> {
    let names = std::fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut versions: Vec<(Option<semver::Version>, String)> =
        names.map(|name| (crate::decide::document::version(&name), name)).collect();
    versions.sort();
    versions.pop().map(|(_, name)| name)
}

fn wishes(presets: &[String], kubernetes: Option<&String>) -> Wishes {
    Wishes { presets: presets.to_vec(), kubernetes: kubernetes.cloned(), values: None }
}
