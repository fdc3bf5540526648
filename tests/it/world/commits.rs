//! In: commits in a few words, each a variation of one small fleet with one cluster. Out: their documents and history.
//! Guarantee: ids follow from names, so that a script is the same each time.
use crate::fleet::Files;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use stratify::decide::document::{CommitFacts, Commits, Person, Revision, Texts};
use stratify::decide::fleet::Fleet;
use stratify::name::CommitId;

/// The commits of a repository, by name.
#[derive(Default)]
pub(crate) struct History {
    commits: BTreeMap<CommitId, Commit>,
    /// Those that cannot be read any longer.
    lost: BTreeSet<CommitId>,
    /// All their texts.
    pub(crate) texts: Texts,
}

/// One commit.
pub(crate) struct Commit {
    /// Its name.
    pub(crate) name: String,
    /// What it says, line by line.
    pub(crate) lines: Vec<String>,
    parent: Option<CommitId>,
    author: String,
    approves: Option<String>,
    fleet: Arc<Fleet>,
}

/// Returns the id of a commit.
pub(crate) fn id(name: &str) -> CommitId {
    let mut id = [0; 20];
    for (at, byte) in name.bytes().take(20).enumerate() {
        id[at] = byte;
    }
    CommitId(id)
}

impl History {
    /// Adds a commit; its lines are layers, or `by`, `on`, `lifecycle`, `policy` and `unprotected`;
    /// `packs` and `locked` are versions of Kubernetes, of which `kubernetes VERSION VALUE` has one.
    pub(crate) fn add(&mut self, name: &str, parent: Option<&str>, lines: &[String]) {
        let word = |key: &str| lines.iter().find_map(|line| line.strip_prefix(key)).map(str::trim);
        let parent = word("on ").or(parent).map(id);
        let (mut files, mut layers) = (Vec::new(), String::new());
        for line in lines.iter().filter(|line| line.contains(':')) {
            layer(line, &mut layers, &mut files);
        }
        if !layers.is_empty() {
            layers.insert_str(0, "  layers:\n");
        }
        let lifecycle = word("lifecycle ").map_or_else(String::new, |word| format!("  lifecycle: {word}\n"));
        let head = "apiVersion: stratify.dev/v1alpha1\nkind: ";
        let imported = match word("kubernetes ") {
            None => "  imported: true\n  kubernetesVersion: 1.33.4\n",
            Some(_) => "",
        };
        let cluster =
            format!("{head}Cluster\nmetadata: {{ name: eu-1 }}\nspec:\n  cloud: aws\n{imported}{lifecycle}{layers}");
        let objects_max = word("policy ").unwrap_or("50");
        let protected = word("unprotected").map_or("", |_| ", protectedKinds: []");
        let free = word("unprotected").map_or("", |_| ", disruption: { approvalFor: [] }");
        let policy = format!("{{ deletion: {{ maxPercent: 100, maxObjects: {objects_max}{protected} }}{free} }}");
        let profiles = word("kubernetes ").map_or("", |_| "spec: { profiles: [ { name: base } ] }\n");
        if let Some(said) = word("kubernetes ") {
            kubernetes(said, &mut files);
        }
        for version in word("packs ").into_iter().flat_map(str::split_whitespace) {
            pack(version, &mut files);
        }
        if let Some(versions) = word("locked ") {
            let packs = versions.split_whitespace().map(|version| format!("  - {{ name: k8s, version: {version} }}\n"));
            files.push(("fleet.lock".into(), format!("{head}Lock\npacks:\n{}", packs.collect::<String>())));
        }
        files.push(("clusters/prod/eu-1/cluster.yaml".into(), cluster));
        files.push((
            "environments/prod/environment.yaml".into(),
            format!("{head}Environment\nmetadata: {{ name: prod }}\n{profiles}"),
        ));
        files.push((
            "fleet.yaml".into(),
            format!("{head}Fleet\nmetadata: {{ name: acme }}\nspec: {{ policies: {policy} }}\n"),
        ));
        let files = Files::new(files);
        for blob in files.blobs() {
            self.texts.share(blob.clone());
        }
        let fleet = Fleet { head: Revision::Commit(id(name)), ..files.fleet };
        let commit = Commit {
            name: name.into(),
            lines: lines.to_vec(),
            parent,
            author: word("by ").unwrap_or("ann").into(),
            approves: None,
            fleet: Arc::new(fleet),
        };
        self.commits.insert(id(name), commit);
    }

    /// Adds a commit that says the same as `parent` and approves a change.
    pub(crate) fn approve(&mut self, name: &str, parent: &str, change: &str, by: &str) {
        let lines = self.commits[&id(parent)].lines.clone();
        self.add(name, Some(parent), &lines);
        let commit = self.commits.get_mut(&id(name)).expect("it was just added");
        (commit.author, commit.approves, commit.parent) = (by.into(), Some(change.into()), Some(id(parent)));
    }

    /// Returns a commit.
    pub(crate) fn get(&self, commit: CommitId) -> Option<&Commit> {
        self.commits.get(&commit)
    }

    /// Returns the ids of all commits.
    pub(crate) fn ids(&self) -> impl Iterator<Item = CommitId> {
        self.commits.keys().copied()
    }

    /// Returns the documents of a commit.
    pub(crate) fn fleet(&self, commit: CommitId) -> Option<Arc<Fleet>> {
        self.commits.get(&commit).filter(|_| !self.lost.contains(&commit)).map(|commit| commit.fleet.clone())
    }

    /// From here on a commit cannot be read any longer.
    pub(crate) fn lose(&mut self, name: &str) {
        self.lost.insert(id(name));
    }

    /// Returns whether a commit is another one, or comes after it.
    pub(crate) fn descends(&self, commit: CommitId, ancestor: CommitId) -> bool {
        self.line(commit).any(|(id, _)| id == ancestor)
    }

    /// Returns the commits after `from`, up to `to`, newest first.
    pub(crate) fn between(&self, from: Option<CommitId>, to: CommitId) -> Commits {
        let Some(from) = from else { return Commits::default() };
        let commits = self.line(to).take_while(|(id, _)| *id != from).map(|(id, commit)| facts(id, commit)).collect();
        Commits { commits, cut_off: false }
    }

    fn line(&self, from: CommitId) -> impl Iterator<Item = (CommitId, &Commit)> {
        let with_id = |id: CommitId| Some((id, self.commits.get(&id)?));
        std::iter::successors(with_id(from), move |(_, commit)| with_id(commit.parent?))
    }
}

fn facts(id: CommitId, commit: &Commit) -> CommitFacts {
    let person = Person { name: commit.author.clone(), email: format!("{}@acme.example", commit.author) };
    CommitFacts {
        commit: id,
        author: person.clone(),
        co_authors: Vec::new(),
        writes_profiles: true,
        committer: person,
        approves: commit.approves.iter().cloned().collect(),
        added_approvals: Vec::new(),
        only_approves: commit.approves.is_some(),
        request: None,
        parents: commit.parent.into_iter().collect(),
        summary: commit.name.clone(),
    }
}

const HEAD: &str = "apiVersion: stratify.dev/v1alpha1\nkind: ";

/// Writes an infrastructure whose Kubernetes has a version, and a value.
fn kubernetes(said: &str, files: &mut Vec<(String, String)>) {
    let (version, value) = said.split_once(' ').unwrap_or((said, "a"));
    let mut layers = String::new();
    for (name, role) in [("os", "os"), ("kubernetes", "kubernetes"), ("cni", "network"), ("csi", "storage")] {
        let source = if role == "kubernetes" {
            format!("pack: k8s@{version}, values: {{ text: {value} }}")
        } else {
            files.push((format!("profiles/base/{name}/all.yaml"), manifest(&format!("ConfigMap/{name}"))));
            format!("manifests: [{name}/*.yaml]")
        };
        writeln!(layers, "    - {{ name: {name}, role: {role}, {source} }}").expect("a text takes all");
    }
    let text = format!(
        "{HEAD}Profile\nmetadata: {{ name: base }}\n\
         spec:\n  version: 1.0.0\n  type: infrastructure\n  clouds: [aws]\n  layers:\n{layers}"
    );
    files.push(("profiles/base/profile.yaml".into(), text));
}

/// Writes a version of the pack that brings Kubernetes: one object that says which, one that is the same in all.
fn pack(version: &str, files: &mut Vec<(String, String)>) {
    let folder = format!("packs/k8s/{version}");
    let spec = format!("version: {version}, role: kubernetes, manifests: [all.tpl.yaml]");
    files.push((format!("{folder}/pack.yaml"), format!("{HEAD}Pack\nmetadata: {{ name: k8s }}\nspec: {{ {spec} }}\n")));
    files.push((format!("{folder}/values.yaml"), "text: a\n".into()));
    let objects = [manifest("Deployment/api=${{ layer.version }} ${{ values.text }}"), manifest("ConfigMap/same=1")];
    files.push((format!("{folder}/all.tpl.yaml"), objects.join("---\n")));
}

/// Writes a layer: `web after cni, dns within 2m: Deployment/web=1 ConfigMap/shop=2`.
fn layer(line: &str, layers: &mut String, files: &mut Vec<(String, String)>) {
    let (head, objects) = line.split_once(':').expect("a layer has a colon");
    let (name, options) = head.split_once(' ').unwrap_or((head, ""));
    let manifests: Vec<String> = objects.split_whitespace().map(manifest).collect();
    let (mut pack, mut more) = (None, String::new());
    let mut words = options.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let mut next = || words.next().expect("the option has a value");
        let said = match word {
            "after" => format!("dependsOn: [{}]", next()),
            "within" => format!("health: {{ timeout: {} }}", next()),
            "was" => format!("renamedFrom: {}", next()),
            "pack" => {
                pack = Some(next());
                continue;
            }
            "remove-first" => "swap: remove-first".into(),
            "keep" => "onRemove: keep".into(),
            "paused" => "paused: true".into(),
            other => panic!("the option `{other}` is not known"),
        };
        writeln!(more, "      {said}").expect("a text takes all");
    }
    let text = manifests.join("---\n");
    let source = if let Some(pack) = pack {
        let folder = format!("packs/{pack}/1.0.0");
        let document = format!(
            "apiVersion: stratify.dev/v1alpha1\nkind: Pack\nmetadata: {{ name: {pack} }}\n\
             spec: {{ version: 1.0.0, manifests: [all.yaml] }}\n"
        );
        files.push((format!("{folder}/pack.yaml"), document));
        files.push((format!("{folder}/values.yaml"), "{}\n".into()));
        files.push((format!("{folder}/all.yaml"), text));
        format!("pack: {pack}@1.0.0")
    } else {
        files.push((format!("clusters/prod/eu-1/{name}/all.yaml"), text));
        format!("manifests: [{name}/*.yaml]")
    };
    write!(layers, "    - name: {name}\n      role: add-on\n      {source}\n{more}").expect("a text takes all");
}

/// Returns the manifest of `Kind/name=value`; `CustomResourceDefinition/gears.example.org` defines the kind `Gear`.
fn manifest(object: &str) -> String {
    let (id, value) = object.split_once('=').unwrap_or((object, "1"));
    let (kind, name) = id.split_once('/').expect("an object has a kind and a name");
    let version = match kind {
        "Deployment" | "DaemonSet" | "StatefulSet" => "apps/v1",
        "CustomResourceDefinition" => "apiextensions.k8s.io/v1",
        "Gear" | "Wheel" => "example.org/v1",
        _ => "v1",
    };
    let namespace = if matches!(kind, "Namespace" | "CustomResourceDefinition") { "" } else { ", namespace: shop" };
    let spec = match name.split_once('.') {
        Some((plural, group)) if kind == "CustomResourceDefinition" => {
            let (first, rest) = plural.trim_end_matches('s').split_at(1);
            let defined = first.to_uppercase() + rest;
            format!("spec: {{ group: {group}, scope: Namespaced, names: {{ kind: {defined}, plural: {plural} }} }}\n")
        }
        _ => String::new(),
    };
    format!(
        "apiVersion: {version}\nkind: {kind}\nmetadata: {{ name: \"{name}\"{namespace} }}\nvalue: \"{value}\"\n{spec}"
    )
}
