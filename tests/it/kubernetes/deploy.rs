//! In: the manifests of `deploy/`, a real API server. Out: that it takes them, and that their rights are enough for a sync.
//! Guarantee: the program has those rights and no others.
use super::fleet::{Fleet, config_map};
use crate::commands::fixture::Checkout;
use crate::testenv::{Options, Server, User};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Who the program is on the server.
const STRATIFY: User = User { name: "system:serviceaccount:stratify:stratify", groups: &[] };

/// Renders a kustomize base, and applies all of it.
fn apply_base(server: &Server) {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/base");
    let kubectl = crate::testenv::program("kubernetes", "kubectl");
    let built = Command::new(&kubectl).arg("kustomize").arg(&base).stdin(Stdio::null()).output().expect("it runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let file = server.folder().join("base.yaml");
    fs::write(&file, &built.stdout).expect("the folder is ours");
    let applied = Command::new(kubectl)
        .args(["apply", "--server-side", "--filename"])
        .arg(file)
        .env("KUBECONFIG", server.kubeconfig_file(User::ADMIN))
        .output()
        .expect("it runs");
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
}

#[tokio::test]
async fn the_base_is_taken_and_its_rights_are_enough() {
    let server = Server::start(Options::default());
    apply_base(&server);
    let fleet = Fleet::at("eighth", server.kubeconfig(STRATIFY));
    fleet.sync("the fleet").ends_with(0);
    fleet.config_map("config", "a", "2");
    fleet.remove("config", "b");
    fleet.sync("a changes, b goes").ends_with(0);
    assert_eq!(config_map(&server, "eighth", "a").await.expect("it stays")["data"]["key"], "2");
    assert_eq!(config_map(&server, "eighth", "b").await, None::<Value>, "it is gone");
    fleet.manifest(
        "config",
        "role",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: { name: r }\nrules: []\n",
    );
    fleet.sync("a kind that it has no right to").ends_with(1).says(&["Role r would be refused", "cannot patch"]);
    assert_eq!(config_map(&server, "eighth", "a").await.expect("it stays")["data"], json!({ "key": "2" }));
}

/// Returns the objects of a text of YAML, each by what it is.
fn objects(text: &[u8]) -> BTreeMap<String, Value> {
    let text = std::str::from_utf8(text).expect("it is UTF-8");
    let documents: Vec<Value> = serde_yaml::from_multiple(text).expect("it is YAML");
    let by_name = |mut object: Value| {
        let word = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = format!("{} {}/{}", word("/kind"), word("/metadata/namespace"), word("/metadata/name"));
        // The settings count by what they say.
        if let Some(text) = object.pointer("/data/stratify.yaml").and_then(Value::as_str) {
            let said: Value = serde_yaml::from_str(text).expect("the settings are YAML");
            object["data"]["stratify.yaml"] = said;
        }
        (name, object)
    };
    documents.into_iter().filter(|document| !document.is_null()).map(by_name).collect()
}

fn built(mut command: Command) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn base() -> BTreeMap<String, Value> {
    let mut kubectl = Command::new(crate::testenv::program("kubernetes", "kubectl"));
    kubectl.arg("kustomize").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/base"));
    objects(&built(kubectl))
}

/// Asserts that these are the objects of the base.
fn is_base(found: &BTreeMap<String, Value>) {
    let base = base();
    assert_eq!(found.keys().collect::<Vec<_>>(), base.keys().collect::<Vec<_>>(), "the same objects");
    for (name, object) in found {
        assert_eq!(Some(object), base.get(name), "{name} is as in the base");
    }
}

fn helm(server: &Server, args: &[&str]) -> Vec<u8> {
    let mut helm = Command::new(crate::testenv::program("helm", "helm"));
    helm.args(args).env("KUBECONFIG", server.kubeconfig_file(User::ADMIN)).env("HOME", server.folder());
    built(helm)
}

#[tokio::test]
async fn the_chart_is_the_base_and_is_taken() {
    let server = Server::start(Options::default());
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/chart").display().to_string();
    let mut rendered = objects(&helm(
        &server,
        &["template", "stratify", &chart, "--namespace", "stratify", "--set", "createNamespace=true"],
    ));
    let books = rendered.get_mut("Namespace /stratify-system").expect("it has the namespace of the books");
    let kept = books["metadata"].as_object_mut().and_then(|metadata| metadata.remove("annotations"));
    assert_eq!(kept, Some(json!({ "helm.sh/resource-policy": "keep" })), "records outlive the release");
    is_base(&rendered);
    helm(
        &server,
        &["install", "stratify", &chart, "--namespace", "stratify", "--create-namespace", "--set", "image=x:1"],
    );
    let fleet = Fleet::at("charted", server.kubeconfig(STRATIFY));
    fleet.sync("the fleet").ends_with(0);
    assert!(config_map(&server, "charted", "a").await.is_some(), "its rights are enough");
    helm(&server, &["uninstall", "stratify", "--namespace", "stratify"]);
    let books = super::fleet::read(&server, "/api/v1/namespaces/stratify-system/secrets/record.charted").await;
    assert!(books.is_some(), "what was applied is known still");
}

#[tokio::test]
async fn what_install_prints_is_the_base_and_what_it_applies_is_enough() {
    let server = Server::start(Options::default());
    let here = Checkout::nowhere();
    fs::create_dir_all(here.root()).expect("the scratch folder is ours");
    let printed = here.run(&["install", "--print"]).ends_with(0);
    is_base(&objects(printed.out.as_bytes()));
    here.run(&["install"]).ends_with(1).says(&["which repository is watched"]);
    let kubeconfig = server.kubeconfig_file(User::ADMIN).display().to_string();
    let install = [
        "install",
        "--namespace",
        "ops",
        "--repository",
        "https://git.acme.example/fleet.git",
        "--image",
        "x:1",
        "--credentials",
        "token-of-git",
        "--target",
        "hub",
        "--target",
        "eu-1",
        "--kubeconfig",
        &kubeconfig,
    ];
    here.run(&install).ends_with(0).says(&["+ StatefulSet ops/stratify", "create secret generic token-of-git"]);
    here.run(&install).ends_with(0).says(&["= StatefulSet ops/stratify", "0 made anew"]);
    let map = config_map(&server, "ops", "stratify").await.expect("it was applied");
    let file = here.path("stratify.yaml");
    fs::write(&file, map["data"]["stratify.yaml"].as_str().expect("it is a text")).expect("the folder is ours");
    let said = fs::read_to_string(&file).expect("it is there");
    for line in ["tokenFile: /etc/stratify-git/token", "inCluster: true", "kubeconfig: /etc/stratify-targets/eu-1"] {
        assert!(said.contains(line), "the settings say {line}:\n{said}");
    }
    let user = User { name: "system:serviceaccount:ops:stratify", groups: &[] };
    Fleet::at("installed", server.kubeconfig(user)).sync("the fleet").ends_with(0);
}
