//! In: the programs of module `capi`. Out: a management server with Cluster API's managers, and clusters on it.
//! Guarantee: machines live in memory, nothing else is made; refuses to run where its webhook ports could be reached.
mod cluster;
mod managers;

pub(crate) use cluster::Shape;

use cluster::objects;

use super::on_a_runtime;
use super::process::Process;
use super::server::{Controllers, Options, Server};
use kube::api::DynamicObject;
use serde_json::{Value, json};
use std::fs;
use std::sync::OnceLock;

/// A management server.
pub(crate) struct ClusterApi {
    // The managers end before the server that they ask.
    _managers: Vec<Process>,
    server: Server,
}

impl ClusterApi {
    /// Returns the one that all tests of this binary share: each takes a namespace.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<ClusterApi> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a server with all four managers.
    pub(crate) fn start() -> Self {
        refuse_neighbours();
        let server = Server::start(Options { controllers: Controllers::All, ..Options::default() });
        on_a_runtime(|| managers::define(&server));
        let managers = managers::start(&server);
        Self { _managers: managers, server }
    }

    /// Returns the server.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Makes a cluster and waits until it is available.
    pub(crate) async fn bring_up(&self, namespace: &str, name: &str, shape: Shape) {
        for object in objects(namespace, name, shape) {
            self.server.apply(&object).await;
        }
        self.server
            .eventually(&format!("cluster {name} is available"), async || {
                self.cluster(namespace, name).await.is_some_and(|cluster| condition(&cluster, "Available"))
            })
            .await;
    }

    /// Returns a cluster as it stands now.
    pub(crate) async fn cluster(&self, namespace: &str, name: &str) -> Option<DynamicObject> {
        let cluster = json!({
            "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster",
            "metadata": { "name": name, "namespace": namespace },
        });
        self.server.try_find(&cluster).await
    }
}

/// Returns whether a condition is true.
pub(crate) fn condition(object: &DynamicObject, name: &str) -> bool {
    let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| condition["type"] == name && condition["status"] == "True")
}

/// The managers' webhook ports listen on every address, so there must be none but the loopback.
fn refuse_neighbours() {
    let text = fs::read_to_string("/proc/net/dev").expect("group capi needs Linux");
    // Two lines of headings, then a line for each interface.
    let names = text.lines().skip(2).filter_map(|line| line.split(':').next()).map(str::trim);
    let others: Vec<&str> = names.filter(|name| *name != "lo").collect();
    assert!(others.is_empty(), "run this by `tests/run capi`, in a network of its own: here are also {others:?}");
}
