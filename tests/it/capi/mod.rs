//! In: a management server with Cluster API. Out: that clusters on it live as real ones do.
//! Guarantee: group `capi` of `tests/run`, in a network of its own; machines live in memory.
mod life;

use crate::testenv::{ClusterApi, Shape, condition};
use serde_json::json;

#[tokio::test]
async fn a_cluster_comes_up_with_its_machines_and_its_kubeconfig() {
    let capi = ClusterApi::shared();
    let namespace = capi.server().namespace("capi").await;
    let shape = Shape { control_planes: 1, workers: 2, version: "v1.36.3" };
    capi.bring_up(&namespace, "one", shape).await;
    let cluster = capi.cluster(&namespace, "one").await.expect("it was made");
    assert!(condition(&cluster, "ControlPlaneAvailable"), "{:?}", cluster.data["status"]);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "one-kubeconfig", "namespace": namespace },
    });
    let secret = capi.server().try_find(&secret).await.expect("the control plane writes it");
    assert!(secret.data["data"]["value"].is_string(), "it holds a kubeconfig");
}
