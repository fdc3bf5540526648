//! In: a fleet whose pack of Kubernetes goes up by three minors, a sync that is killed on the way. Out: what the server got.
//! Guarantee: the versions are read off the server's own log: each one, in order, none twice, none back.
use super::fleet::{Fleet, config_map};
use super::kills::{Moment, Running, Victim, WRITES_MAX, kill_at};
use crate::testenv::{Entry, Mark, Proxy, Schedule, Server, User};
use std::os::unix::process::ExitStatusExt;

const API: &str = "apiVersion: stratify.dev/v1alpha1";

const VERSIONS: [&str; 4] = ["1.30.1", "1.31.2", "1.32.5", "1.33.4"];

/// Writes an infrastructure profile whose layer `kubernetes` is a pack: one object of all versions, one of each version.
fn infrastructure(fleet: &Fleet, version: &str) {
    let write = |path: &str, text: String| fleet.checkout.write(path, &text);
    let name = &fleet.name;
    let layer = |layer: &str| {
        format!("    - {{ name: {layer}, role: {layer}, manifests: ['{layer}.yaml'], namespace: {name} }}\n")
    };
    let map = |name: &str, key: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ key: '{key}' }}\n")
    };
    for role in ["os", "network", "storage"] {
        write(&format!("profiles/base/{role}.yaml"), map(role, "1"));
    }
    let pack = format!("    - {{ name: kubernetes, role: kubernetes, pack: k8s@{version}, namespace: {name} }}\n");
    let layers = layer("os") + &pack + &layer("network") + &layer("storage");
    write(
        "profiles/base/profile.yaml",
        format!(
            "{API}\nkind: Profile\nmetadata: {{ name: base }}\nspec:\n  version: 1.0.0\n  type: infrastructure\n  layers:\n{layers}"
        ),
    );
    for version in VERSIONS {
        let folder = format!("packs/k8s/{version}");
        write(
            &format!("{folder}/pack.yaml"),
            format!(
                "{API}\nkind: Pack\nmetadata: {{ name: k8s }}\nspec: {{ version: {version}, role: kubernetes, manifests: [all.yaml] }}\n"
            ),
        );
        let minor = version.replace('.', "-");
        write(
            &format!("{folder}/all.yaml"),
            map("version", version) + "---\n" + &map(&format!("only-{minor}"), version),
        );
    }
    write(
        "environments/dev/environment.yaml",
        format!("{API}\nkind: Environment\nmetadata: {{ name: dev }}\nspec: {{ profiles: [ {{ name: base }} ] }}\n"),
    );
    write(
        &format!("clusters/dev/{name}/cluster.yaml"),
        format!("{API}\nkind: Cluster\nmetadata: {{ name: {name} }}\nspec: {{ cloud: kind }}\n"),
    );
    let policy = "spec: { policies: { deletion: { maxPercent: 100 }, disruption: { approvalFor: [] } } }";
    write("fleet.yaml", format!("{API}\nkind: Fleet\nmetadata: {{ name: {name} }}\n{policy}\n"));
}

/// Returns how often each object of the layer was written, in the order of the first write.
fn written(server: &Server, mark: Mark, fleet: &str) -> Vec<(String, usize)> {
    let prefix = format!("/api/v1/namespaces/{fleet}/configmaps/");
    let mut written: Vec<(String, usize)> = Vec::new();
    let is_ours =
        |entry: &Entry| entry.is_write() && !entry.dry_run && entry.code < 300 && entry.uri.starts_with(&prefix);
    for entry in server.audit().since(mark, is_ours) {
        let object = entry.object.map(|object| object.name).unwrap_or_default();
        let what = format!("{} {object}", entry.verb);
        match written.iter_mut().find(|(other, _)| *other == what) {
            Some((_, times)) => *times += 1,
            None => written.push((what, 1)),
        }
    }
    written
}

async fn version(server: &Server, fleet: &Fleet) -> String {
    let map = config_map(server, &fleet.name, "version").await.expect("it is there");
    map["data"]["key"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn kubernetes_goes_up_one_minor_after_the_other() {
    let server = Server::shared();
    let fleet = Fleet::new(server, "upgrade");
    infrastructure(&fleet, "1.30.1");
    fleet.sync("the fleet").ends_with(0);
    infrastructure(&fleet, "1.33.4");
    fleet.sync("three minors, and no lock").ends_with(1).says(&["one minor version at a time", "`stratify lock`"]);
    assert_eq!(version(server, &fleet).await, "1.30.1", "nothing is done");
    fleet.run(&["lock"]).ends_with(0);
    let mark = server.audit().mark();
    fleet.sync("the lock").ends_with(0);
    assert_eq!(version(server, &fleet).await, "1.33.4");
    let told = written(server, mark, "upgrade");
    let writes: Vec<(&str, usize)> = told.iter().map(|(what, times)| (what.as_str(), *times)).collect();
    let (create, delete): (Vec<_>, Vec<_>) =
        writes.iter().filter(|(what, _)| what.contains("only-")).partition(|(what, _)| !what.starts_with("delete"));
    assert_eq!(create, [("patch only-1-31-2", 1), ("patch only-1-32-5", 1), ("patch only-1-33-4", 1)], "{writes:?}");
    assert!(writes.contains(&("patch version", 3)), "each version is written once: {writes:?}");
    let mut deleted: Vec<&str> = delete.iter().map(|(what, _)| *what).collect();
    deleted.sort_unstable();
    assert_eq!(deleted, ["delete only-1-30-1", "delete only-1-31-2", "delete only-1-32-5"], "{writes:?}");
    fleet.run(&["sync"]).ends_with(0).says(&["nothing to change"]);
}

#[tokio::test]
async fn an_upgrade_that_is_killed_on_the_way_goes_on_and_never_down() {
    let server = Server::shared();
    let mut killed = 0;
    for nth in (1..WRITES_MAX).step_by(3) {
        let name = format!("upgrade-{nth}");
        let proxy = Proxy::start(server, User::ADMIN, Schedule::none());
        let fleet = Fleet::at(&name, proxy.kubeconfig());
        infrastructure(&fleet, "1.30.1");
        fleet.run(&["lock"]).ends_with(0);
        fleet.sync("the fleet").ends_with(0);
        infrastructure(&fleet, "1.33.4");
        fleet.checkout.commit("three minors");
        let (mark, victim) = (server.audit().mark(), Victim::default());
        proxy.set(kill_at(nth, Moment::After, victim.clone()));
        let (status, said) = Running::start(&fleet, &victim).end();
        proxy.set(Schedule::none());
        fleet.run(&["sync"]).ends_with(0);
        assert_eq!(version(server, &fleet).await, "1.33.4", "{name}: {said}");
        let told = written(server, mark, &name);
        let of = |verb: &str| -> Vec<&str> {
            let each = told.iter().filter(|(what, _)| what.starts_with(verb) && what.contains("only-"));
            each.filter_map(|(what, _)| what.split_once("only-")).map(|(_, version)| version).collect()
        };
        assert_eq!(of("patch"), ["1-31-2", "1-32-5", "1-33-4"], "{name}: {told:?}");
        let mut deleted = of("delete");
        deleted.sort_unstable();
        assert_eq!(deleted, ["1-30-1", "1-31-2", "1-32-5"], "{name}: {told:?}");
        if status.signal().is_none() {
            break;
        }
        killed += 1;
    }
    assert!(killed > 3, "a sync of three versions has more writes than {killed} thirds");
}
