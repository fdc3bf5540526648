//! In: what profiles declare and overlays set. Out: the variables of each profile.
//! Guarantee: a value keeps its type and bounds; the last writer counts; nothing is guessed for what is not set.
mod types_and_bounds;
mod names;
mod written;

use super::codes;
use super::composition::overlays::Selection;
use super::trace::Writer;
use crate::decide::document::{Profile, Variable};
use crate::decide::value::{Diagnostic, Map, Pointer, Seal, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use types_and_bounds::settle;
use written::{declared, written};

/// The variables of each of the cluster's profiles, as maps, in the order of the profiles.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    pub(super) by_profile: Vec<Value>,
    /// Those that mean one thing over all profiles: for layers that no profile declares.
    pub(super) shared: Value,
}

/// Settles all variables; what is wrong goes to `errors`, what is odd to `warnings`.
pub(super) fn variables(
    selection: &Selection,
    seal: &Seal,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) -> Variables {
    let set = written(selection, errors, warnings);
    let mut by_profile = Vec::new();
    for (at, profile) in selection.profiles.iter().enumerate() {
        let mut map = Map::default();
        for variable in &profile.variables {
            let written = set.get(&(at, variable.name.clone())).map(|written| &written.value);
            match written.or(variable.default.as_ref()) {
                Some(part) => match settle(variable, part) {
                    Ok(value) if variable.sensitive => drop(map.insert(variable.name.clone(), seal.seal(value))),
                    Ok(value) => drop(map.insert(variable.name.clone(), value)),
                    Err(error) => errors.push(error),
                },
                None if variable.required => errors.push(missing(selection, profile, variable)),
                None => {}
            }
        }
        by_profile.push(Value::map(map));
    }
    let shared = shared(&by_profile);
    Variables { by_profile, shared }
}

fn missing(selection: &Selection, profile: &Profile, variable: &Variable) -> Diagnostic {
    let Variable { name, kind, part, .. } = variable;
    Diagnostic::error(codes::VARIABLE_REQUIRED, format!("the variable `{name}` is not set"))
        .at(part.span())
        .expected(kind.expected())
        .hint(format!(
            "set `{}/{name}` under `variables` of cluster {} or its environment",
            profile.name, selection.cluster.name
        ))
}

/// Returns who wrote a variable of a profile: its default, then each overlay, the last one counts.
pub(super) fn writers(selection: &Selection, profile: usize, name: &str) -> Vec<Writer> {
    let pointer: Pointer = [Arc::from("vars"), Arc::from(name)].into_iter().collect();
    let writer = |at, what: String| Writer { pointer: pointer.clone(), at, what: what.into() };
    let mut writers = Vec::new();
    if let Some(of) = selection.profiles.get(profile) {
        let declared = of.variables.iter().find(|variable| &*variable.name == name);
        let default = declared.and_then(|variable| variable.default.as_ref());
        writers.extend(
            default.map(|part| writer(part.span(), format!("default of variable {name} of profile {}", of.name))),
        );
    }
    for overlay in &selection.overlays {
        for (key, value) in &overlay.variables {
            if declared(selection, key.text()).iter().any(|(at, variable)| *at == profile && &*variable.name == name) {
                writers.push(writer(value.span(), format!("variable {}", key.text())));
            }
        }
    }
    writers
}

fn shared(by_profile: &[Value]) -> Value {
    let mut all: BTreeMap<Arc<str>, Option<Value>> = BTreeMap::new();
    for (name, value) in by_profile.iter().filter_map(Value::as_map).flat_map(Map::iter) {
        all.entry(name.clone())
            .and_modify(|known| {
                if known.as_ref() != Some(value) {
                    *known = None;
                }
            })
            .or_insert_with(|| Some(value.clone()));
    }
    Value::map(all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect::<Map>())
}
