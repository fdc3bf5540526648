//! In: a kubeconfig. Out: a small fleet whose one cluster is that server, commits to it, and what became of each there.
//! Guarantee: all it writes bears the fleet `stratify-demo`, and stands in namespaces of that name and `stratify-system`.
use super::Show;
use super::scratch::{ADA, Scratch};
use crate::cli::args::Demo;
use crate::cli::command::{Answer, Failure};
use crate::cli::print::{Printer, Text, Tone};
use crate::client::git::in_folder;
use serde_json::json;
use std::path::{Path, PathBuf};

/// The status contexts of the fleet.
const CONTEXTS: &[&str] = &["stratify/plan", "stratify/dev"];

const PROFILE: &str = "profiles/apps/profile.yaml";
const CLUSTER: &str = "clusters/dev/demo/cluster.yaml";

/// The files of the fleet: each layer shows something that only an API server has.
const FILES: &[(&str, &str)] = &[
    ("fleet.yaml", "apiVersion: stratify.dev/v1alpha1\nkind: Fleet\nmetadata: { name: stratify-demo }\n"),
    (
        "environments/dev/environment.yaml",
        "apiVersion: stratify.dev/v1alpha1\nkind: Environment\nmetadata: { name: dev }\nspec: { profiles: [ { name: apps } ] }\n",
    ),
    (
        CLUSTER,
        "apiVersion: stratify.dev/v1alpha1\nkind: Cluster\nmetadata: { name: demo }\n\
         spec:\n  cloud: any\n  imported: true\n  kubernetesVersion: 1.33.0\n  variables:\n    greeting: hello\n",
    ),
    (
        PROFILE,
        "apiVersion: stratify.dev/v1alpha1\nkind: Profile\nmetadata: { name: apps }\nspec:\n  version: 1.0.0\n  type: add-on\n  \
         variables:\n    - { name: greeting, type: string, default: hi }\n  layers:\n    \
         - { name: definitions, manifests: [definitions/*.yaml] }\n    \
         - { name: page, namespace: stratify-demo, manifests: [page/*.tpl.yaml], dependsOn: [definitions] }\n",
    ),
    (
        "profiles/apps/definitions/visitor.yaml",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: visitors.demo.stratify.dev }\n\
         spec:\n  group: demo.stratify.dev\n  scope: Namespaced\n  names: { kind: Visitor, plural: visitors, singular: visitor }\n  \
         versions:\n    - name: v1\n      served: true\n      storage: true\n      schema:\n        openAPIV3Schema:\n          \
         type: object\n          properties: { spec: { type: object, properties: { greeting: { type: string } } } }\n",
    ),
    (
        "profiles/apps/page/page.tpl.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: page }\ndata: { text: '${{ vars.greeting }}' }\n---\n\
         apiVersion: demo.stratify.dev/v1\nkind: Visitor\nmetadata: { name: first }\nspec: { greeting: '${{ vars.greeting }}' }\n",
    ),
    (
        "profiles/apps/extra/config.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: extra }\ndata: { is: there }\n",
    ),
];

/// Writes the settings that name the server, beside the state.
fn settings(scratch: &Scratch, kubeconfig: &Path) -> Result<PathBuf, Failure> {
    let kubeconfig = kubeconfig.canonicalize().map_err(in_folder("could not find the kubeconfig"))?;
    let text = format!(
        "state: .\ntargets:\n  - {{ name: demo, kubeconfig: {}, stability: 0s }}\n",
        json!(kubeconfig.display().to_string())
    );
    Ok(scratch.settings(&text)?)
}

/// Shows the way of commits to an API server.
pub(super) fn run(options: &Demo, kubeconfig: &Path, printer: &Printer) -> Result<Answer, Failure> {
    let scratch = Scratch::new(options.keep.as_deref())?;
    let settings = settings(&scratch, kubeconfig)?;
    std::env::set_current_dir(&scratch.root).map_err(in_folder("could not enter the demo's folder"))?;
    let mut files: Vec<(&str, String)> = FILES.iter().map(|(path, text)| (*path, (*text).to_owned())).collect();
    files.push((".gitignore", ".stratify/\n".to_owned()));
    let first = scratch.commit(&files, "a small fleet", ADA)?;
    let server = scratch.serve(Some(&settings))?;
    let mut show = Show::new(scratch, server, printer, options.fast, CONTEXTS, Some(settings));
    show.step(
        "1. A fleet is committed whose one cluster is that API server: a definition, then objects of it",
        first,
        &[],
    )?;
    let value =
        show.scratch.change(CLUSTER, "greet louder", ADA, |text| text.replace("greeting: hello", "greeting: HELLO"))?;
    show.step("2. A variable changes: two objects differ, and only those are written", value, &[])?;
    let added = show.scratch.change(PROFILE, "a further layer", ADA, |text| {
        text + "    - { name: extra, namespace: stratify-demo, manifests: [extra/*.yaml], dependsOn: [page] }\n"
    })?;
    show.step("3. A layer is added, after the page", added, &[])?;
    let removal = show.scratch.change(CLUSTER, "no page and no definition", ADA, |text| {
        text + "  layers:\n    - { name: definitions, remove: true }\n    - { name: page, remove: true }\n    - { name: extra, dependsOn: [] }\n"
    })?;
    show.step(
        "4. Two layers are removed, one with a protected definition. It waits for an approval",
        removal,
        &["dev"],
    )?;
    let approval = show.approve("demo", "the demo is over")?;
    show.step(
        "5. Grace approves it: objects go in reverse order, custom resources before their definition",
        approval,
        &[],
    )?;
    Ok(end(&show))
}

fn end(show: &Show<'_>) -> Answer {
    let root = show.scratch.root.display().to_string();
    let mut text = Text::default();
    text.line("");
    text.pieces([
        (Tone::Good, "That was the way to an API server.".to_owned()),
        (Tone::Plain, " To look further:".to_owned()),
    ]);
    text.line("  kubectl get configmaps -A -l stratify.dev/fleet=stratify-demo   # what is left: the layer `extra`");
    text.line(
        "  kubectl -n stratify-system get secrets --show-labels            # the record, and each layer's ApplySet",
    );
    text.line(format!("  cd {root}; git log --notes=stratify"));
    text.line("  kubectl delete namespace stratify-demo; kubectl -n stratify-system delete secrets -l stratify.dev/fleet=stratify-demo");
    Answer::new(text, json!({ "folder": root, "commits": show.commits }))
}
