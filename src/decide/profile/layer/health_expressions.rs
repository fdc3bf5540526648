//! In: what a layer says of the health of kinds, as it is written, or in its document. Out: its expressions, compiled.
//! Guarantee: each mistake stands at its line; what a patch leaves is checked as what is written is.
use super::super::codes;
use super::super::full::HealthRule;
use super::super::placeholder::template::advised;
use crate::decide::document::Fragment;
use crate::decide::expression::Predicate;
use crate::decide::value::{Diagnostic, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The fields of a rule that are expressions.
const EXPRESSIONS: [&str; 3] = ["inProgress", "failed", "current"];

/// What a patch has to leave.
pub(in crate::decide::profile) const EXPECTED: &str = "a list of maps, each with `kind` and `current` and at most `group`, `inProgress` and `failed`, in CEL over one object";

/// Says what is wrong with rules as they are written; their fields have passed the check of their kind.
pub(in crate::decide::profile) fn check(rules: &Fragment, errors: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<(Option<String>, String), Fragment> = BTreeMap::new();
    for rule in rules.items() {
        let text = |key: &str| rule.get(key).map(|part| part.text().to_owned());
        let key = (text("group"), text("kind").unwrap_or_default());
        if let Some(first) = seen.get(&key) {
            let said = Diagnostic::error(codes::FIELD, format!("the kind `{}` has two rules of health here", key.1));
            errors.push(said.at(rule.span()).also(first.span(), "first here").hint("join the two"));
        } else {
            seen.insert(key, rule.clone());
        }
        for (name, part) in EXPRESSIONS.iter().filter_map(|name| Some((name, rule.get(name)?))) {
            if let Err(error) = Predicate::compile(part.text()) {
                let message = format!("`{name}` is no expression over an object: {error}");
                errors.push(advised(Diagnostic::error(codes::EXPRESSION, message).at(part.span()), &error));
            }
        }
    }
}

/// Returns the rules of a layer document, or nothing where one of them is none.
pub(in crate::decide::profile) fn read(document: &Value) -> Option<Vec<HealthRule>> {
    match document.get("health").and_then(|health| health.get("expressions")) {
        None => Some(Vec::new()),
        Some(rules) => rules.as_list()?.iter().map(rule).collect(),
    }
}

fn rule(value: &Value) -> Option<HealthRule> {
    let map = value.as_map()?;
    let is_known = |key: &Arc<str>| ["group", "kind"].contains(&&**key) || EXPRESSIONS.contains(&&**key);
    if !map.iter().all(|(key, value)| is_known(key) && value.as_str().is_some()) {
        return None;
    }
    let text = |key: &str| map.get(key).and_then(Value::as_str);
    let [in_progress, failed, current] = EXPRESSIONS.map(|key| text(key).map(Predicate::compile).transpose());
    Some(HealthRule {
        group: text("group").map(Into::into),
        kind: text("kind")?.into(),
        in_progress: in_progress.ok()?,
        failed: failed.ok()?,
        current: current.ok()??,
    })
}
