//! In: packs, by folder or by name. Out: whether they are right, what they hold, how two of them differ.
//! Guarantee: nothing is written and no cluster is asked; what is told is what a sync would find.
mod differences;
mod lint;
mod push;
mod show;
mod walk;

pub(super) use push::push;

use super::current_fleet::Here;
use super::{Answer, Failure};
use crate::cli::args::{Pack, PackCommand};
use crate::client::git::fault;
use crate::control::pack_trial::{Files, Wishes, is_pack};
use crate::decide::document::LockedRegistryPack;
use crate::decide::value::{Fault, Owner};
use crate::observe::pack::Packs;
use crate::settings::Settings;
use std::path::Path;

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

/// Returns the files of a pack: of a folder, of NAME@VERSION of the fleet around (of NAME alone, the newest), or of a
/// registry, by its address or as the fleet's lock has it.
fn files(given: &str, settings: Option<&Path>, packs: &Packs) -> Result<Files, Fault> {
    let path = Path::new(given);
    if is_pack(path) {
        return Files::read(path);
    }
    if given.starts_with("oci://") {
        let files = packs.pack_at(given)?.map_err(|why| no_pack_at(given, &why))?;
        return Ok(Files::of(&files, given));
    }
    let none = |hint: &str| fault(Owner::Caller, false, format!("there is no pack {given}"), hint);
    let here = Here::find(settings).map_err(|_| none("name its folder, or go to the fleet that has it"))?;
    let root = here.root()?;
    let (name, version) = given.split_once('@').map_or((given, None), |(name, version)| (name, Some(version)));
    let all = root.join("packs").join(name);
    let version = version.map(str::to_owned).or_else(|| newest(&all));
    if let Some(folder) = version.as_ref().map(|version| all.join(version)).filter(|folder| is_pack(folder)) {
        return Files::read(&folder);
    }
    let fleet = here.preview()?.fleet(None)?;
    let mut locked = fleet.index.lock().into_iter().flat_map(|lock| &lock.registry_packs);
    let is_it =
        |it: &&LockedRegistryPack| *it.name == *name && version.as_ref().is_none_or(|version| **version == *it.version);
    let Some(LockedRegistryPack { oci, digest, .. }) = locked.find(is_it) else {
        return Err(none(
            "`packs/NAME/VERSION` is where packs are, and `registryPacks` of fleet.lock names all others",
        ));
    };
    let address = format!("{oci}@sha256:{digest}");
    let files = packs.pack_at(&address)?.map_err(|why| no_pack_at(&address, &why))?;
    Ok(Files::of(&files, &address))
}

fn no_pack_at(address: &str, why: &str) -> Fault {
    fault(Owner::Outside, false, format!("{address} is no pack: {why}"), "see what was pushed there")
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
