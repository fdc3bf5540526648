//! In: commits of a fleet whose one cluster another one makes; a server that is both. Out: what a sync makes of each side.
//! Guarantee: no controller of Cluster API is there: the test writes the Secret that one would write.
use super::fleet::{config_map, read};
use crate::commands::fixture::{Checkout, Ran};
use crate::testenv::{Entry, Mark, Server, User};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Stdio;

const API: &str = "apiVersion: stratify.dev/v1alpha1";

/// A fleet with one cluster that a management server makes; its own server is the same one.
struct Managed {
    checkout: Checkout,
    name: String,
}

impl Managed {
    fn new(server: &Server, name: &str) -> Self {
        let fleet = Self { checkout: Checkout::empty(), name: name.to_owned() };
        let write = |path: &str, text: String| fleet.checkout.write(path, &text);
        let policy = "spec: { policies: { deletion: { maxPercent: 100 }, disruption: { approvalFor: [] } } }";
        write("fleet.yaml", format!("{API}\nkind: Fleet\nmetadata: {{ name: {name} }}\n{policy}\n"));
        write(
            "environments/dev/environment.yaml",
            format!(
                "{API}\nkind: Environment\nmetadata: {{ name: dev }}\nspec: {{ profiles: [ {{ name: base }} ] }}\n"
            ),
        );
        write(
            &fleet.cluster(),
            format!(
                "{API}\nkind: Cluster\nmetadata: {{ name: {name} }}\nspec:\n  cloud: any\n  \
                 management: {{ target: mgmt, namespace: {name}-machines }}\n"
            ),
        );
        let layer = |name: &str, more: &str| {
            format!("    - {{ name: {name}, role: {name}, manifests: ['{name}/*.yaml']{more} }}\n")
        };
        let own = format!(", namespace: {name}");
        let layers = layer("os", "") + &layer("kubernetes", "") + &layer("network", &own) + &layer("storage", &own);
        write(
            "profiles/base/profile.yaml",
            format!(
                "{API}\nkind: Profile\nmetadata: {{ name: base }}\nspec:\n  version: 1.0.0\n  type: infrastructure\n  layers:\n{layers}"
            ),
        );
        for layer in ["os", "kubernetes", "network", "storage"] {
            fleet.config_map(layer, "1");
        }
        let folder = fleet.folder();
        fs::create_dir_all(&folder).expect("the scratch folder is ours");
        fs::write(folder.join("kubeconfig"), server.kubeconfig(User::ADMIN)).expect("the scratch folder is ours");
        let text = format!(
            "repository: {{ url: 'file://{}' }}\nstate: state\n\
             targets: [ {{ name: mgmt, kubeconfig: kubeconfig, stability: 0s }} ]\n",
            fleet.checkout.root().display()
        );
        fs::write(folder.join("stratify.yaml"), text).expect("the scratch folder is ours");
        fleet
    }

    fn cluster(&self) -> String {
        format!("clusters/dev/{}/cluster.yaml", self.name)
    }

    fn config_map(&self, layer: &str, value: &str) {
        let text =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {layer} }}\ndata: {{ key: '{value}' }}\n");
        self.checkout.write(&format!("profiles/base/{layer}/map.yaml"), &text);
    }

    fn folder(&self) -> std::path::PathBuf {
        self.checkout.root().parent().unwrap_or(Path::new("/")).join("operator")
    }

    fn machines(&self) -> String {
        format!("{}-machines", self.name)
    }

    fn run(&self, args: &[&str]) -> Ran {
        let settings = self.folder().join("stratify.yaml").display().to_string();
        self.checkout.run(&[args, &["--settings", &settings]].concat())
    }

    fn sync(&self, message: &str) -> Ran {
        self.checkout.commit(message);
        self.run(&["sync"])
    }

    /// Syncs while the cluster is born: its kubeconfig comes once its machines are wanted.
    async fn sync_with_birth(&self, server: &Server) -> Ran {
        self.checkout.commit("the fleet");
        let settings = self.folder().join("stratify.yaml").display().to_string();
        let mut command = self.checkout.command(&["sync", "--settings", &settings]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program was built");
        let machines = self.machines();
        server
            .eventually("its machines are wanted", async || config_map(server, &machines, "kubernetes").await.is_some())
            .await;
        assert_eq!(config_map(server, &self.name, "network").await, None, "there is no cluster that could have it");
        self.kubeconfig(server, User::ADMIN).await;
        Ran::of(child.wait_with_output().expect("it ends"))
    }

    /// Writes the Secret that Cluster API would write.
    async fn kubeconfig(&self, server: &Server, user: User<'_>) {
        self.write_kubeconfig(server, &server.kubeconfig(user)).await;
    }

    async fn write_kubeconfig(&self, server: &Server, kubeconfig: &str) {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": format!("{}-kubeconfig", self.name), "namespace": self.machines() },
            "data": { "value": STANDARD.encode(kubeconfig) },
        });
        server.apply(&secret).await;
    }

    /// Returns what its targets tell.
    fn status(&self) -> serde_json::Value {
        let settings = self.folder().join("stratify.yaml").display().to_string();
        let (code, answer) = self.checkout.json(&["status", "--settings", &settings]);
        assert_eq!(code, Some(0), "{answer}");
        answer["live"][0].clone()
    }

    /// Has Grace approve what waits.
    fn approve(&self) {
        let settings = self.folder().join("stratify.yaml").display().to_string();
        let (_, plan) = self.checkout.json(&["plan", "--settings", &settings]);
        let id = plan["data"]["plans"][0]["change"].as_str().or(plan["plans"][0]["change"].as_str());
        let id = id.unwrap_or_else(|| panic!("the plan has an id: {plan}"));
        let text = format!("{API}\nkind: Approval\nspec: {{ reason: 'it is to go' }}\n");
        self.checkout.write(&format!("approvals/{id}.yaml"), &text);
        self.checkout.git(&["add", "--all"]);
        self.checkout.git_as("Grace", &["commit", "--quiet", "-m", "approve"]);
    }
}

/// Returns what the program wrote since a mark that concerns a fleet: users, verbs and paths.
fn writes(server: &Server, mark: Mark, fleet: &str) -> Vec<(String, String)> {
    let is_ours =
        |entry: &Entry| entry.user_agent.starts_with("stratify/") && entry.is_write() && entry.uri.contains(fleet);
    let entries = server.audit().since(mark, is_ours);
    entries.into_iter().map(|entry| (entry.user.clone(), format!("{} {}", entry.verb, entry.uri))).collect()
}

async fn secret(server: &Server, name: &str) -> Option<serde_json::Value> {
    read(server, &format!("/api/v1/namespaces/stratify-system/secrets/{name}")).await
}

#[tokio::test]
async fn a_cluster_is_born_within_a_sync_and_its_layers_follow_its_kubeconfig() {
    let server = Server::shared();
    let fleet = Managed::new(server, "birth");
    fleet.sync_with_birth(server).await.ends_with(0).says(&["birth: synced"]);
    for (namespace, name) in [("birth-machines", "os"), ("birth", "network"), ("birth", "storage")] {
        assert!(config_map(server, namespace, name).await.is_some(), "{name} is in {namespace}");
    }
    let record = secret(server, "record.birth.birth").await.expect("the record is kept where the cluster is made");
    assert_eq!(record["metadata"]["labels"]["stratify.dev/book"], "hosted", "beside those of other clusters");
    assert!(secret(server, "layer.birth.birth.os").await.is_some(), "with the books of the layers that make it");
    assert!(secret(server, "layer.birth.network").await.is_some(), "its own server keeps those of its own layers");
    assert_eq!(secret(server, "record.birth").await, None, "there is one record");

    let row = fleet.status();
    assert_eq!((&row["synced"], &row["wanted"], &row["health"]), (&json!(4), &json!(4), &json!("healthy")), "{row}");
    let layers = row["layers"].as_array().expect("it lists them").iter();
    let sites: Vec<_> = layers.map(|layer| (layer["layer"].clone(), layer["site"].clone())).collect();
    for (layer, site) in [("os", "management"), ("network", "workload")] {
        assert!(sites.contains(&(json!(layer), json!(site))), "both servers are asked: {sites:?}");
    }

    let mark = server.audit().mark();
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(writes(server, mark, "birth"), Vec::new(), "nothing changed");

    fleet.kubeconfig(server, User { name: "rotated", groups: &["system:masters"] }).await;
    fleet.config_map("network", "2");
    fleet.config_map("os", "2");
    let mark = server.audit().mark();
    fleet.sync("both sides change").ends_with(0);
    let writes = writes(server, mark, "birth");
    let by = |part: &str| -> Vec<&str> {
        writes.iter().filter(|(_, what)| what.contains(part)).map(|(user, _)| user.as_str()).collect()
    };
    assert_eq!(by("configmaps/network"), ["rotated"], "the kubeconfig is read anew: {writes:#?}");
    assert_eq!(by("configmaps/os"), ["admin"], "the other side has its own credentials: {writes:#?}");
}

#[tokio::test]
async fn what_is_not_born_yet_is_told_and_the_next_sync_goes_on() {
    let server = Server::shared();
    let fleet = Managed::new(server, "unborn");
    fleet.sync("the fleet").ends_with(1).says(&["the server of unborn is not there yet"]);
    assert!(config_map(server, "unborn-machines", "kubernetes").await.is_some(), "what makes it is there");
    let row = fleet.status();
    assert_eq!((&row["commit"], &row["synced"]), (&json!(null), &json!(2)), "what makes it is told: {row}");
    assert_eq!(row["applying"], json!(fleet.checkout.head()), "it is on its way");
    fleet.kubeconfig(server, User::ADMIN).await;
    fleet.run(&["sync"]).ends_with(0);
    assert!(config_map(server, "unborn", "storage").await.is_some(), "and all the rest, later");
}

#[tokio::test]
async fn what_makes_a_cluster_is_mended_while_its_own_server_is_out_of_reach() {
    let server = Server::shared();
    let fleet = Managed::new(server, "mending");
    fleet.sync_with_birth(server).await.ends_with(0);
    let dead = server.kubeconfig(User::ADMIN).replace(&server.url(), "https://127.0.0.1:1");
    fleet.write_kubeconfig(server, &dead).await;
    let mark = server.audit().mark();
    fleet.config_map("network", "2");
    fleet.sync("the network changes").ends_with(1).says(&["the server cannot be reached"]);
    assert_eq!(writes(server, mark, "mending"), Vec::new(), "nothing can be done, and nothing is noted");
    fleet.config_map("os", "2");
    fleet.sync("its machines change, too").ends_with(1).says(&["and 1 more of layer network could not be tried"]);
    let map = config_map(server, "mending-machines", "os").await.expect("it is there");
    assert_eq!(map["data"]["key"], "2", "what makes it is as the commit says");
    fleet.kubeconfig(server, User::ADMIN).await;
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(
        config_map(server, "mending", "network").await.expect("it is there")["data"]["key"],
        "2",
        "and the rest"
    );
}

#[tokio::test]
async fn a_cluster_that_nobody_describes_is_released_where_its_record_is() {
    let server = Server::shared();
    let fleet = Managed::new(server, "released");
    fleet.sync_with_birth(server).await.ends_with(0);
    let before = secret(server, "record.released.released").await.expect("it was written");
    fs::remove_file(fleet.checkout.path(&fleet.cluster())).expect("it is there");
    let mark = server.audit().mark();
    fleet.sync("nobody describes it").ends_with(0).says(&["released: no document describes it any longer"]);
    let record = secret(server, "record.released.released").await.expect("it stays");
    assert_ne!(record["data"], before["data"], "it says so");
    let writes = writes(server, mark, "released");
    assert_eq!(writes.len(), 1, "nothing but the record is written: {writes:#?}");
    assert!(config_map(server, "released-machines", "os").await.is_some(), "what makes it stays");
    assert!(config_map(server, "released", "network").await.is_some(), "and what is on it");
}

#[tokio::test]
async fn a_cluster_that_is_to_go_goes_from_its_last_layer_to_its_first() {
    let server = Server::shared();
    let fleet = Managed::new(server, "ending");
    fleet.sync_with_birth(server).await.ends_with(0);
    fleet.checkout.edit(&fleet.cluster(), "  cloud: any\n", "  cloud: any\n  lifecycle: delete\n");
    fleet.sync("it is to go").ends_with(1).says(&["waits for approval: deletion of all layers of the cluster"]);
    assert!(config_map(server, "ending", "storage").await.is_some(), "nobody has approved it");
    fleet.approve();
    let mark = server.audit().mark();
    fleet.run(&["sync"]).ends_with(0);
    let writes = writes(server, mark, "ending");
    let deleted: Vec<&str> = writes
        .iter()
        .filter(|(_, what)| what.starts_with("delete") && what.contains("/configmaps/"))
        .filter_map(|(_, what)| what.rsplit('/').next()?.split('?').next())
        .collect();
    assert_eq!(deleted, ["storage", "network", "kubernetes", "os"], "in reverse: {writes:#?}");
    assert_eq!(secret(server, "layer.ending.ending.os").await, None, "nothing is listed any more");
    assert!(secret(server, "record.ending.ending").await.is_some(), "but what became of it");

    fleet.checkout.edit(&fleet.cluster(), "lifecycle: delete", "lifecycle: active");
    fleet.sync("it comes back").ends_with(0).says(&["ending: synced"]);
    let namespace = read(server, "/api/v1/namespaces/ending-machines").await.expect("it was never deleted");
    assert_eq!(namespace["metadata"]["labels"]["stratify.dev/cluster"], "ending", "it is used as it was there");
}
