//! In: a running API server. Out: the controller manager, the scheduler and a node, which make its objects live.
//! Guarantee: returns when a pod could run: the node is ready and the controllers have begun.
use super::kubeconfig::User;
use super::on_a_runtime;
use super::port::Port;
use super::process::{Process, Start};
use super::programs::{folder, program};
use super::server::{MODULE, Server};
use super::wait::Patience;
use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use std::path::Path;

/// They are ready after 5 s on an idle machine; a loaded one may be many times as slow.
const START: Patience = Patience::seconds(180);

/// The node on which all pods run.
const NODE: &str = "testenv";

/// How long the node's lease holds: a kubelet's own default.
const LEASE_S: u32 = 40;

/// What becomes of nodes, pods and claims. Pods are ready at once, those of jobs are done at once; a pod with the label
/// `pod-container-running-failed.stage.kwok.x-k8s.io: "true"` fails after a second, one without a node stays pending.
const STAGES: &[&str] = &[
    "node/fast/node-initialize.yaml",
    "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "pod/chaos/pod-container-running-failed.yaml",
    "pod/fast/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
    "pod/fast/pod-ready.yaml",
    "volume/fast/pv-bind.yaml",
    "volume/fast/pv-delete.yaml",
    "volume/fast/pvc-delete.yaml",
    "volume/fast/pvc-provision.yaml",
];

/// Starts them all.
pub(super) fn start(server: &Server) -> Vec<Process> {
    let mut manager = start_manager(server);
    let scheduler = start_scheduler(server);
    let mut nodes = start_nodes(server);
    manager.ready(START, || on_a_runtime(|| has_account(server)));
    on_a_runtime(|| async {
        make_node(server).await;
        make_storage_class(server).await;
    });
    nodes.ready(START, || on_a_runtime(|| has_ready_node(server)));
    vec![manager, scheduler, nodes]
}

fn start_manager(server: &Server) -> Process {
    let authority = server.authority().identity();
    let (certificate, key) = (path(&authority.certificate), path(&authority.key));
    let user = User { name: "system:kube-controller-manager", groups: &[] };
    let mut arguments = component(server, user);
    arguments.extend([
        "--use-service-account-credentials=true".to_owned(),
        "--allocate-node-cidrs=false".to_owned(),
        format!("--service-account-private-key-file={key}"),
        format!("--root-ca-file={certificate}"),
        format!("--cluster-signing-cert-file={certificate}"),
        format!("--cluster-signing-key-file={key}"),
    ]);
    run(server, "kube-controller-manager", arguments)
}

fn start_scheduler(server: &Server) -> Process {
    let user = User { name: "system:kube-scheduler", groups: &[] };
    run(server, "kube-scheduler", component(server, user))
}

/// What the manager and the scheduler have in common.
fn component(server: &Server, user: User) -> Vec<String> {
    let kubeconfig = path(&server.kubeconfig_file(user));
    let port = server.hold(Port::free());
    vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--leader-elect=false".to_owned(),
    ]
}

fn start_nodes(server: &Server) -> Process {
    let port = server.hold(Port::free());
    let stages = folder(MODULE, "stages");
    let stages = STAGES.iter().map(|stage| format!("--config={}", path(&stages.join(stage))));
    let own = [
        format!("--kubeconfig={}", path(&server.kubeconfig_file(User::ADMIN))),
        format!("--server-address=127.0.0.1:{port}"),
        format!("--node-lease-duration-seconds={LEASE_S}"),
        "--manage-all-nodes=true".to_owned(),
        "--node-ip=127.0.0.1".to_owned(),
    ];
    let arguments = own.into_iter().chain(stages).collect();
    run(server, "kwok", arguments)
}

fn run(server: &Server, name: &str, arguments: Vec<String>) -> Process {
    Process::start(&Start {
        program: program(MODULE, name),
        arguments,
        // No configuration of the user's reaches them.
        environment: vec![("HOME", path(server.folder()))],
        logs: server.folder(),
        removed: None,
    })
}

async fn has_account(server: &Server) -> bool {
    let accounts: Api<ServiceAccount> = Api::namespaced(server.client().await, "default");
    accounts.get("default").await.is_ok()
}

async fn make_node(server: &Server) {
    let size = json!({ "cpu": "64", "memory": "256Gi", "pods": "1000" });
    let node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": NODE, "labels": { "kubernetes.io/hostname": NODE } },
        "status": { "allocatable": size, "capacity": size },
    });
    let node: Node = serde_json::from_value(node).expect("it is a node");
    let nodes: Api<Node> = Api::all(server.client().await);
    nodes.create(&PostParams::default(), &node).await.expect("an administrator may");
}

/// Makes the class from which claims get their volumes.
async fn make_storage_class(server: &Server) {
    let class = json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "kwok-volume",
            "annotations": { "storageclass.kubernetes.io/is-default-class": "true" },
        },
        "provisioner": "kwok.x-k8s.io/volume",
    });
    let class: StorageClass = serde_json::from_value(class).expect("it is a class");
    let classes: Api<StorageClass> = Api::all(server.client().await);
    classes.create(&PostParams::default(), &class).await.expect("an administrator may");
}

async fn has_ready_node(server: &Server) -> bool {
    let nodes: Api<Node> = Api::all(server.client().await);
    let status = nodes.get(NODE).await.ok().and_then(|node| node.status);
    let conditions = status.and_then(|status| status.conditions).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
