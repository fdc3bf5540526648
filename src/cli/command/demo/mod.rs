//! In: nothing but this program. Out: a fleet in a scratch folder, real commits to it, and what became of each.
//! Guarantee: no network, no cluster, no other tool; it ends by itself and keeps the folder.
mod cluster_api;
mod example;
mod forge;
mod kubernetes;
mod scratch;
mod sources;

use super::{Answer, Failure, plan};
use crate::cli::args::{Demo, Plan};
use crate::cli::print::{Effect, Printer, Text, Tone};
use crate::client::git::{fault, in_folder};
use crate::decide::report::{State, Status};
use crate::decide::value::{Fault, Owner, counted};
use crate::name::{ClusterName, CommitId};
use crate::observe::forge::notes;
use crate::observe::worktree::Local;
use crate::serve::socket::{Ask, try_ask};
use scratch::{ADA, GRACE, Scratch, Server};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How long a commit may take until its statuses stand: far more than four clusters of directories need.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often the notes are read meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// How long people get to read a step.
const READ: Duration = Duration::from_millis(1500);

/// The status contexts of the example.
const CONTEXTS: [&str; 4] = ["stratify/plan", "stratify/dev", "stratify/staging", "stratify/prod"];

const DEV: &str = "clusters/dev/dev-1/cluster.yaml";
const EU: &str = "clusters/prod/eu-1/cluster.yaml";

/// Shows the whole way, from commits to statuses.
pub(super) fn run(options: &Demo, printer: &Printer) -> Result<Answer, Failure> {
    if let Some(kubeconfig) = &options.kubernetes {
        return kubernetes::run(options, kubeconfig, printer);
    }
    if let Some(kubeconfig) = &options.cluster_api {
        return cluster_api::run(options, kubeconfig, printer);
    }
    if let Some(program) = &options.forge {
        return forge::run(options, program, printer);
    }
    let scratch = Scratch::new(options.keep.as_deref())?;
    std::env::set_current_dir(&scratch.root).map_err(in_folder("could not enter the demo's folder"))?;
    let first = scratch.commit_example()?;
    let server = scratch.serve(None)?;
    let mut show = Show::new(scratch, server, printer, options.fast, &CONTEXTS, None);
    show.step("1. The example fleet is committed: a dev, a staging and two prod clusters", first, &[])?;
    let pins = pins(first);
    let pinned = show.scratch.commit(&pins, "pin staging and prod", ADA)?;
    show.step(
        "2. Staging and prod are pinned to that commit: from now on they move only when the pin moves",
        pinned,
        &[],
    )?;
    story(&mut show)?;
    Ok(show.end())
}

fn story(show: &mut Show<'_>) -> Result<(), Failure> {
    let value = show
        .scratch
        .change(EU, "eu-1: two more workers", ADA, |text| text.replace("web/replicas: 6", "web/replicas: 8"))?;
    show.step("3. A value of one cluster changes: two more replicas of the shop on eu-1", value, &[])?;
    let swap = show.scratch.change(EU, "eu-1: traefik instead of nginx", ADA, |text| {
        text.replace(
            "  objectPatches:",
            "    - name: ingress\n      replaceWith: { pack: traefik@33.0.0 }\n  objectPatches:",
        )
    })?;
    show.step("4. A layer is swapped: the new ingress is there before the objects of the old one go", swap, &[])?;
    let removal = show.scratch.change(DEV, "dev-1: no observability", ADA, |text| {
        text.replace("    - name: edge\n", "    - name: edge\n    - { name: observability, remove: true }\n")
    })?;
    show.step(
        "5. A profile is removed from dev-1: it would delete a kind's definition, which is protected. It waits",
        removal,
        &["dev"],
    )?;
    let approval = show.approve("dev-1", "nobody looks at it on dev")?;
    show.step(
        "6. Grace, who did not write it, approves that change by its id. Now it is done, in reverse order",
        approval,
        &[],
    )?;
    let broken =
        show.scratch.change(DEV, "dev-1: another uplink", ADA, |text| text.replace("  variables:", "  varaibles:"))?;
    show.step("7. A mistake: a misspelt field. Nothing is applied, and its line is told", broken, &["plan", "dev"])?;
    let fix =
        show.scratch.change(DEV, "dev-1: spell it right", ADA, |text| text.replace("  varaibles:", "  variables:"))?;
    show.step("8. The fix", fix, &[])?;
    sources::story(show)
}

/// Returns the environments' documents with a pin.
fn pins(commit: CommitId) -> Vec<(&'static str, String)> {
    let paths = ["environments/staging/environment.yaml", "environments/prod/environment.yaml"];
    let pinned = |path: &'static str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        (path, text.replacen("spec:\n", &format!("spec:\n  revision: {commit}\n"), 1))
    };
    paths.into_iter().map(pinned).collect()
}

struct Show<'a> {
    scratch: Scratch,
    server: Server,
    printer: &'a Printer,
    last: Option<CommitId>,
    log_read: usize,
    is_fast: bool,
    commits: Vec<Value>,
    contexts: &'static [&'static str],
    /// The operator's settings, where the demo is not of the embedded default.
    settings: Option<PathBuf>,
    /// How long a commit may take until its statuses stand.
    patience: Duration,
    /// The cluster of which it is told meanwhile what its sync waits for.
    waits_of: Option<ClusterName>,
}

impl<'a> Show<'a> {
    fn new(
        scratch: Scratch,
        server: Server,
        printer: &'a Printer,
        is_fast: bool,
        contexts: &'static [&'static str],
        settings: Option<PathBuf>,
    ) -> Self {
        Self {
            scratch,
            server,
            printer,
            last: None,
            log_read: 0,
            is_fast,
            commits: Vec::new(),
            contexts,
            settings,
            patience: PATIENCE,
            waits_of: None,
        }
    }

    /// Shows a commit: its plan, what was written in which order, and its statuses. `open` may stay without success.
    fn step(&mut self, title: &str, commit: CommitId, open: &[&str]) -> Result<(), Failure> {
        let mut text = Text::default();
        text.line("");
        text.pieces([(Tone::Strong, title.to_owned())]);
        text.pieces([(Tone::Faint, format!("commit {commit}"))]);
        self.say(&text)?;
        let mut is_right = true;
        if let Some(last) = self.last {
            let (rev, from) = (Some(commit.to_string()), Some(last.to_string()));
            let options = Plan { rev, from, cluster: Vec::new(), environment: None, no_probe: true };
            let failures = match plan::run(&options, self.settings.as_deref()) {
                Ok(answer) => {
                    self.say(&answer.text)?;
                    answer.failures
                }
                Err(failure) => vec![failure],
            };
            if failures.iter().any(|failure| matches!(failure, Failure::Fault(_))) {
                return Err(failures.into_iter().next_back().unwrap_or_else(|| Fault::bug("there is one").into()));
            }
            is_right = failures.is_empty();
            self.printer.beside(&failures, Effect::Nothing);
        }
        let statuses = self.wait(commit, open)?;
        let mut text = Text::default();
        for line in written(&self.scratch.log(), &mut self.log_read) {
            text.line(line);
        }
        for status in &statuses {
            let tone = if status.state == State::Success { Tone::Good } else { Tone::Strong };
            text.pieces([
                (tone, format!("{:>17} {}: ", status.context.as_str(), status.state)),
                (Tone::Plain, status.text().to_owned()),
            ]);
        }
        self.say(&text)?;
        self.commits.push(json!({ "commit": commit.to_string(), "title": title }));
        if is_right {
            self.last = Some(commit);
        }
        if !self.is_fast {
            thread::sleep(READ);
        }
        Ok(())
    }

    /// Has Grace approve what waits on a cluster.
    fn approve(&self, cluster: &str, reason: &str) -> Result<CommitId, Failure> {
        let id = change_id(cluster, self.settings.as_deref())?;
        let text = format!("apiVersion: stratify.dev/v1alpha1\nkind: Approval\nspec:\n  reason: {reason}\n");
        let files = [(&*format!("approvals/{id}.yaml"), text)];
        Ok(self.scratch.commit(&files, &format!("approve: {reason}"), GRACE)?)
    }

    fn say(&self, text: &Text) -> Result<(), Failure> {
        Ok(self.printer.answer(text, &Value::Null)?)
    }

    /// Waits until each context has what it will have: a verdict, or a wait for an approval.
    fn wait(&mut self, commit: CommitId, open: &[&str]) -> Result<Vec<Status>, Failure> {
        let begun = Instant::now();
        let mut told = String::new();
        loop {
            let local = Local::discover(&self.scratch.root)?;
            let statuses = notes::read(local.objects(), commit)?;
            let stands = |context: &str| {
                let status = statuses.iter().find(|status| status.context.as_str() == context);
                let may_wait = open.iter().any(|open| context.ends_with(&format!("/{open}")));
                status
                    .is_some_and(|status| status.state.is_verdict() || (may_wait && status.text().contains("approval")))
            };
            if self.contexts.iter().all(|context| stands(context)) {
                return Ok(statuses);
            }
            self.tell_wait(begun, &mut told)?;
            if self.server.has_ended() || begun.elapsed() > self.patience {
                let message = format!("the statuses of {commit} did not come; see {}", self.scratch.log().display());
                return Err(fault(Owner::Bug, false, message, "tell us, with that log").into());
            }
            thread::sleep(LOOK);
        }
    }

    /// Tells what the sync waits for, whenever that has changed.
    fn tell_wait(&self, begun: Instant, told: &mut String) -> Result<(), Failure> {
        let Some(cluster) = &self.waits_of else { return Ok(()) };
        thread::sleep(LOOK);
        // A server that is just starting answers the next time.
        let answer = try_ask(&self.scratch.root.join(".stratify"), &Ask::Why(cluster.clone())).ok().flatten();
        let lines = answer.as_ref().and_then(|answer| answer.get("lines")).and_then(Value::as_array);
        let mut lines = lines.into_iter().flatten().filter_map(Value::as_str);
        let Some(line) = lines.find(|line| line.starts_with("layer ") && !line.ends_with("not at its end yet")) else {
            return Ok(());
        };
        // Conditions of Cluster API go on for many lines.
        let line = line.lines().next().unwrap_or_default();
        if line != told {
            line.clone_into(told);
            let mut text = Text::default();
            text.pieces([(Tone::Faint, format!("  {:>3} s  waits: {line}", begun.elapsed().as_secs()))]);
            self.say(&text)?;
        }
        Ok(())
    }

    fn end(self) -> Answer {
        let root = self.scratch.root.display().to_string();
        let mut text = Text::default();
        text.line("");
        text.pieces([
            (Tone::Good, "That was the whole way, again and again.".to_owned()),
            (Tone::Plain, " To look further:".to_owned()),
        ]);
        text.line(format!("  cd {root}"));
        text.line("  git log --notes=stratify            # each commit with its statuses");
        text.line(
            "  stratify explain eu-1 shop/vars/replicas # who wrote a value; without a path, the order of the layers",
        );
        text.line("  stratify plan; stratify status; stratify why dev-1");
        text.line("  ls .stratify/targets/eu-1           # what was applied, one file an object");
        Answer::new(text, json!({ "folder": root, "commits": self.commits }))
    }
}

/// Returns what the server wrote since the last call, layer by layer, in its order.
fn written(log: &Path, read: &mut usize) -> Vec<String> {
    let log = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    let new = lines.get(*read..).unwrap_or_default().iter();
    let written = new.filter_map(|line| {
        let fields = serde_json::from_str::<Value>(line).ok()?.get("fields")?.clone();
        let text = |key: &str| fields.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
        (text("message")? == "written").then_some(())?;
        let verb = if text("role")? == "Prune" { "pruned" } else { "wrote" };
        let objects = counted(usize::try_from(fields.get("objects")?.as_u64()?).ok()?, "object");
        Some(format!("  {verb:<6} {objects:<10} of {} on {}", text("layer")?, text("cluster")?))
    });
    let written = written.collect();
    *read = lines.len();
    written
}

/// Returns the id of what is pending on a cluster.
fn change_id(cluster: &str, settings: Option<&Path>) -> Result<String, Failure> {
    let cluster = crate::name::ClusterName::new(cluster).map_err(Fault::bug)?;
    let options =
        Plan { rev: Some("HEAD".into()), from: None, cluster: vec![cluster], environment: None, no_probe: true };
    let answer = plan::run(&options, settings)?;
    let id = answer.data.pointer("/plans/0/change").and_then(Value::as_str);
    Ok(id.ok_or_else(|| Fault::bug("the plan has no id"))?.to_owned())
}
