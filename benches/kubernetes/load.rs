//! In: a server, a namespace, objects. Out: how fast it takes the same dry-runs and writes from who does nothing else.
//! Guarantee: the same client, field manager and number of requests at once as the program has.
use crate::fleet::{Fleet, connect_to};
use futures::StreamExt;
use serde_json::json;
use std::time::{Duration, Instant};
use stratify::client::kubernetes::{ApplyMode, ObjectPath, Server};
use stratify::decide::value::Value;

/// How many requests are under way at once, as in the program.
const CONCURRENT: usize = 8;

/// Connects as the program does.
pub(crate) async fn connect(fleet: &Fleet) -> Server {
    connect_to(&fleet.kubeconfig).await
}

/// Tries each object and then writes each; returns how long that took.
pub(crate) async fn pairs(fleet: &Fleet, namespace: &str, objects: usize, version: usize) -> Duration {
    let server = connect(fleet).await;
    let kinds = server.kinds().await.expect("the server answers");
    let kind = kinds.get("", "ConfigMap").expect("each server has it");
    let begin = Instant::now();
    for dry_run in [true, false] {
        let requests = (0..objects).map(|object| {
            let (server, path) = (&server, ObjectPath::object(kind, "v1", Some(namespace), &format!("c{object}")));
            async move {
                let manifest = manifest(namespace, object, version);
                server
                    .apply(&path, &manifest, ApplyMode { dry_run, force: false })
                    .await
                    .expect("an administrator may");
            }
        });
        futures::stream::iter(requests).buffered(CONCURRENT).collect::<Vec<()>>().await;
    }
    begin.elapsed()
}

/// As large as what the program sends.
fn manifest(namespace: &str, object: usize, version: usize) -> Value {
    let labels = json!({
        "stratify.dev/fleet": "load", "stratify.dev/cluster": "load", "stratify.dev/layer": "l0",
        "applyset.kubernetes.io/part-of": "applyset-0000000000000000000000000000000000000000000-v1",
    });
    let json = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": format!("c{object}"), "namespace": namespace, "labels": labels },
        "data": { "version": format!("v{version}"), "text": "0123456789abcdef".repeat(20) },
    });
    Value::from_json(json.to_string().as_bytes()).expect("it is JSON")
}
