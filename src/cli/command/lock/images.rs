//! In: charts and packs that were just resolved. Out: the same with the images that they list, and name with their own values.
//! Guarantee: an image is of what the digest says, and of no cluster's values; where that cannot be told, a person is told so.
//!
//! Why not of the clusters' values: the lock would be another one with each commit that writes a value, and `lock --check`
//! would have to render the whole fleet to say so. `stratify images` prints what the clusters' values make of it.
use crate::control::pack_trial::{Files, Wishes, trial};
use crate::decide::document::{LockedChart, LockedRegistryPack};
use crate::decide::render::{Images, images};
use crate::observe::pack::{OtherServers, Packs};
use crate::settings::Settings;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Who is asked for what the lock lacks, and what is to be told of it.
pub(in crate::cli::command) struct Servers {
    pub(in crate::cli::command) other: OtherServers,
    packs: Packs,
    /// Of what not all images may be known, and why.
    pub(in crate::cli::command) notes: Vec<String>,
}

impl Servers {
    /// Takes what the settings allow.
    pub(in crate::cli::command) fn new(settings: &Settings) -> Self {
        Self { other: OtherServers::new(settings), packs: Packs::new(settings), notes: Vec::new() }
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
        let address = format!("{}@sha256:{}", locked.oci, locked.digest);
        let Ok(Ok(files)) = self.packs.pack_at(&address) else { return locked };
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
        self.note(&format!("the pack `{}`", locked.name), why);
        locked.images = found.into_iter().collect();
        locked
    }

    fn note(&mut self, what: &str, why: Option<String>) {
        self.notes.extend(why.map(|why| format!("of {what} not all images may be known: {why}")));
    }
}
