//! In: a name and a shape. Out: the objects of a cluster whose machines live in memory.
//! Guarantee: written out in full, since no webhook sets defaults; each part starts within a second.
use serde_json::{Value, json};

const CORE: &str = "cluster.x-k8s.io";
const BOOTSTRAP: &str = "bootstrap.cluster.x-k8s.io";
const CONTROL_PLANE: &str = "controlplane.cluster.x-k8s.io";
const INFRASTRUCTURE: &str = "infrastructure.cluster.x-k8s.io";

/// What a cluster has.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Machines of the control plane.
    pub(crate) control_planes: u32,
    /// Machines of the one pool.
    pub(crate) workers: u32,
    /// The Kubernetes release of both, as `v1.36.3`.
    pub(crate) version: &'static str,
}

/// Returns the objects of a cluster, in an order in which each finds those that it names.
pub(crate) fn objects(namespace: &str, name: &str, shape: Shape) -> Vec<Value> {
    let labels = json!({ "cluster.x-k8s.io/cluster-name": name });
    let object = |group: &str, kind: &str, name: &str, spec: Value| {
        json!({
            "apiVersion": format!("{group}/v1beta2"), "kind": kind,
            "metadata": { "name": name, "namespace": namespace, "labels": labels },
            "spec": spec,
        })
    };
    let (control_plane, workers) = (format!("{name}-control-plane"), format!("{name}-workers"));
    let template = |spec: Value| json!({ "template": { "spec": spec } });
    let mut infrastructure = object(INFRASTRUCTURE, "DevCluster", name, json!({ "backend": { "inMemory": {} } }));
    // Its controller writes annotations of its own, and panics where there is none yet.
    infrastructure["metadata"]["annotations"] = json!({ "example.org/owner": "tests" });
    vec![
        infrastructure,
        object(INFRASTRUCTURE, "DevMachineTemplate", &control_plane, template(machine())),
        object(INFRASTRUCTURE, "DevMachineTemplate", &workers, template(machine())),
        object(BOOTSTRAP, "KubeadmConfigTemplate", &workers, template(json!({ "joinConfiguration": joins() }))),
        object(CONTROL_PLANE, "KubeadmControlPlane", &control_plane, control_plane_spec(&control_plane, shape)),
        object(CORE, "MachineDeployment", &workers, workers_spec(name, &workers, shape)),
        object(CORE, "Cluster", name, cluster_spec(name, &control_plane)),
    ]
}

fn cluster_spec(name: &str, control_plane: &str) -> Value {
    json!({
        "clusterNetwork": {
            "pods": { "cidrBlocks": ["192.168.0.0/16"] },
            "services": { "cidrBlocks": ["10.128.0.0/12"] },
            "serviceDomain": "cluster.local",
        },
        "controlPlaneRef": reference(CONTROL_PLANE, "KubeadmControlPlane", control_plane),
        "infrastructureRef": reference(INFRASTRUCTURE, "DevCluster", name),
    })
}

fn control_plane_spec(name: &str, shape: Shape) -> Value {
    json!({
        "replicas": shape.control_planes,
        "version": shape.version,
        "rollout": { "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1 } } },
        "machineTemplate": { "spec": { "infrastructureRef": reference(INFRASTRUCTURE, "DevMachineTemplate", name) } },
        "kubeadmConfigSpec": {
            "clusterConfiguration": { "apiServer": { "certSANs": ["localhost", "127.0.0.1"] } },
            "initConfiguration": joins(),
            "joinConfiguration": joins(),
        },
    })
}

fn workers_spec(cluster: &str, name: &str, shape: Shape) -> Value {
    let labels = json!({ "cluster.x-k8s.io/cluster-name": cluster, "cluster.x-k8s.io/deployment-name": name });
    json!({
        "clusterName": cluster,
        "replicas": shape.workers,
        "selector": { "matchLabels": labels },
        "rollout": { "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } } },
        "template": {
            "metadata": { "labels": labels },
            "spec": {
                "clusterName": cluster,
                "version": shape.version,
                "bootstrap": { "configRef": reference(BOOTSTRAP, "KubeadmConfigTemplate", name) },
                "infrastructureRef": reference(INFRASTRUCTURE, "DevMachineTemplate", name),
            },
        },
    })
}

fn reference(group: &str, kind: &str, name: &str) -> Value {
    json!({ "apiGroup": group, "kind": kind, "name": name })
}

fn joins() -> Value {
    json!({ "nodeRegistration": { "criSocket": "unix:///var/run/containerd/containerd.sock" } })
}

/// A machine of which each part takes a second to start.
fn machine() -> Value {
    let part = json!({ "provisioning": { "startupDuration": "1s", "startupJitter": "0" } });
    json!({ "backend": { "inMemory": { "vm": part, "node": part, "apiServer": part, "etcd": part } } })
}
