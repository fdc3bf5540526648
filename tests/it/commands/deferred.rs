//! In: the example fleet with an object of a kind that a later layer defines. Out: what its plan says and a sync leaves.
//! Guarantee: the real program on a real repository, into folders.
use super::fixture::Checkout;
use serde_json::json;

const MONITOR: &str = "clusters/dev/dev-1/monitor.yaml";
const FILE: &str = "csi/kube-system/ServiceMonitor.monitoring.coreos.com_csi.yaml";

#[test]
fn an_object_of_a_later_kind_waits_and_its_layer_keeps_both_parts() {
    let fleet = Checkout::synced();
    let monitor = "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\n\
                   metadata: { name: csi, namespace: kube-system }\nspec: { selector: {}, endpoints: [ { port: metrics } ] }\n";
    fleet.write(MONITOR, monitor);
    fleet.edit("clusters/dev/dev-1/cluster.yaml", "- name: csi\n", "- name: csi\n      attached: [monitor*.yaml]\n");
    fleet.commit("the storage is watched");
    let said = "+ ServiceMonitor kube-system/csi deferred until prometheus has its definition";
    let plan = ["plan", "--cluster", "dev-1"];
    fleet.run(&plan).ends_with(2).says(&[said]);
    let (_, answer) = fleet.json(&plan);
    let layers = answer["plans"][0]["layers"].as_array().expect("a plan has layers");
    let objects = layers.iter().flat_map(|layer| layer["objects"].as_array().into_iter().flatten());
    let deferred: Vec<_> = objects.filter(|object| object["deferredUntil"] == json!("prometheus")).collect();
    assert_eq!(deferred.len(), 1, "programs read the same: {deferred:?}");

    fleet.run(&["sync"]).ends_with(0);
    let files = |fleet: &Checkout| fleet.targets().keys().filter(|file| file.contains("dev-1/csi/")).count();
    let both = files(&fleet);
    assert!(fleet.target("dev-1").join(FILE).exists(), "it is there: {:?}", fleet.targets().keys());
    fleet.run(&["sync"]).ends_with(0).says(&["nothing to change"]);
    fleet.edit(MONITOR, "metrics", "https-metrics");
    fleet.commit("by another port");
    fleet.run(&["sync"]).ends_with(0);
    assert_eq!(files(&fleet), both, "the one part does not take the other's files for its own");

    fleet.edit("clusters/dev/dev-1/cluster.yaml", "      attached: [monitor*.yaml]\n", "");
    fleet.commit("and no more");
    fleet.run(&["sync"]).ends_with(0);
    assert!(!fleet.target("dev-1").join(FILE).exists(), "it is gone");
    assert_eq!(files(&fleet), both - 1, "and nothing else");
}
