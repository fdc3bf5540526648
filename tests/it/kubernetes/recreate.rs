//! In: changes of fields that no API server changes in place. Out: what is told of them, and what `recreate` does.
//! Guarantee: only what the table has, only where the layer says so, only once its successor was tried; one deletion each.
use super::fleet::{Fleet, read};
use crate::testenv::{Entry, Server};
use serde_json::Value;

/// Nothing runs the objects of this server.
const WELL: &str =
    "health: { expressions: [ { kind: Job, current: 'true' }, { kind: StatefulSet, current: 'true' } ] }";

const JOB: &str = "apiVersion: batch/v1
kind: Job
metadata: { name: j }
spec:
  template:
    spec: { restartPolicy: Never, containers: [ { name: j, image: 'registry.example/j:1' } ] }
";

const SERVICE: &str = "apiVersion: v1
kind: Service
metadata: { name: s }
spec: { clusterIP: 10.0.0.150, selector: { app: s }, ports: [ { port: 80 } ] }
";

const STATEFUL_SET: &str = "apiVersion: apps/v1
kind: StatefulSet
metadata: { name: d }
spec:
  serviceName: d
  replicas: 0
  selector: { matchLabels: { app: d } }
  template:
    metadata: { labels: { app: d } }
    spec: { containers: [ { name: d, image: 'registry.example/d:1' } ] }
  volumeClaimTemplates:
    - metadata: { name: data }
      spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
";

async fn live(server: &Server, path: &str) -> Value {
    read(server, path).await.expect("it is there")
}

#[tokio::test]
async fn what_cannot_change_is_told_with_its_field_and_made_anew_where_the_layer_says_so() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "anew");
    let (job, service) = ("/apis/batch/v1/namespaces/anew/jobs/j", "/api/v1/namespaces/anew/services/s");
    fleet.layer_option(WELL);
    fleet.manifest("config", "j", JOB);
    fleet.manifest("config", "s", SERVICE);
    fleet.sync("the fleet").ends_with(0);
    let before = (live(server, job).await, live(server, service).await);
    fleet.manifest("config", "j", &JOB.replace("j:1", "j:2"));
    fleet.manifest("config", "s", &SERVICE.replace("10.0.0.150", "10.0.0.151"));
    let said = [
        "Job j would be refused",
        "the field /spec/template/spec/containers/0/image of a Job cannot change while it is there",
        "the field /spec/clusterIP of a Service cannot change while it is there",
        "write `recreate: true` in the layer `config`",
    ];
    let mark = server.audit().mark();
    fleet.sync("others").ends_with(1).says(&said);
    assert_eq!(live(server, job).await["metadata"]["uid"], before.0["metadata"]["uid"], "it stays");
    // With approval, as any deletion beyond the budget.
    let budget = "deletion: { maxPercent: 100, maxObjects: 1 }";
    fleet.checkout.edit("fleet.yaml", "deletion: { maxPercent: 100 }", budget);
    fleet.layer_option(&format!("recreate: true, {WELL}"));
    let said = [
        "-/+ Job anew/j",
        "-/+ Service anew/s",
        "needs approval: 2 deletions, more than 1",
        "tried on the server: 2 admitted",
    ];
    fleet.checkout.commit("they may be made anew");
    fleet.run(&["plan"]).ends_with(2).says(&said);
    fleet.run(&["sync"]).says(&["2 deletions, more than 1"]);
    assert_eq!(live(server, job).await["metadata"]["uid"], before.0["metadata"]["uid"], "it waits");
    fleet.checkout.becomes("Grace");
    let settings = fleet.folder().join("stratify.yaml").display().to_string();
    let (_, answer) = fleet.checkout.json(&["plan", "--settings", &settings]);
    let id = answer["plans"][0]["change"].as_str().expect("it has an id").to_owned();
    fleet.run(&["approve", &id]).ends_with(0);
    fleet.run(&["sync"]).ends_with(0);
    let after = (live(server, job).await, live(server, service).await);
    let image = "/spec/template/spec/containers/0/image";
    assert_eq!(after.0.pointer(image).and_then(Value::as_str), Some("registry.example/j:2"), "as it is wanted");
    assert_eq!(after.1["spec"]["clusterIP"], "10.0.0.151", "as it is wanted");
    assert!(after.0["metadata"]["uid"] != before.0["metadata"]["uid"], "it is another one");
    let deleted = |entry: &Entry| {
        entry.user_agent.starts_with("stratify/") && entry.verb == "delete" && entry.uri.contains("/anew/")
    };
    assert_eq!(server.audit().since(mark, deleted).len(), 2, "each went once");
    let mark = server.audit().mark();
    fleet.run(&["sync"]).ends_with(0);
    let writes =
        |entry: &Entry| entry.user_agent.starts_with("stratify/") && entry.is_write() && entry.uri.contains("/anew/");
    assert!(server.audit().since(mark, writes).is_empty(), "it is done");
}

#[tokio::test]
async fn what_holds_data_and_what_its_successor_could_not_be_is_never_deleted() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "keeps");
    fleet.layer_option(&format!("recreate: true, {WELL}"));
    fleet.manifest("config", "d", STATEFUL_SET);
    fleet.manifest("config", "j", JOB);
    fleet.sync("the fleet").ends_with(0);
    let mark = server.audit().mark();
    fleet.manifest("config", "d", &STATEFUL_SET.replace("1Gi", "2Gi"));
    let said = ["of a StatefulSet cannot change while it is there", "a StatefulSet is never made anew"];
    fleet.sync("more storage").ends_with(1).says(&said);
    fleet.manifest("config", "d", STATEFUL_SET);
    fleet.manifest("config", "j", &JOB.replace("restartPolicy: Never", "restartPolicy: Always"));
    fleet.sync("no Job has that").ends_with(1).says(&["Job j would be refused", "restartPolicy"]);
    let deleted = |entry: &Entry| {
        entry.user_agent.starts_with("stratify/") && entry.verb == "delete" && entry.uri.contains("/keeps/")
    };
    assert!(server.audit().since(mark, deleted).is_empty(), "a refusal deletes nothing");
    assert!(read(server, "/apis/batch/v1/namespaces/keeps/jobs/j").await.is_some(), "it stays");
}
