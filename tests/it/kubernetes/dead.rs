//! In: a fleet of several simulated clusters, of which one does not answer. Out: when the others have a commit.
//! Guarantee: they have it before any request to the dead one is given up.
use super::fleet::Fleet;
use super::serve::Serving;
use crate::testenv::{Death, Server, Simulated};
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

/// A request to a cluster that does not answer is given up after a minute.
const DEADLINE: Duration = Duration::from_mins(1);

/// Adds clusters to a fleet; each has a target of its name.
fn with_clusters(fleet: &Fleet, simulated: &Simulated, names: &[&str]) {
    let mut targets = String::new();
    for (at, name) in names.iter().enumerate() {
        let text = format!(
            "apiVersion: stratify.dev/v1alpha1\nkind: Cluster\nmetadata: {{ name: {name} }}\n\
             spec: {{ cloud: kind, imported: true, kubernetesVersion: 1.37.2 }}\n"
        );
        fleet.checkout.write(&format!("clusters/dev/{name}/cluster.yaml"), &text);
        fs::write(fleet.folder().join(name), simulated.kubeconfig(at)).expect("the scratch folder is ours");
        writeln!(targets, "  - {{ name: {name}, kubeconfig: {name}, stability: 0s }}").expect("a text takes all");
    }
    let root = fleet.checkout.root().display().to_string();
    let settings = format!("repository: {{ url: 'file://{root}' }}\nstate: state\ntargets:\n{targets}");
    fs::write(fleet.folder().join("stratify.yaml"), settings).expect("the scratch folder is ours");
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_holds_no_other_one() {
    let (server, simulated) = (Server::shared(), Simulated::start(3));
    let names = ["dead", "living-1", "living-2"];
    let fleet = Fleet::at("dead", simulated.kubeconfig(0));
    with_clusters(&fleet, &simulated, &names);
    fleet.sync("the fleet").ends_with(0);
    let has = |value: &str| {
        let value_of = |at: usize| simulated.cluster(at).read("/api/v1/namespaces/dead/configmaps/a");
        (1..3).all(|at| value_of(at).is_some_and(|map| map["data"]["key"] == value))
    };
    assert!(has("1"), "all have the first commit");
    for (death, value) in [(Death::Silent, "2"), (Death::Slow, "3"), (Death::Refuses, "4")] {
        simulated.set(0, Some(death));
        fleet.config_map("config", "a", value);
        let commit = fleet.checkout.commit("a changes in all");
        // A process that knows nothing yet of who answers.
        let begin = Instant::now();
        let serving = Serving::begin(&fleet);
        server.eventually(&format!("{death:?}: the others have it"), async || has(value)).await;
        assert!(begin.elapsed() < DEADLINE, "{death:?}: nobody waited for it: {:?}", begin.elapsed());
        assert_ne!(serving.state(&commit).as_deref(), Some("success"), "{death:?}: one of them has it not");
        simulated.set(0, None);
        drop(serving);
        fleet.run(&["sync"]).ends_with(0);
    }
}
