//! In: a management server with Cluster API and its development provider. Out: a cluster that is made, scaled, repaved,
//! upgraded and deleted by commits alone, with each commit's plan, what it waits for, and the machines that it leaves.
//! Guarantee: all it writes bears the fleet `stratify-machines`, and stands in namespaces that begin so.
//!
//! The machines live in memory. Their API server answers what Cluster API asks and takes no server-side apply, so the
//! management server stands in for it: the layers of the cluster itself go there, to namespaces of their own.
use super::Show;
use super::example::FILES;
use super::scratch::{ADA, Scratch};
use crate::cli::args::Demo;
use crate::cli::command::current_fleet::on_large_stack;
use crate::cli::command::{Answer, Failure};
use crate::cli::print::{Printer, Text, Tone};
use crate::client::git::{fault, in_folder};
use crate::client::kubernetes::{Access, Identity, ObjectPath, Server};
use crate::decide::report::State;
use crate::decide::value::{Fault, Owner, Value};
use crate::name::{ClusterName, CommitId};
use crate::observe::forge::notes;
use crate::observe::worktree::Local;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a commit may take: machines of a control plane are replaced one by one, and wait for each other.
const PATIENCE: Duration = Duration::from_mins(15);

/// The status contexts of the fleet.
const CONTEXTS: &[&str] = &["stratify/plan", "stratify/dev"];

const NAME: &str = "machines";
const NAMESPACE: &str = "stratify-machines";
const CLUSTER: &str = "clusters/dev/machines/cluster.yaml";

/// The files beside those of the example.
const OWN: &[(&str, &str)] = &[
    ("fleet.yaml", "apiVersion: stratify.dev/v1alpha1\nkind: Fleet\nmetadata: { name: stratify-machines }\n"),
    (
        "environments/dev/environment.yaml",
        "apiVersion: stratify.dev/v1alpha1\nkind: Environment\nmetadata: { name: dev }\nspec: { profiles: [ { name: machines } ] }\n",
    ),
    (
        CLUSTER,
        "apiVersion: stratify.dev/v1alpha1\nkind: Cluster\nmetadata: { name: machines }\n\
         spec:\n  cloud: dev\n  lifecycle: active\n  management: { target: management, namespace: stratify-machines }\n  \
         variables:\n    workers: 1\n  layers:\n    - name: os\n      values: { workers: { startup: 1s } }\n    \
         - name: kubernetes\n      replaceWith: { pack: dev-kubernetes@1.35.4 }\n      \
         values: { workers: { replicas: '${{ vars.workers }}' } }\n    \
         - { name: cni, namespace: stratify-machines-network }\n    - { name: csi, namespace: stratify-machines-volumes }\n",
    ),
    (".gitignore", ".stratify/\n"),
];

/// The files of the example that a cluster with machines is made of.
const OF_EXAMPLE: [&str; 3] = ["packs/dev-machines/", "packs/dev-kubernetes/", "profiles/machines/"];

/// Writes the settings that name the server twice: as the one that makes the cluster, and in place of the cluster's own.
fn settings(scratch: &Scratch, kubeconfig: &Path) -> Result<PathBuf, Failure> {
    let kubeconfig = json!(kubeconfig.display().to_string());
    let text = format!(
        "state: .\ntargets:\n  - {{ name: management, kubeconfig: {kubeconfig} }}\n  - {{ name: {NAME}, kubeconfig: {kubeconfig} }}\n"
    );
    Ok(scratch.settings(&text)?)
}

fn files() -> Vec<(&'static str, String)> {
    let is_used = |path: &str| OF_EXAMPLE.iter().any(|folder| path.starts_with(folder));
    let example = FILES.iter().filter(|(path, _)| is_used(path));
    let example = example.map(|(path, bytes)| (*path, String::from_utf8_lossy(bytes).into_owned()));
    example.chain(OWN.iter().map(|(path, text)| (*path, (*text).to_owned()))).collect()
}

/// Shows the life of a cluster.
pub(super) fn run(options: &Demo, kubeconfig: &Path, printer: &Printer) -> Result<Answer, Failure> {
    let kubeconfig = kubeconfig.canonicalize().map_err(in_folder("could not find the kubeconfig"))?;
    let scratch = Scratch::new(options.keep.as_deref())?;
    let settings = settings(&scratch, &kubeconfig)?;
    std::env::set_current_dir(&scratch.root).map_err(in_folder("could not enter the demo's folder"))?;
    let first = scratch.commit(&files(), "a cluster with a control plane and a worker", ADA)?;
    let server = scratch.serve(Some(&settings))?;
    let mut show = Show::new(scratch, server, printer, options.fast, CONTEXTS, Some(settings));
    show.patience = PATIENCE;
    show.waits_of = Some(ClusterName::new(NAME).map_err(Fault::bug)?);
    let mut life = Life { show, kubeconfig };
    life.story(first)?;
    Ok(life.end())
}

struct Life<'a> {
    show: Show<'a>,
    kubeconfig: PathBuf,
}

impl Life<'_> {
    fn story(&mut self, first: CommitId) -> Result<(), Failure> {
        self.step(
            "1. A cluster is committed. Cluster API makes its machines; then come the layers of the cluster itself",
            first,
            &[],
        )?;
        let scale = self.change("two more workers", "workers: 1\n", "workers: 3\n")?;
        self.step("2. Two more workers: nothing that runs is disturbed", scale, &[])?;
        let template = self.change("another machine for workers", "startup: 1s", "startup: 2s")?;
        self.step(
            "3. Another machine template for workers: all of them are made anew. That waits for an approval",
            template,
            &["dev"],
        )?;
        let approval = self.show.approve(NAME, "the workers may be made anew")?;
        self.step(
            "4. Grace approves it. The template's name changes with what it holds; the old one goes last",
            approval,
            &[],
        )?;
        let upgrade =
            self.change("the next minor version of Kubernetes", "dev-kubernetes@1.35.4", "dev-kubernetes@1.36.3")?;
        self.step(
            "5. The next Kubernetes: control plane and workers are made anew. That waits, too",
            upgrade,
            &["dev"],
        )?;
        let approval = self.show.approve(NAME, "the upgrade may begin")?;
        self.step("6. Grace approves it", approval, &[])?;
        let end = self.change("the cluster is to go", "lifecycle: active", "lifecycle: delete")?;
        self.step("7. The cluster is to go. Nothing is deleted without an approval", end, &["dev"])?;
        let approval = self.show.approve(NAME, "nobody needs it any longer")?;
        self.step(
            "8. Grace approves it: first its own layers, then workers, control plane, and the Cluster last",
            approval,
            &[],
        )
    }

    fn change(&self, message: &str, from: &str, to: &str) -> Result<CommitId, Failure> {
        Ok(self.show.scratch.change(CLUSTER, message, ADA, |text| text.replace(from, to))?)
    }

    /// Shows a commit, and the machines that there are after it.
    fn step(&mut self, title: &str, commit: CommitId, open: &[&str]) -> Result<(), Failure> {
        self.show.step(title, commit, open)?;
        let local = Local::discover(&self.show.scratch.root)?;
        let statuses = notes::read(local.objects(), commit)?;
        if let Some(status) = statuses.iter().find(|status| matches!(status.state, State::Failure | State::Error)) {
            let message = format!("the demo cannot go on: {}", status.text());
            let hint = "if an earlier demo was here, remove its record: \
                        kubectl -n stratify-system delete secrets -l stratify.dev/fleet=stratify-machines";
            return Err(fault(Owner::Operator, false, message, hint).into());
        }
        let machines = on_large_stack(machines(&self.kubeconfig))?;
        let mut text = Text::default();
        text.line(format!("  machines: {}", if machines.is_empty() { "none".to_owned() } else { machines.join(", ") }));
        self.show.say(&text)
    }

    fn end(self) -> Answer {
        let root = self.show.scratch.root.display().to_string();
        let mut text = Text::default();
        text.line("");
        text.pieces([
            (Tone::Good, "That was the life of a cluster, by commits alone.".to_owned()),
            (Tone::Plain, " To look further:".to_owned()),
        ]);
        text.line(format!("  cd {root}; git log --notes=stratify"));
        text.line("  kubectl -n stratify-system get secrets -l stratify.dev/fleet=stratify-machines   # what is left: the record");
        text.line("  kubectl -n stratify-system delete secrets -l stratify.dev/fleet=stratify-machines   # before another demo");
        text.line("  kubectl delete namespace stratify-machines stratify-machines-network stratify-machines-volumes");
        Answer::new(text, json!({ "folder": root, "commits": self.show.commits }))
    }
}

/// Returns each machine with its version.
async fn machines(kubeconfig: &Path) -> Result<Vec<String>, Failure> {
    let access = Access::Kubeconfig { file: kubeconfig.to_owned(), context: None, exec: Vec::new() };
    let server = Server::connect("management", &access, &Identity::default()).await?;
    let kinds = server.kinds().await.map_err(Fault::from)?;
    let Some(kind) = kinds.get("cluster.x-k8s.io", "Machine") else { return Ok(Vec::new()) };
    let found = server.list(&ObjectPath::all(kind, Some(NAMESPACE)), "").await.map_err(Fault::from)?;
    let shown = |machine: &Value| {
        let text = |part: &str, key: &str| machine.get(part)?.get(key)?.as_str().map(ToOwned::to_owned);
        Some(format!("{} {}", text("metadata", "name")?, text("spec", "version")?))
    };
    let mut machines: Vec<String> = found.iter().filter_map(shown).collect();
    machines.sort();
    Ok(machines)
}
