//! In: the `profiles` entries of all overlays. Out: the profiles of a cluster, each at its revision.
//! Guarantee: merged by name, the last entry counts; an entry that removes, or names, what is not there is an error.
use super::super::codes;
use super::super::full::Pin;
use super::overlays::{Asked, Home, read};
use crate::decide::document::{Overlay, PinReference, Profile, ProfileReference, ProfileType, nearest};
use crate::decide::fleet::{Fleet, Index};
use crate::decide::value::Diagnostic;
use crate::name::ProfileName;
use std::sync::Arc;

impl Asked<'_> {
    /// Merges the profiles of all overlays by name; the last one that names a profile says what becomes of it.
    pub(in crate::decide::profile) fn references(
        &self,
        overlays: &[Arc<Overlay>],
        errors: &mut Vec<Diagnostic>,
    ) -> Vec<ProfileReference> {
        let mut merged: Vec<ProfileReference> = Vec::new();
        for reference in overlays.iter().flat_map(|overlay| &overlay.profiles) {
            match merged.iter_mut().find(|known| known.name == reference.name) {
                Some(known) => {
                    let when = reference.when.clone().or_else(|| known.when.clone());
                    let pin = reference.pin.clone().or_else(|| known.pin.clone());
                    *known = ProfileReference { when, pin, ..reference.clone() };
                }
                None if reference.remove => errors.push(nothing_to_remove(reference, &merged)),
                None => merged.push(reference.clone()),
            }
        }
        merged.retain(|reference| {
            !reference.remove
                && self.holds(reference.when.as_ref()).unwrap_or_else(|error| {
                    errors.push(error);
                    false
                })
        });
        merged
    }
}

/// A misspelt removal would leave the profile where it is, so it is no less wrong than a misspelt addition.
fn nothing_to_remove(reference: &ProfileReference, known: &[ProfileReference]) -> Diagnostic {
    let near = nearest(reference.name.as_str(), known.iter().map(|known| known.name.as_str()));
    let message = format!("there is no profile `{}` to remove", reference.name);
    Diagnostic::error(codes::NO_PROFILE, message)
        .at(reference.part.get("name").unwrap_or_else(|| reference.part.clone()).span())
        .expected("a profile that an overlay before this one names")
        .nearest(near)
}

pub(in crate::decide::profile) fn find_profiles(
    fleet: &Fleet,
    shared: &Arc<Index>,
    references: &[ProfileReference],
    pins: &mut Vec<Pin>,
    warnings: &mut Vec<Diagnostic>,
) -> (Vec<(Arc<Profile>, Home)>, Vec<Diagnostic>) {
    let (mut profiles, mut errors) = (Vec::new(), Vec::new());
    for reference in references {
        let index = match &reference.pin {
            Some(pin) => read(fleet, pin, Some(&reference.name), pins, warnings),
            None => Ok(shared.clone()),
        };
        let found = index.map_err(|said| vec![said]).and_then(|index| {
            let repository = reference.pin.as_ref().and_then(|pin| pin.repository.clone());
            let found = index.profile(&reference.name)?.cloned();
            let profile = found.ok_or_else(|| vec![no_profile(reference, &index)])?;
            Ok((profile, Home { index, repository }))
        });
        match found {
            Ok(found) => profiles.push(found),
            Err(said) => errors.extend(said),
        }
    }
    profiles.sort_by_key(|(profile, _)| profile.kind == ProfileType::AddOn);
    (profiles, errors)
}

fn no_profile(reference: &ProfileReference, index: &Index) -> Diagnostic {
    let near = nearest(reference.name.as_str(), index.profile_names().map(ProfileName::as_str));
    let place = match &reference.pin {
        Some(PinReference { repository: Some(repository), .. }) => {
            format!("of the repository `{repository}` at that revision")
        }
        Some(_) => "at that revision".to_owned(),
        None => "at the revision of the environment".to_owned(),
    };
    Diagnostic::error(codes::NO_PROFILE, format!("there is no profile `{}`", reference.name))
        .at(reference.part.get("name").unwrap_or_else(|| reference.part.clone()).span())
        .expected(format!("`profiles/{}/profile.yaml` {place}", reference.name))
        .nearest(near)
}
