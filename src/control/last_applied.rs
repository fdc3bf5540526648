//! In: a cluster's record, what is wanted of it. Out: what was applied to it last, rendered again.
//! Guarantee: nothing is rendered where what was applied is what is wanted; what cannot be rendered any longer is told apart
//! from what never was.
//!
//! [`super::sync::Applied`] is the old side of a change, which has to be exactly what the record says; this is what people are
//! shown, who are shown the nearest that there is.
use super::preview::Preview;
use super::sync::{Wanted, resolve};
use super::world::Sources;
use crate::decide::profile::Record;
use crate::decide::render::Layers;
use crate::decide::value::Warnings;

/// What was applied last.
pub(super) enum LastApplied {
    /// Nothing.
    Never,
    /// What is wanted.
    AsWanted,
    /// Something else.
    Other(Box<Wanted>),
    /// It cannot be rendered.
    Unknown,
}

impl LastApplied {
    /// Renders again what the record says was applied last, where that is not what is wanted.
    pub(super) async fn of(preview: &Preview, record: &Record, wanted: Option<&Wanted>) -> Self {
        let Some(moment) = record.applied.as_ref() else { return Self::Never };
        if wanted.is_some_and(|wanted| wanted.profile.digest == moment.digest && record.paused.is_empty()) {
            return Self::AsWanted;
        }
        let Ok(fleet) = Sources::fleet(preview, moment.head).await else { return Self::Unknown };
        let applied = resolve(preview, &fleet.past(), &record.cluster, &mut Warnings::default()).await;
        applied.map_or(Self::Unknown, |applied| Self::Other(Box::new(applied)))
    }

    /// Returns it where it is something else than is wanted.
    pub(super) fn other(&self) -> Option<&Wanted> {
        match self {
            Self::Other(applied) => Some(applied),
            _ => None,
        }
    }

    /// Returns its layers, as far as they are known; `wanted` are those that are wanted.
    pub(super) fn layers<'a>(&'a self, wanted: &'a Layers) -> Option<&'a Layers> {
        match self {
            Self::AsWanted => Some(wanted),
            other => other.other().map(|applied| &applied.layers),
        }
    }
}
