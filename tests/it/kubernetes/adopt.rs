//! In: objects as kubectl, Helm, Flux and Argo CD leave them on a real API server. Out: what `adopt` and `release` say, and
//! what the next sync makes of the objects.
//! Guarantee: kubectl and Helm are the real programs; of Flux and Argo CD there are the managers and marks that they write.
use super::fleet::{Fleet, config_map, read};
use crate::commands::fixture::Ran;
use crate::testenv::{Server, User, program};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A fleet whose one layer is a `ConfigMap` c of which somebody has another form already.
struct Taken {
    server: &'static Server,
    fleet: Fleet,
}

impl Taken {
    fn new(name: &str) -> Self {
        let server = Server::shared();
        let fleet = Fleet::new(server, name);
        for map in ["a", "b"] {
            fleet.remove("config", map);
        }
        fleet.config_map("config", "c", "1");
        fleet.checkout.becomes("Grace");
        fleet.checkout.commit("the fleet");
        Self { server, fleet }
    }

    fn name(&self) -> &str {
        &self.fleet.name
    }

    /// What is there already: one field as the layer says it, one otherwise, one that it does not say.
    fn theirs(&self) -> Value {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c", "namespace": self.name() },
            "data": { "key": "9", "old": "1" },
        })
    }

    async fn namespace(&self) {
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": self.name() } });
        self.server.apply(&namespace).await;
    }

    /// Runs a real program as an administrator of the server.
    fn tool(&self, module: &str, name: &str, args: &[&str]) {
        let mut command = Command::new(program(module, name));
        command.args(args).env("KUBECONFIG", self.server.kubeconfig_file(User::ADMIN)).stdin(Stdio::null());
        command.env("HOME", self.fleet.folder());
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{name} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn file(&self, text: &Value) -> PathBuf {
        let file = self.fleet.folder().join("theirs.json");
        fs::write(&file, text.to_string()).expect("the folder is ours");
        file
    }

    /// Writes the object as a controller does.
    async fn applied_by(&self, manager: &str, object: &Value) {
        let path = format!("/api/v1/namespaces/{}/configmaps/c?fieldManager={manager}&force=true", self.name());
        let request = http::Request::patch(path).header("content-type", "application/apply-patch+yaml");
        let request = request.body(object.to_string().into_bytes()).expect("it is a request");
        self.server.client().await.request_text(request).await.expect("an administrator may");
    }

    async fn live(&self) -> Value {
        config_map(self.server, self.name(), "c").await.expect("it is there")
    }

    /// Adopts by the command, and asserts that nothing was lost on the way.
    async fn adopted(&self, from: &str, said: &[&str]) {
        let before = self.live().await;
        self.fleet.run(&["sync"]).ends_with(1).says(&["it is there already and not ours"]);
        let head = self.fleet.checkout.head();
        self.adopt(&["--dry-run"]).says(said).says(&["nothing is committed"]);
        assert_eq!(self.fleet.checkout.head(), head, "a dry run commits nothing");
        let entry = format!("would say `adopt: [{from}]`");
        self.adopt(&["--dry-run", "--from", from]).says(&[&entry]);
        self.adopt(&["--from", "nobody"]).ends_with(1).says(&["nothing of layer config is of nobody"]);
        self.adopt(&["--reason", "one writer"]).ends_with(0).says(&["committed: "]);
        let shown = self.fleet.checkout.git(&["show", "--format=%an: %B", "HEAD"]);
        assert!(shown.contains(&format!("of {} adopts from {from}\n\none writer", self.name())), "{shown}");
        assert!(shown.contains(&format!("layers: [ {{ name: config, adopt: [{from}] }} ]")), "{shown}");
        self.fleet.run(&["sync"]).ends_with(0);
        let after = self.live().await;
        assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"], "it is the same object");
        assert_eq!(after["data"], json!({ "key": "1" }), "it is as the layer says, and nothing else is left");
        let managers = after["metadata"]["managedFields"].as_array().expect("servers keep them").clone();
        let managers: Vec<Value> = managers.into_iter().map(|entry| entry["manager"].clone()).collect();
        assert_eq!(managers, [json!("stratify")], "nobody else has anything of it");
        self.adopt(&[]).ends_with(0).says(&["there is nothing to adopt"]);
        self.fleet.run(&["plan"]).ends_with(0);
    }

    fn adopt(&self, more: &[&str]) -> Ran {
        self.fleet.run(&[&["adopt", self.name(), "config"], more].concat())
    }
}

#[tokio::test]
async fn what_kubectl_applied_from_the_clients_side_is_adopted() {
    let taken = Taken::new("hands-client");
    taken.namespace().await;
    taken.tool("kubernetes", "kubectl", &["apply", "--filename", &taken.file(&taken.theirs()).display().to_string()]);
    let said = [
        "hands-client, layer config: 1 object from kubectl to `stratify`",
        "written by `kubectl-client-side-apply`",
        "- .data.old: the layer does not say it, so it goes",
        "~ .data.key: the layer says otherwise",
        "files that are applied by kubectl keeps 1 object by kubectl-client-side-apply, kubectl.kubernetes.io/last-applied",
    ];
    taken.adopted("kubectl", &said).await;
    assert!(!taken.live().await.to_string().contains("last-applied"), "its annotation went with it");
}

#[tokio::test]
async fn what_kubectl_applied_on_the_server_is_adopted() {
    let taken = Taken::new("hands-server");
    taken.namespace().await;
    let file = taken.file(&taken.theirs()).display().to_string();
    taken.tool("kubernetes", "kubectl", &["apply", "--server-side", "--filename", &file]);
    taken.adopted("kubectl", &["2 fields applied by `kubectl`", "~ .data.key"]).await;
}

#[tokio::test]
async fn what_a_release_of_helm_holds_is_adopted_and_its_secret_is_named() {
    let taken = Taken::new("hands-helm");
    let chart = taken.fleet.folder().join("chart");
    fs::create_dir_all(chart.join("templates")).expect("the folder is ours");
    fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: shop\nversion: 1.0.0\n").expect("the folder is ours");
    let mut theirs = taken.theirs();
    theirs["metadata"]["labels"] = json!({ "app.kubernetes.io/managed-by": "Helm" });
    fs::write(chart.join("templates/c.yaml"), theirs.to_string()).expect("the folder is ours");
    let chart = chart.display().to_string();
    taken.tool("helm", "helm", &["install", "shop", &chart, "--namespace", taken.name(), "--create-namespace"]);
    let said = [
        "by `helm`",
        "the Helm release hands-helm/shop keeps 1 object by app.kubernetes.io/managed-by: Helm, meta.helm.sh/release-name",
        "in sh.helm.release.v1.shop.v1",
        "upgrade the release by Helm no more",
        "kubectl --namespace hands-helm delete secret --selector owner=helm,name=shop",
    ];
    taken.adopted("helm", &said).await;
    let live = taken.live().await.to_string();
    assert!(!live.contains("Helm") && !live.contains("meta.helm.sh"), "its marks went with it: {live}");
    let secret = read(taken.server, "/api/v1/namespaces/hands-helm/secrets/sh.helm.release.v1.shop.v1").await;
    assert!(secret.is_some(), "what Helm keeps is its own");
}

#[tokio::test]
async fn what_flux_and_argo_keep_is_adopted_with_a_warning_of_what_to_stop() {
    let flux = Taken::new("hands-flux");
    flux.namespace().await;
    let mut theirs = flux.theirs();
    theirs["metadata"]["labels"] = json!({
        "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    });
    flux.applied_by("kustomize-controller", &theirs).await;
    let said = [
        "the Kustomization flux-system/apps of Flux keeps 1 object by kustomize.toolkit.fluxcd.io/name",
        "flux suspend kustomization apps --namespace flux-system",
    ];
    flux.adopted("flux", &said).await;
    let argo = Taken::new("hands-argo");
    argo.namespace().await;
    let mut theirs = argo.theirs();
    theirs["metadata"]["annotations"] = json!({ "argocd.argoproj.io/tracking-id": "shop:/ConfigMap:hands-argo/c" });
    argo.applied_by("argocd-controller", &theirs).await;
    let said = [
        "the Application shop of Argo CD keeps 1 object by argocd.argoproj.io/tracking-id",
        "argocd app set shop --sync-policy none",
    ];
    argo.adopted("argocd", &said).await;
    let (_, answer) = argo.fleet.checkout.json(&[
        "adopt",
        "hands-argo",
        "config",
        "--dry-run",
        "--settings",
        &format!("{}/stratify.yaml", argo.fleet.folder().display()),
    ]);
    assert_eq!((&answer["objects"], &answer["commit"]), (&json!([]), &Value::Null), "programs read the same: {answer}");
}

#[tokio::test]
async fn what_is_let_go_of_stays_as_it_is_and_is_nobodys() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "lets-go");
    fleet.layers(&["config", "extra"]);
    fleet.config_map("extra", "e", "1");
    fleet.checkout.becomes("Grace");
    fleet.sync("the fleet").ends_with(0);
    let said = [
        "layer extra of lets-go: 1 object stays as it is, and is ours no longer",
        "· ConfigMap lets-go/e of layer extra",
    ];
    fleet.run(&["release", "lets-go", "extra", "--dry-run"]).ends_with(0).says(&said).says(&["nothing is committed"]);
    fleet.run(&["release", "lets-go", "extra"]).ends_with(0).says(&said).says(&["next: let it be synced; then"]);
    fleet.run(&["release", "lets-go", "extra"]).ends_with(1).says(&["was not synced since"]);
    fleet.run(&["sync"]).ends_with(0);
    fleet.run(&["release", "lets-go", "extra"]).ends_with(0).says(&["is taken out, its objects stay"]);
    fleet.run(&["sync"]).ends_with(0);
    let left = config_map(server, "lets-go", "e").await.expect("it stays");
    assert_eq!(
        (&left["data"], left["metadata"]["labels"].as_object()),
        (&json!({ "key": "1" }), None),
        "without marks"
    );
    let a = config_map(server, "lets-go", "a").await.expect("it is another layer's");
    fleet.run(&["release", "lets-go"]).ends_with(0).says(&["clusters/dev/lets-go/cluster.yaml is no more"]);
    assert_eq!(fleet.checkout.git(&["status", "--porcelain"]), "", "the work tree is as the commit");
    fleet.run(&["sync"]).ends_with(0).says(&["released: no document describes it any longer"]);
    assert_eq!(config_map(server, "lets-go", "a").await, Some(a), "nothing of it was touched");
}
