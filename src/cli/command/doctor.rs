//! In: the settings, and what the fleet's profiles have. Out: whether repository, state and targets can do what is needed.
//! Guarantee: nothing is synced; exit code 1 where something is missing; missing rights stand as rules to add.
use super::current_fleet::{Here, on_large_stack};
use super::{Answer, Exit, Failure};
use crate::cli::print::{Text, Tone};
use crate::control::doctor::{AllAsked, Asked, Examined, Missing, asked};
use crate::control::preview::Preview;
use crate::decide::value::Fault;
use crate::settings::Target;
use rustix::fs::{Access, access};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// One thing that was looked at.
struct Check {
    what: String,
    /// What was found, or what is wrong.
    found: Result<String, Vec<String>>,
    missing: Vec<Missing>,
    data: Value,
}

/// Looks at all that a sync needs.
pub(super) fn run(settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let mut checks = vec![state(&here), repository(&here)];
    let is_seen = checks.iter().all(|check| check.found.is_ok());
    let examined = match here.preview() {
        Ok(preview) => on_large_stack(async { Ok(targets(&here, &preview).await) })?,
        Err(_) if !is_seen => Vec::new(),
        Err(fault) => return Err(fault.into()),
    };
    checks.extend(examined);
    let is_well = checks.iter().all(|check| check.found.is_ok() && check.missing.is_empty());
    let mut answer = Answer::new(text(&checks), data(&checks, is_well));
    if !is_well {
        answer.exit = Exit::Failed;
    }
    Ok(answer)
}

fn state(here: &Here) -> Check {
    let folder = &here.settings.state;
    let found = writable(folder).map(|()| "writable".to_owned()).map_err(|why| vec![why]);
    Check {
        what: format!("state folder {}", folder.display()),
        found,
        missing: Vec::new(),
        data: json!({ "state": folder.display().to_string() }),
    }
}

/// Errs where nothing could be written into a folder, or into the one above it that is there.
fn writable(folder: &Path) -> Result<(), String> {
    let there = folder.ancestors().find(|above| above.symlink_metadata().is_ok());
    let there = there.filter(|there| !there.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !there.is_dir() {
        return Err(format!("expected a folder at {}, found something else", there.display()));
    }
    access(there, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| format!("could not write in {}: {error}", there.display()))
}

fn repository(here: &Here) -> Check {
    let branch = here.settings.branch();
    let of = here.settings.repository.url.as_deref().map_or_else(|| "around".to_owned(), without_password);
    let found = look(here).map(|commit| format!("reachable, its branch {branch} is at {commit}"));
    let data = json!({ "repository": of, "branch": branch });
    Check { what: format!("repository {of}"), found: found.map_err(|why| vec![why]), missing: Vec::new(), data }
}

/// Returns an address without what stands before its host: it may hold a password.
fn without_password(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?.1))) {
        Some((scheme, rest)) => format!("{scheme}://{rest}"),
        None => url.to_owned(),
    }
}

/// Looks where the branch is now; while another process has the mirror open, where that one saw it last.
fn look(here: &Here) -> Result<String, String> {
    let text = |fault: Fault| fault.to_string();
    let is_busy = |fault: &Fault| fault.spurious && here.seen().is_ok_and(|seen| seen.is_some());
    if here.is_remote() {
        match here.mirror() {
            Ok(mirror) => drop(mirror.fetch().map_err(text)?),
            Err(fault) if is_busy(&fault) => {}
            Err(fault) => return Err(text(fault)),
        }
    }
    let branch = here.settings.branch();
    let commit = here.branch().map_err(text)?;
    commit.map(|commit| commit.to_string()).ok_or_else(|| format!("it has no branch {branch}"))
}

async fn targets(here: &Here, preview: &Preview) -> Vec<Check> {
    let mut checks = Vec::new();
    let all = match preview.committed() {
        Ok(fleet) => asked(preview, &fleet, &here.settings).await,
        Err(fault) => {
            let found = Err(vec![fault.to_string()]);
            let data = json!({ "documents": null });
            checks.push(Check { what: "documents".into(), found, missing: Vec::new(), data });
            AllAsked::default()
        }
    };
    for (cluster, fault) in all.broken {
        let why = format!("what it needs is not known: it cannot be rendered; see `stratify lint`: {fault}");
        let data = json!({ "cluster": cluster.as_str() });
        checks.push(Check { what: format!("cluster {cluster}"), found: Err(vec![why]), missing: Vec::new(), data });
    }
    for (name, asked) in all.targets {
        checks.push(target(preview, &name, asked).await);
    }
    checks
}

async fn target(preview: &Preview, name: &Arc<str>, asked: Asked) -> Check {
    let what = format!("target {name}");
    let mut data = json!({ "target": &**name });
    let (found, missing) = match asked.target {
        Err(fault) => (Err(vec![fault.to_string()]), Vec::new()),
        Ok(Target::Directory(folder)) => {
            let found = writable(&folder).map(|()| format!("writable, the folder {}", folder.display()));
            (found.map_err(|why| vec![why]), Vec::new())
        }
        Ok(Target::Kubernetes(server)) => match preview.examine(name, &server, &asked.needs).await {
            Err(fault) => (Err(vec![fault.to_string()]), Vec::new()),
            Ok(examined) => {
                data["version"] = json!(examined.version);
                data["uid"] = json!(examined.uid.as_deref());
                data["bound"] = json!(examined.is_bound);
                shown(examined)
            }
        },
    };
    Check { what, found, missing, data }
}

fn shown(examined: Examined) -> (Result<String, Vec<String>>, Vec<Missing>) {
    let Examined { version, uid, is_bound, missing, troubles } = examined;
    if !troubles.is_empty() {
        return (Err(troubles), missing);
    }
    let uid = uid.as_deref().unwrap_or("not known");
    let bound = match is_bound {
        Some(true) => ", and its name stands for it",
        Some(false) => ", to which the first sync binds its name",
        None => "",
    };
    (Ok(format!("reachable, {version}, its UID is {uid}{bound}")), missing)
}

fn text(checks: &[Check]) -> Text {
    let mut text = Text::default();
    for check in checks {
        match &check.found {
            Ok(found) => text.pieces([(Tone::Strong, check.what.clone()), (Tone::Good, format!(": {found}"))]),
            Err(why) => why
                .iter()
                .for_each(|why| text.pieces([(Tone::Strong, check.what.clone()), (Tone::Bad, format!(": {why}"))])),
        }
        for (place, rules) in rules(&check.missing) {
            let whose = match &place {
                (Some(namespace), true) => {
                    format!("missing for what is kept there, to a Role in the namespace {namespace}")
                }
                (Some(namespace), false) => {
                    format!("missing, to a Role in the namespace {namespace}, or to a ClusterRole")
                }
                (None, true) => "missing to tell which cluster it is, to a ClusterRole".to_owned(),
                (None, false) => "missing, to a ClusterRole".to_owned(),
            };
            text.pieces([(Tone::Warning, format!("# {}: {whose}", check.what))]);
            text.line("rules:");
            text.lines(rules.iter().flat_map(rule_lines));
        }
    }
    let wrong = checks.iter().filter(|check| check.found.is_err() || !check.missing.is_empty()).count();
    text.line(if wrong == 0 {
        "nothing is missing".to_owned()
    } else {
        format!("{wrong} of {} need a hand", checks.len())
    });
    text
}

/// A rule of a role.
struct Rule {
    group: Arc<str>,
    resources: BTreeSet<Arc<str>>,
    name: Option<Arc<str>>,
    verbs: Vec<&'static str>,
}

/// Returns the rules to add, by namespace and by whether they are for ourselves.
fn rules(missing: &[Missing]) -> BTreeMap<(Option<Arc<str>>, bool), Vec<Rule>> {
    let mut rules: BTreeMap<(Option<Arc<str>>, bool), Vec<Rule>> = BTreeMap::new();
    for Missing { namespace, group, resource, name, verbs, is_own } in missing {
        let of = rules.entry((namespace.clone(), *is_own)).or_default();
        let same = |rule: &&mut Rule| rule.group == *group && rule.name == *name && rule.verbs == *verbs;
        if let Some(rule) = of.iter_mut().find(same) {
            rule.resources.insert(resource.clone());
            continue;
        }
        let resources = BTreeSet::from([resource.clone()]);
        of.push(Rule { group: group.clone(), resources, name: name.clone(), verbs: verbs.clone() });
    }
    rules
}

fn rule_lines(rule: &Rule) -> Vec<String> {
    let list = |items: &[&str]| format!("[{}]", items.join(", "));
    let group = if rule.group.is_empty() { "\"\"" } else { &rule.group };
    let resources: Vec<&str> = rule.resources.iter().map(|resource| &**resource).collect();
    let mut lines = vec![format!("  - apiGroups: [{group}]"), format!("    resources: {}", list(&resources))];
    lines.extend(rule.name.iter().map(|name| format!("    resourceNames: [{name}]")));
    lines.push(format!("    verbs: {}", list(&rule.verbs)));
    lines
}

fn data(checks: &[Check], is_well: bool) -> Value {
    let missing = |missing: &Missing| {
        let Missing { namespace, group, resource, name, verbs, is_own } = missing;
        json!({
            "namespace": namespace.as_deref(),
            "own": is_own,
            "rule": {
                "apiGroups": [&**group],
                "resources": [&**resource],
                "resourceNames": name.iter().map(|name| &**name).collect::<Vec<_>>(),
                "verbs": verbs,
            },
        })
    };
    let check = |check: &Check| {
        let mut data = check.data.clone();
        data["check"] = json!(check.what);
        data["found"] = json!(check.found.as_ref().ok());
        data["wrong"] = json!(check.found.as_ref().err());
        data["missing"] = check.missing.iter().map(missing).collect();
        data
    };
    json!({ "well": is_well, "checks": checks.iter().map(check).collect::<Vec<_>>() })
}
