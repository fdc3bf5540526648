//! In: the variables of overlays. Out: what each declared variable is given, and what is wrong or odd about the names.
//! Guarantee: the later overlay counts, under whichever name of the variable; a name that nothing declares is told.
use super::super::composition::inactive_entries::inactive_variable;
use super::super::composition::overlays::{Home, Selection};
use super::names::{of_two_types, read_only, renamed, twice, unknown};
use crate::decide::document::{Fragment, Profile, Variable};
use crate::decide::fleet::Index;
use crate::decide::value::Diagnostic;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What an overlay gives to a variable.
pub(super) struct Written {
    overlay: usize,
    key: Fragment,
    pub(super) value: Fragment,
}

/// Returns what overlays give to each variable, by its profile's place and its name; the last one counts.
pub(super) fn written(
    selection: &Selection,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) -> BTreeMap<(usize, Arc<str>), Written> {
    let mut set: BTreeMap<(usize, Arc<str>), Written> = BTreeMap::new();
    let of_cluster = selection.overlays.len().saturating_sub(1);
    let all = selection.overlays.iter().enumerate();
    for (overlay, (key, value)) in all.flat_map(|(at, overlay)| overlay.variables.iter().map(move |pair| (at, pair))) {
        let targets = declared(selection, key.text());
        if targets.is_empty() {
            // An environment speaks for all its clusters, and not each of them has each profile.
            let is_for_others = overlay < of_cluster && is_declared_anywhere(selection, key.text());
            let is_for_later = || selection.pinned().next().is_some() && declares(&selection.head, key.text());
            match is_for_others {
                true => {}
                false if is_for_later() => warnings.push(inactive_variable(key)),
                false => errors.push(unknown(selection, key)),
            }
        }
        errors.extend(of_two_types(selection, key, &targets));
        for (profile, variable) in targets {
            if variable.read_only {
                errors.push(read_only(variable, key));
            }
            if variable.was(name_of(key.text())) {
                warnings.push(renamed(variable, key));
            }
            let place = (profile, variable.name.clone());
            let is_other =
                |first: &&Written| first.overlay == overlay && name_of(first.key.text()) != name_of(key.text());
            if let Some(first) = set.get(&place).filter(is_other) {
                errors.push(twice(variable, &first.key, key));
            }
            set.insert(place, Written { overlay, key: key.clone(), value: value.clone() });
        }
    }
    set
}

/// Returns the declarations that a key means: `name` in all profiles, or `profile/name` in one. A variable is also meant
/// by the name it had; at a pin, by the one that it has at the head.
pub(super) fn declared<'a>(selection: &'a Selection, key: &str) -> Vec<(usize, &'a Variable)> {
    let (of, name) = parts(key);
    let homes = selection.profiles.iter().zip(&selection.homes).enumerate();
    let meant = homes.filter(|(_, (profile, _))| of.is_none_or(|of| of == profile.name.as_str()));
    meant.filter_map(|(at, (profile, home))| Some((at, variable_of(selection, profile, home, name)?))).collect()
}

/// By its own name before any other one.
fn variable_of<'a>(selection: &Selection, profile: &'a Profile, home: &Home, name: &str) -> Option<&'a Variable> {
    let find = |name: &str| profile.variables.iter().find(|variable| &*variable.name == name);
    let had = || profile.variables.iter().find(|variable| variable.was(name));
    find(name).or_else(had).or_else(|| find(&former_name(selection, profile, home, name)?))
}

/// Returns the name that a variable of the head's profile had before.
fn former_name(selection: &Selection, profile: &Profile, home: &Home, name: &str) -> Option<Arc<str>> {
    if home.repository.is_some() || Arc::ptr_eq(&home.index, &selection.head) {
        return None;
    }
    let head = selection.head.profile(&profile.name).ok().flatten()?;
    let variable = head.variables.iter().find(|variable| &*variable.name == name)?;
    variable.renamed_from.as_ref().map(|old| Arc::from(old.text()))
}

/// Whether any profile of the revision declares what a key means.
fn is_declared_anywhere(selection: &Selection, key: &str) -> bool {
    let is_in = |index: &Arc<Index>| declares(index, key);
    // What cannot be read may declare it; the clusters that have it are told.
    is_in(&selection.shared) || selection.beside.iter().any(|index| index.as_ref().is_none_or(is_in))
}

fn declares(index: &Index, key: &str) -> bool {
    let (of, name) = parts(key);
    let names = index.profile_names().filter(|other| of.is_none_or(|of| other.as_str() == of));
    let mut profiles = names.filter_map(|name| index.profile(name).ok().flatten());
    profiles.any(|profile| profile.variables.iter().any(|variable| &*variable.name == name || variable.was(name)))
}

/// Returns the profile and the name in `name` or `profile/name`.
fn parts(key: &str) -> (Option<&str>, &str) {
    key.split_once('/').map_or((None, key), |(profile, name)| (Some(profile), name))
}

pub(super) fn name_of(key: &str) -> &str {
    parts(key).1
}
