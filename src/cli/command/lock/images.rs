//! In: charts and packs that were just resolved. Out: the same with the images that they list, and name with their own values.
//! Guarantee: an image is of what the digest says, and of no cluster's values; where that cannot be told, a person is told so.
//!
//! Why not of the clusters' values: the lock would be another one with each commit that writes a value, and `lock --check`
//! would have to render the whole fleet to say so. `stratify images` prints what the clusters' values make of it.
use crate::control::pack_trial::{Files, Wishes, trial};
use crate::decide::document::{LockedChart, LockedPackage, LockedRegistryPack};
use crate::decide::lock::state_of;
use crate::decide::render::{Images, images};
use crate::decide::value::Fault;
use crate::observe::pack::{OtherServers, Packs};
use crate::settings::{AllowedSource, Settings, covering};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What was looked at again, or why it is not what the lock says.
type Looked<T> = Result<Result<T, String>, Fault>;

/// Who is asked for what the lock lacks, and what is to be told of it.
pub(in crate::cli::command) struct Servers {
    pub(in crate::cli::command) other: OtherServers,
    packs: Packs,
    allowed: Vec<AllowedSource>,
    /// Of what not all images may be known, and why.
    pub(in crate::cli::command) notes: Vec<String>,
}

impl Servers {
    /// Takes what the settings allow.
    pub(in crate::cli::command) fn new(settings: &Settings) -> Self {
        Self {
            other: OtherServers::new(settings),
            packs: Packs::new(settings),
            allowed: settings.sources.clone(),
            notes: Vec::new(),
        }
    }

    /// Checks that a chart is the one that the lock names, with its images mended where all are known.
    pub(super) fn chart_again(&mut self, mut locked: LockedChart) -> Looked<LockedChart> {
        // What is kept by its digest is not fetched, here; elsewhere it would be.
        let is_covered = |address: &str| covering(&self.allowed, address).is_some();
        if is_covered(&locked.repo) && !is_covered(&locked.url) {
            return Ok(Err(format!(
                "its url is {}, and no prefix under `sources` of the settings covers it",
                locked.url
            )));
        }
        if let Err(why) = self.packs.is_chart(&locked)? {
            return Ok(Err(why));
        }
        let (images, why) = self.packs.images_of_chart(&locked);
        self.mend(&format!("the chart `{}`", locked.name), &mut locked.images, images, why.as_ref());
        Ok(Ok(locked))
    }

    /// The same of a package.
    pub(super) fn package_again(&mut self, mut locked: LockedPackage) -> Looked<LockedPackage> {
        let images = match self.packs.is_package(&locked)? {
            Ok(images) => images,
            Err(why) => return Ok(Err(why)),
        };
        self.mend(&format!("the package {}", locked.oci), &mut locked.images, images, None);
        Ok(Ok(locked))
    }

    /// The same of a pack.
    pub(super) fn pack_again(&mut self, mut locked: LockedRegistryPack) -> Looked<LockedRegistryPack> {
        if let Err(why) = self.packs.is_pack(&locked)? {
            return Ok(Err(why));
        }
        if let Some((images, why)) = self.images_of_pack(&locked) {
            self.mend(&format!("the pack `{}`", locked.name), &mut locked.images, images, why.as_ref());
        }
        Ok(Ok(locked))
    }

    /// Says in words where a pack does not lie where its registry is.
    pub(super) fn misplaced(&self, locked: &LockedRegistryPack) -> Option<String> {
        self.packs.is_of_its_registry(locked).err()
    }

    fn mend(&mut self, what: &str, known: &mut Vec<Arc<str>>, images: Vec<Arc<str>>, why: Option<&String>) {
        // Where not all may be known here, those that somebody found elsewhere stay.
        if why.is_none() && *known != images {
            *known = images;
            self.notes.push(format!("the images of {what} were others in fleet.lock, and are mended"));
        }
    }

    /// Says of what it could not be looked at whether the lock is right.
    pub(super) fn not_looked_at(&mut self, what: &str, fault: &Fault) {
        self.notes.push(format!("{what} stays as fleet.lock has it, and could not be looked at: {fault}"));
    }

    /// Adds the images of a chart.
    pub(super) fn of_chart(&mut self, mut locked: LockedChart) -> LockedChart {
        let (images, why) = self.packs.images_of_chart(&locked);
        self.note(&format!("the chart `{}`", locked.name), why);
        locked.images = images;
        locked
    }

    /// Adds the images of a pack.
    pub(super) fn of_pack(&mut self, mut locked: LockedRegistryPack) -> LockedRegistryPack {
        if let Some((images, why)) = self.images_of_pack(&locked) {
            self.note(&format!("the pack `{}`", locked.name), why);
            locked.images = images;
        }
        locked
    }

    /// Returns the images of a pack, and why there may be more; nothing of one that is not at hand.
    fn images_of_pack(&self, locked: &LockedRegistryPack) -> Option<(Vec<Arc<str>>, Option<String>)> {
        let address = format!("{}@sha256:{}", locked.oci, locked.digest);
        let Ok(Ok(files)) = self.packs.pack_at(&address) else { return None };
        let files = Files::of(&files, &address);
        let mut found: BTreeSet<Arc<str>> = files.listed_images();
        let why = match trial(&files, &Wishes::default(), &self.packs) {
            Ok(trial) => match &trial.layers {
                Some(layers) => {
                    let mut named = Images::new();
                    images(layers, &mut named);
                    found.extend(named.into_keys());
                    None
                }
                None => trial.errors.first().or(trial.needs.first()).map(|said| said.message.clone()),
            },
            Err(fault) => Some(fault.to_string()),
        };
        Some((found.into_iter().collect(), why))
    }

    /// Returns what a pack is where it is not active, and what it says of that; nothing where it cannot be read.
    pub(in crate::cli::command) fn state_of(&self, address: &str) -> (Option<Arc<str>>, Option<Arc<str>>) {
        let Ok(Ok(files)) = self.packs.pack_at(address) else { return (None, None) };
        Files::of(&files, address).pack().map(|pack| state_of(&pack.lifecycle)).unwrap_or_default()
    }

    fn note(&mut self, what: &str, why: Option<String>) {
        self.notes.extend(why.map(|why| format!("of {what} not all images may be known: {why}")));
    }
}
