//! In: what profiles declare and overlays set. Out: the variables of each profile.
//! Guarantee: a value keeps its type and bounds; the last writer counts; nothing is guessed for what is not set.
use super::codes;
use super::select::Selection;
use super::trace::Writer;
use crate::decide::document::{Fragment, Variable, VariableType, nearest};
use crate::decide::fleet::Index;
use crate::decide::value::{Diagnostic, Map, Pointer, Seal, Value};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The variables of each of the cluster's profiles, as maps, in the order of the profiles.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    pub(super) by_profile: Vec<Value>,
    /// Those that mean one thing over all profiles: for layers that no profile declares.
    pub(super) shared: Value,
}

/// The largest regular expression that is compiled, in bytes of its program: they are linear, but not small.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Settles all variables.
pub(super) fn variables(selection: &Selection, seal: &Seal) -> Result<Variables, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let mut set: BTreeMap<(usize, Arc<str>), Fragment> = BTreeMap::new();
    let of_cluster = selection.overlays.len().saturating_sub(1);
    let written = selection.overlays.iter().enumerate();
    for (at, (key, value)) in written.flat_map(|(at, overlay)| overlay.variables.iter().map(move |pair| (at, pair))) {
        let targets = declared(selection, key.text());
        // An environment speaks for all its clusters, and not each of them has each profile.
        let is_for_others = at < of_cluster && is_declared_anywhere(selection, key.text());
        if targets.is_empty() && !is_for_others {
            errors.push(unknown(selection, key));
        }
        for (profile, variable) in targets {
            if variable.read_only {
                errors.push(
                    Diagnostic::error(
                        codes::VARIABLE_READ_ONLY,
                        format!("the variable `{}` is read-only", variable.name),
                    )
                    .at(key.span())
                    .also(variable.part.span(), "declared here"),
                );
            }
            set.insert((profile, variable.name.clone()), value.clone());
        }
    }
    let mut by_profile = Vec::new();
    for (at, profile) in selection.profiles.iter().enumerate() {
        let mut map = Map::default();
        for variable in &profile.variables {
            let written = set.get(&(at, variable.name.clone())).or(variable.default.as_ref());
            match written {
                Some(part) => match settle(variable, part) {
                    Ok(value) if variable.sensitive => drop(map.insert(variable.name.clone(), seal.seal(value))),
                    Ok(value) => drop(map.insert(variable.name.clone(), value)),
                    Err(error) => errors.push(error),
                },
                None if variable.required => errors.push(
                    Diagnostic::error(codes::VARIABLE_REQUIRED, format!("the variable `{}` is not set", variable.name))
                        .at(variable.part.span())
                        .expected(variable.kind.expected())
                        .hint(format!(
                            "set `{}/{}` under `variables` of cluster {} or its environment",
                            profile.name, variable.name, selection.cluster.name
                        )),
                ),
                None => {}
            }
        }
        by_profile.push(Value::map(map));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let shared = shared(&by_profile);
    Ok(Variables { by_profile, shared })
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

/// Returns the declarations that a key means: `name` in all profiles, or `profile/name` in one.
fn declared<'a>(selection: &'a Selection, key: &str) -> Vec<(usize, &'a Variable)> {
    let (profile, name) = match key.split_once('/') {
        Some((profile, name)) => (Some(profile), name),
        None => (None, key),
    };
    let profiles = selection.profiles.iter().enumerate();
    let meant = profiles.filter(|(_, other)| profile.is_none_or(|profile| other.name.as_str() == profile));
    meant
        .flat_map(|(at, profile)| profile.variables.iter().map(move |variable| (at, variable)))
        .filter(|(_, variable)| &*variable.name == name)
        .collect()
}

/// Whether any profile of the revision declares what a key means.
fn is_declared_anywhere(selection: &Selection, key: &str) -> bool {
    let (profile, name) = key.split_once('/').map_or((None, key), |(profile, name)| (Some(profile), name));
    let declares = |index: &Arc<Index>| {
        let names = index.profile_names().filter(|other| profile.is_none_or(|profile| other.as_str() == profile));
        let mut profiles = names.filter_map(|name| index.profile(name).ok().flatten());
        profiles.any(|profile| profile.variables.iter().any(|variable| &*variable.name == name))
    };
    // What cannot be read may declare it; the clusters that have it are told.
    declares(&selection.shared) || selection.beside.iter().any(|index| index.as_ref().is_none_or(declares))
}

fn unknown(selection: &Selection, key: &Fragment) -> Diagnostic {
    let is_full = key.text().contains('/');
    let named = |(profile, name): (&str, &str)| if is_full { format!("{profile}/{name}") } else { name.to_owned() };
    let names = selection.profiles.iter().flat_map(|profile| {
        profile.variables.iter().map(move |variable| named((profile.name.as_str(), &variable.name)))
    });
    let names: Vec<String> = names.collect();
    Diagnostic::error(
        codes::NO_VARIABLE,
        format!("no profile of cluster {} declares `{}`", selection.cluster.name, key.text()),
    )
    .at(key.span())
    .expected("the name of a variable, or profile/name")
    .nearest(nearest(key.text(), names.iter().map(String::as_str)))
}

fn settle(variable: &Variable, part: &Fragment) -> Result<Value, Diagnostic> {
    let value = part.value();
    let wrong = |message: String, expected: String| {
        let at = if variable.sensitive { part.span().withheld() } else { part.span() };
        let said = Diagnostic::error(codes::VARIABLE_VALUE, message).at(at).expected(expected);
        Err(said.also(variable.part.span(), "declared here"))
    };
    if !is_of(variable.kind, &value) {
        let message = format!("the variable `{}` is given {}", variable.name, value.type_name());
        return wrong(message, variable.kind.expected().into());
    }
    if !variable.options.is_empty() && !variable.options.contains(&value) {
        let options: Vec<String> = variable.options.iter().map(crate::decide::value::canonical).collect();
        let message = format!("the variable `{}` is given a value that is no option", variable.name);
        return wrong(message, format!("one of: {}", options.join(", ")));
    }
    if let Some(pattern) = &variable.pattern {
        match compile(pattern.text()) {
            None => {
                let message = "the pattern is no regular expression (RE2)";
                return Err(Diagnostic::error(codes::VARIABLE_VALUE, message).at(pattern.span()));
            }
            Some(regex) if !value.as_str().is_some_and(|text| regex.is_match(text)) => {
                let message = format!("the variable `{}` does not keep its pattern", variable.name);
                return wrong(message, format!("a text that matches {}", pattern.text()));
            }
            Some(_) => {}
        }
    }
    for (bound, is_low) in [(&variable.minimum, true), (&variable.maximum, false)] {
        let Some(bound) = bound else { continue };
        let (Some(number), Some(limit)) = (number(&value), number(&bound.value())) else { continue };
        if (is_low && number < limit) || (!is_low && number > limit) {
            let word = if is_low { "at least" } else { "at most" };
            let message = format!("the variable `{}` is out of its bounds", variable.name);
            return wrong(message, format!("{word} {}", bound.text()));
        }
    }
    Ok(value)
}

fn compile(pattern: &str) -> Option<Regex> {
    regex::RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(PATTERN_BYTES_MAX).build().ok()
}

#[expect(clippy::cast_precision_loss, reason = "bounds that people write are far below 2^53")]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Unsigned(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn is_of(kind: VariableType, value: &Value) -> bool {
    let text = |is_good: fn(&str) -> bool| value.as_str().is_some_and(is_good);
    match kind {
        VariableType::String => value.as_str().is_some(),
        VariableType::Integer => matches!(value, Value::Integer(_) | Value::Unsigned(_)),
        VariableType::Number => number(value).is_some(),
        VariableType::Boolean => value.as_bool().is_some(),
        VariableType::Version => text(|text| semver::Version::parse(text).is_ok()),
        VariableType::Ipv4 => text(is_ipv4),
        VariableType::Ipv4Cidr => text(|text| {
            text.split_once('/').is_some_and(|(address, length)| {
                is_ipv4(address) && length.len() <= 2 && length.parse::<u8>().is_ok_and(|length| length <= 32)
            })
        }),
        VariableType::Ipv6 => text(is_ipv6),
        VariableType::Base64 => text(is_base64),
    }
}

fn is_ipv4(text: &str) -> bool {
    let part = |part: &str| part.len() <= 3 && (part == "0" || !part.starts_with('0')) && part.parse::<u8>().is_ok();
    text.split('.').count() == 4
        && text.split('.').all(|text| text.bytes().all(|byte| byte.is_ascii_digit()) && part(text))
}

/// Groups of hexadecimal digits, eight of them or fewer with one `::`.
fn is_ipv6(text: &str) -> bool {
    let group = |group: &str| (1..=4).contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_hexdigit());
    let count = |text: &str| {
        if text.is_empty() { Some(0) } else { text.split(':').all(group).then(|| text.split(':').count()) }
    };
    match text.split_once("::") {
        Some((head, tail)) => count(head).zip(count(tail)).is_some_and(|(head, tail)| head + tail <= 7),
        None => count(text) == Some(8),
    }
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_its_rule() {
        let of = |kind, text: &str| is_of(kind, &Value::string(text));
        assert!(of(VariableType::Ipv4, "10.0.0.1") && !of(VariableType::Ipv4, "10.0.0.01"), "no leading zeros");
        assert!(of(VariableType::Ipv4Cidr, "10.0.0.0/16") && !of(VariableType::Ipv4Cidr, "10.0.0.0/33"), "at most 32");
        assert!(
            of(VariableType::Ipv6, "fe80::1") && of(VariableType::Ipv6, "::") && !of(VariableType::Ipv6, "fe80::1::2"),
            "one gap"
        );
        assert!(of(VariableType::Base64, "aGk=") && !of(VariableType::Base64, "aGk"), "padded");
        assert!(of(VariableType::Version, "1.4.0") && !of(VariableType::Version, "v1.4"), "strict");
    }
}
