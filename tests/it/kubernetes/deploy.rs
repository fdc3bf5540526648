//! In: the manifests of `deploy/`, a real API server. Out: that it takes them, and that their rights are enough for a sync.
//! Guarantee: the program has those rights and no others.
use super::fleet::{Fleet, config_map};
use crate::testenv::{Options, Server, User};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Who the program is on the server.
const STRATIFY: User = User { name: "system:serviceaccount:stratify:stratify", groups: &[] };

/// Renders a kustomize base, and applies all of it.
async fn apply_base(server: &Server) {
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
    apply_base(&server).await;
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
