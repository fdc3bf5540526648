//! In: a management server, the program's demo of Cluster API. Out: the life of a cluster, by commits alone.
//! Guarantee: which machines were replaced is told by their names: each machine has one of its own.
use crate::commands::fixture::Checkout;
use crate::testenv::{ClusterApi, User};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use std::collections::BTreeSet;

/// Machines of a step, each with its version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Machines {
    control_plane: BTreeSet<String>,
    workers: BTreeSet<String>,
}

impl Machines {
    /// Reads what the demo prints after each step.
    fn of(line: &str) -> Self {
        let mut machines = Self::default();
        for machine in line.split(", ").filter(|machine| *machine != "none") {
            let side = if machine.contains("-workers-") { &mut machines.workers } else { &mut machines.control_plane };
            side.insert(machine.to_owned());
        }
        machines
    }

    fn count(&self) -> (usize, usize) {
        (self.control_plane.len(), self.workers.len())
    }

    fn all(&self) -> BTreeSet<String> {
        self.control_plane.union(&self.workers).cloned().collect()
    }
}

async fn names(capi: &ClusterApi, group: &str, version: &str, kind: &str) -> Vec<String> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let objects: Api<DynamicObject> =
        Api::namespaced_with(capi.server().client().await, "stratify-machines", &resource);
    let found = objects.list(&ListParams::default()).await.expect("the kind is served");
    found.items.into_iter().filter_map(|object| object.metadata.name).collect()
}

#[tokio::test]
async fn a_cluster_is_made_scaled_repaved_upgraded_and_deleted_by_commits_alone() {
    let capi = ClusterApi::shared();
    let kubeconfig = capi.server().kubeconfig_file(User::ADMIN).display().to_string();
    let scratch = Checkout::empty();
    let folder = scratch.path("demo").display().to_string();
    let ran = scratch.run(&["demo", "--cluster-api", &kubeconfig, "--fast", "--keep", &folder]).ends_with(0);
    let lines = ran.out.lines().filter_map(|line| line.trim().strip_prefix("machines: "));
    let steps: Vec<Machines> = lines.map(Machines::of).collect();
    let [made, scaled, held, repaved, waiting, upgraded, kept, gone] = steps.as_slice() else {
        panic!("eight steps, each with its machines:\n{}", ran.out)
    };
    assert_eq!(made.count(), (1, 1), "as the first commit says");
    assert_eq!(scaled.count(), (1, 3), "two more workers");
    assert!(made.all().is_subset(&scaled.all()), "a change that disturbs nothing replaces no machine");
    assert_eq!(held, scaled, "nobody has approved the repave");
    assert_eq!(repaved.count(), (1, 3), "as many as before");
    assert_eq!(repaved.control_plane, held.control_plane, "its template did not change");
    assert!(repaved.workers.is_disjoint(&held.workers), "each worker is another machine");
    assert_eq!(waiting, repaved, "nobody has approved the upgrade");
    assert_eq!(upgraded.count(), (1, 3), "as many as before");
    assert!(upgraded.all().is_disjoint(&waiting.all()), "all machines are others");
    assert!(upgraded.all().iter().all(|machine| machine.ends_with(" v1.36.3")), "of the new version: {upgraded:?}");
    assert_eq!(kept, upgraded, "nobody has approved the end");
    assert_eq!(*gone, Machines::default(), "no machine is left");
    let ran = ran.says(&["repave of layer os", "repave of layer kubernetes", "deletion of all layers of the cluster"]);
    ran.says(&["waits: layer kubernetes: ", "That was the life of a cluster"]);
    let core = "cluster.x-k8s.io";
    assert_eq!(
        names(capi, core, "v1beta2", "Cluster").await,
        Vec::<String>::new(),
        "the Cluster went last, and is gone"
    );
    let templates = names(capi, "infrastructure.cluster.x-k8s.io", "v1beta2", "DevMachineTemplate").await;
    assert_eq!(templates, Vec::<String>::new(), "no template is left, of no content");
}
