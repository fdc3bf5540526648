//! In: an object that a chart renders to. Out: whether it is a hook, and when it runs.
//! Guarantee: what Helm runs at an installation or an upgrade runs here, in the order of its weight; what it runs at other
//! times is named and never run; tests are left out.
//!
//! Why no others: nothing is rolled back here but by a further change, which is an upgrade, and what a layer leaves when it
//! goes is deleted object by object.
use crate::decide::document::nearest;
use crate::decide::value::{Digest, Map, Value};
use std::sync::Arc;

/// When a hook runs, of the layer that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HookMoment {
    /// Before the layer's objects are written.
    Before,
    /// After they are well.
    After,
}

/// An object that runs once, each time its layer changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hook {
    /// When it runs where the layer is new; none: it does not.
    pub install: Option<HookMoment>,
    /// When it runs where the layer was there.
    pub upgrade: Option<HookMoment>,
    /// Lower first.
    pub weight: i32,
    /// Whether it goes once all is well.
    pub goes: bool,
    /// Whether it goes when it has failed.
    pub goes_failed: bool,
}

/// What an object of a chart is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It stays, as all others do.
    Plain,
    /// It runs.
    Hook(Hook),
    /// It tests a release, which nobody asked for.
    Test,
    /// It would run at these other moments, or at none.
    Elsewhen,
}

/// What Helm knows of moments that nothing here has.
const ELSEWHEN: [&str; 4] = ["pre-delete", "post-delete", "pre-rollback", "post-rollback"];

/// What Helm knows of moments that are here.
const HERE: [&str; 4] = ["pre-install", "post-install", "pre-upgrade", "post-upgrade"];

/// What Helm knows of tests.
const TESTS: [&str; 3] = ["test", "test-success", "test-failure"];

/// The annotation that names the moments.
const HOOK: &str = "helm.sh/hook";

/// The annotation that orders hooks of one moment.
const WEIGHT: &str = "helm.sh/hook-weight";

/// The annotation with which a hook says for what it ran.
pub const RUN: &str = "stratify.dev/run";

/// How many digits of a digest stand there: two layers share them by chance once in 2^64.
const DIGITS: usize = 16;

/// Returns what an object of a chart is.
pub(super) fn role(manifest: &Value) -> Role {
    let annotations = manifest.get("metadata").and_then(|metadata| metadata.get("annotations"));
    let text = |key: &str| annotations.and_then(|all| all.get(key)).and_then(Value::as_str);
    let Some(events) = text(HOOK) else { return Role::Plain };
    // As Helm reads them.
    let events = events.to_ascii_lowercase();
    let events: Vec<&str> = events.split(',').map(str::trim).collect();
    let moment = |verb: &str| {
        let is = |event: &str| events.contains(&event);
        let before = is(&format!("pre-{verb}")).then_some(HookMoment::Before);
        before.or_else(|| is(&format!("post-{verb}")).then_some(HookMoment::After))
    };
    let weight = text(WEIGHT).and_then(|weight| weight.trim().parse().ok()).unwrap_or_default();
    let policy = text("helm.sh/hook-delete-policy").unwrap_or_default();
    let says = |word: &str| policy.split(',').any(|policy| policy.trim() == word);
    let (goes, goes_failed) = (says("hook-succeeded"), says("hook-failed"));
    let hook = Hook { install: moment("install"), upgrade: moment("upgrade"), weight, goes, goes_failed };
    if hook.install.is_some() || hook.upgrade.is_some() {
        Role::Hook(hook)
    } else if events.iter().all(|event| TESTS.contains(event)) {
        Role::Test
    } else {
        Role::Elsewhen
    }
}

/// Returns what people should know of the annotations of a hook: what Helm passes over in silence, and what is not run.
pub(super) fn notes_of(manifest: &Value, named: &str) -> Vec<Arc<str>> {
    let annotations = manifest.get("metadata").and_then(|metadata| metadata.get("annotations"));
    let text = |key: &str| annotations.and_then(|all| all.get(key)).and_then(Value::as_str);
    let mut notes: Vec<Arc<str>> = Vec::new();
    let events = text(HOOK).unwrap_or_default().to_ascii_lowercase();
    let events: Vec<&str> = events.split(',').map(str::trim).collect();
    let known = || HERE.iter().chain(&ELSEWHEN).chain(&TESTS).copied();
    let unknown = events.iter().filter(|event| !event.is_empty() && !known().any(|known| known == **event));
    for event in unknown {
        let meant = nearest(event, known()).map_or_else(String::new, |near| format!(" (`{near}`?)"));
        notes.push(format!("Helm knows no hook `{event}`{meant}: {named} does not run then").into());
    }
    let elsewhen: Vec<&str> = events.iter().copied().filter(|event| ELSEWHEN.contains(event)).collect();
    if !elsewhen.is_empty() {
        notes.push(format!("the hook {} of {named} is not run", elsewhen.join(", ")).into());
    }
    if let Some(weight) = text(WEIGHT).filter(|weight| weight.trim().parse::<i32>().is_err()) {
        notes.push(format!("the weight `{weight}` of the hook {named} is no whole number, so it is 0").into());
    }
    notes
}

/// Whether a note tells of what would run when its layer goes.
pub fn is_of_removal(note: &str) -> bool {
    note.starts_with("the hook ") && ["pre-delete", "post-delete"].iter().any(|event| note.contains(event))
}

/// Whether a chart asks that an object stays when it would be deleted.
pub(super) fn is_kept(manifest: &Value) -> bool {
    let annotations = manifest.get("metadata").and_then(|metadata| metadata.get("annotations"));
    let policy = annotations.and_then(|all| all.get("helm.sh/resource-policy")).and_then(Value::as_str);
    policy.is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep"))
}

/// Says in a hook for what it runs, so that it is another object each time its layer changes.
pub(super) fn stamp(manifest: &mut Value, digest: Digest) {
    let digits: String = digest.to_string().chars().take(DIGITS).collect();
    let metadata: &mut Map = manifest.make_map().entry_of("metadata").make_map();
    metadata.entry_of("annotations").make_map().insert(RUN.into(), Value::string(&digits));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(entries: &[(&str, &str)]) -> Value {
        let annotations: Map = entries.iter().map(|(key, text)| (*key, Value::string(text))).collect();
        let metadata: Map = [("annotations", Value::map(annotations))].into_iter().collect();
        Value::map([("metadata", Value::map(metadata))].into_iter().collect())
    }

    fn of(entries: &[(&str, &str)]) -> Role {
        role(&with(entries))
    }

    #[test]
    fn what_runs_is_told_from_what_does_not() {
        use HookMoment::{After, Before};
        let hook =
            |install, upgrade, weight, goes| Role::Hook(Hook { install, upgrade, weight, goes, goes_failed: false });
        assert_eq!(of(&[]), Role::Plain);
        assert_eq!(of(&[(HOOK, "test")]), Role::Test);
        assert_eq!(of(&[(HOOK, "pre-delete, post-rollback")]), Role::Elsewhen);
        assert_eq!(of(&[(HOOK, "pre-install")]), hook(Some(Before), None, 0, false));
        let policy = ("helm.sh/hook-delete-policy", "before-hook-creation,hook-succeeded");
        let all = [(HOOK, "post-install,post-upgrade"), ("helm.sh/hook-weight", "-5"), policy];
        assert_eq!(of(&all), hook(Some(After), Some(After), -5, true));
        assert_eq!(of(&[(HOOK, "Pre-Install")]), hook(Some(Before), None, 0, false), "as Helm reads it");
        let Role::Hook(failed) = of(&[(HOOK, "pre-install"), ("helm.sh/hook-delete-policy", "hook-failed")]) else {
            panic!("it runs");
        };
        assert!(failed.goes_failed && !failed.goes, "it stays when it is well");
    }

    #[test]
    fn what_helm_passes_over_is_told() {
        let said = |entries: &[(&str, &str)]| notes_of(&with(entries), "Job j").join("; ");
        assert_eq!(said(&[(HOOK, "pre-install"), (WEIGHT, "-5")]), "");
        assert_eq!(
            said(&[(HOOK, "pre-install,post-instal"), (WEIGHT, "five")]),
            "Helm knows no hook `post-instal` (`post-install`?): Job j does not run then; the weight `five` of the hook \
             Job j is no whole number, so it is 0"
        );
        let of_removal = said(&[(HOOK, "pre-delete, post-rollback")]);
        assert_eq!(of_removal, "the hook pre-delete, post-rollback of Job j is not run");
        assert!(is_of_removal(&of_removal) && !is_of_removal(&said(&[(HOOK, "post-rollback")])));
    }
}
