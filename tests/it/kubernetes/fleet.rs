//! In: a real API server, the files of a fleet. Out: a repository with them, and the program synced to that server.
//! Guarantee: fleet and namespace are the test's own, so that tests share a server; the program runs as its users run it.
use crate::commands::fixture::{Checkout, Ran};
use crate::testenv::{Entry, Mark, Server, User};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// With a handful of objects, each deletion would need an approval.
const POLICY: &str = "spec: { policies: { deletion: { maxPercent: 100 } } }\n";

/// A fleet with one cluster, which is the server.
pub(crate) struct Fleet {
    pub(crate) checkout: Checkout,
    pub(crate) name: String,
    kubeconfig: String,
}

impl Fleet {
    /// Returns a fleet whose one layer holds two `ConfigMap`s.
    pub(crate) fn new(server: &Server, name: &str) -> Self {
        Self::at(name, server.kubeconfig(User::ADMIN))
    }

    /// Returns the same with another way to the server.
    pub(crate) fn at(name: &str, kubeconfig: String) -> Self {
        let fleet = Self { checkout: Checkout::empty(), name: name.to_owned(), kubeconfig };
        let api = "apiVersion: stratify.dev/v1alpha1";
        fleet.write("fleet.yaml", &format!("{api}\nkind: Fleet\nmetadata: {{ name: {name} }}\n{POLICY}"));
        let environment = format!(
            "{api}\nkind: Environment\nmetadata: {{ name: dev }}\nspec: {{ profiles: [ {{ name: apps }} ] }}\n"
        );
        fleet.write("environments/dev/environment.yaml", &environment);
        let cluster = format!(
            "{api}\nkind: Cluster\nmetadata: {{ name: {name} }}\n\
             spec: {{ cloud: kind, imported: true, kubernetesVersion: 1.37.2 }}\n"
        );
        fleet.write(&format!("clusters/dev/{name}/cluster.yaml"), &cluster);
        fleet.layers(&["config"]);
        fleet.config_map("config", "a", "1");
        fleet.config_map("config", "b", "1");
        fleet.settings("");
        fleet
    }

    /// Returns the same fleet with another way to the server.
    pub(crate) fn reached_by(mut self, kubeconfig: String) -> Self {
        self.kubeconfig = kubeconfig;
        self.settings("");
        self
    }

    /// Writes the profile with these layers, each after the one before it.
    pub(crate) fn layers(&self, layers: &[&str]) {
        let mut text = "apiVersion: stratify.dev/v1alpha1\nkind: Profile\nmetadata: { name: apps }\n\
                        spec:\n  version: 1.0.0\n  type: add-on\n  layers:\n"
            .to_owned();
        for (at, layer) in layers.iter().enumerate() {
            let before = at.checked_sub(1).map(|at| layers[at]).unwrap_or_default();
            let name = &self.name;
            writeln!(
                text,
                "    - {{ name: {layer}, manifests: ['{layer}/*.yaml'], namespace: {name}, dependsOn: [{before}] }}"
            )
            .expect("a text takes all");
        }
        self.write("profiles/apps/profile.yaml", &text);
    }

    /// Writes the profile with its one layer, and further fields of it.
    pub(crate) fn layer_option(&self, fields: &str) {
        self.layers(&["config"]);
        self.checkout.edit("profiles/apps/profile.yaml", "dependsOn: []", fields);
    }

    /// Writes the manifest of a `ConfigMap` with one entry.
    pub(crate) fn config_map(&self, layer: &str, name: &str, value: &str) {
        self.manifest(
            layer,
            name,
            &format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ key: '{value}' }}\n"),
        );
    }

    /// Writes a manifest of a layer.
    pub(crate) fn manifest(&self, layer: &str, name: &str, text: &str) {
        self.write(&format!("profiles/apps/{layer}/{name}.yaml"), text);
    }

    /// Removes a manifest of a layer.
    pub(crate) fn remove(&self, layer: &str, name: &str) {
        fs::remove_file(self.checkout.path(&format!("profiles/apps/{layer}/{name}.yaml"))).expect("it is there");
    }

    fn write(&self, path: &str, text: &str) {
        self.checkout.write(path, text);
    }

    /// Writes the settings; `more` are further fields of the target.
    pub(crate) fn settings(&self, more: &str) {
        self.settings_of("", more);
    }

    /// Writes the settings, with further fields of the repository and of the target.
    pub(crate) fn settings_of(&self, repository: &str, more: &str) {
        let folder = self.folder();
        fs::create_dir_all(&folder).expect("the scratch folder is ours");
        fs::write(folder.join("kubeconfig"), &self.kubeconfig).expect("the scratch folder is ours");
        let text = format!(
            "repository: {{ url: 'file://{}'{repository} }}\nstate: state\n\
             targets: [ {{ name: {}, kubeconfig: kubeconfig, stability: 0s{more} }} ]\n",
            self.checkout.root().display(),
            self.name
        );
        fs::write(folder.join("stratify.yaml"), text).expect("the scratch folder is ours");
    }

    /// Returns the folder of the settings and the state.
    pub(crate) fn folder(&self) -> std::path::PathBuf {
        self.checkout.root().parent().unwrap_or(Path::new("/")).join("operator")
    }

    /// Commits all there is, and syncs.
    pub(crate) fn sync(&self, message: &str) -> Ran {
        self.checkout.commit(message);
        self.run(&["sync"])
    }

    /// Runs the program with the settings.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let settings = self.folder().join("stratify.yaml").display().to_string();
        self.checkout.run(&[args, &["--settings", &settings]].concat())
    }
}

/// Reads a path of a server as JSON.
pub(crate) async fn read(server: &Server, path: &str) -> Option<Value> {
    let request = http::Request::get(path).body(Vec::new()).expect("it is a request");
    let answer = server.client().await.request_text(request).await;
    answer.ok().map(|text| serde_json::from_str(&text).expect("servers speak JSON"))
}

/// Reads a `ConfigMap`.
pub(crate) async fn config_map(server: &Server, namespace: &str, name: &str) -> Option<Value> {
    read(server, &format!("/api/v1/namespaces/{namespace}/configmaps/{name}")).await
}

/// Asks a server as an administrator; an error where it refuses.
pub(crate) async fn ask(server: &Server, method: &str, path: &str, body: &Value) -> Result<String, kube::Error> {
    let kind = match method {
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    };
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request = http::Request::builder().method(method).uri(path).header("content-type", kind);
    server.client().await.request_text(request.body(body).expect("it is a request")).await
}

/// Returns the writes that the server did for the program since a mark, of one fleet: `verb uri`.
pub(crate) fn written(server: &Server, mark: Mark, fleet: &str) -> Vec<String> {
    let is_done = |entry: &Entry| {
        entry.user_agent.starts_with("stratify/")
            && entry.is_write()
            && (entry.uri.contains(&format!("/namespaces/{fleet}")) || entry.uri.contains(&format!(".{fleet}")))
    };
    let done = server.audit().since(mark, is_done).into_iter().filter(|entry| entry.code < 300);
    done.map(|entry| format!("{} {}", entry.verb, entry.uri)).collect()
}
