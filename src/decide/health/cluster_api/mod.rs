//! In: an object of the Cluster API. Out: its health.
//! Guarantee: one rule for what version 1beta2 shows, what version 1beta1 shows of it, and what was there before it.
//!
//! ```text
//!               newer conditions, counts            older conditions          terminal failure
//! v1beta2       status                              status.deprecated.v1beta1  the same
//! v1beta1       status.v1beta2                      status                     status
//! before        none                                status                     status
//! ```
mod cluster;
mod machine;
mod machines;
mod control_plane;

use super::Health;
use super::generic;
use super::view::{Condition, View};
use crate::decide::value::Live;

pub(super) fn assess(view: View<'_>, kind: &str, wanted: Option<View<'_>>) -> Health {
    let form = Form::of(view);
    if let Some(failure) = form.failure() {
        return Health::Ended(failure);
    }
    // Those whose manifest pauses it do not wait for it; nobody may have told of it either.
    if view.is_true("spec.paused") {
        return match wanted {
            Some(wanted) if wanted.is_true("spec.paused") => Health::Current,
            _ => Health::InProgress("it is paused, which its manifest does not say".into()),
        };
    }
    match kind {
        "Cluster" => cluster::assess(&form),
        "Machine" => machine::assess(&form),
        "MachineDeployment" | "MachineSet" | "MachinePool" => machines::assess(&form),
        _ if kind.ends_with("ControlPlane") => control_plane::assess(&form),
        _ => generic::assess(view),
    }
}

/// Whether what makes machines has made them: all but what needs a network on their nodes.
pub fn is_made(live: &Live) -> bool {
    let Live::Present { object, .. } = live else { return false };
    let view = View(object);
    let is_seen = view.try_number("status.observedGeneration") >= view.try_number("metadata.generation");
    let is_ours = view.group() == "cluster.x-k8s.io" || view.group().ends_with(".cluster.x-k8s.io");
    let form = Form::of(view);
    if !is_ours || !is_seen || !view.value("metadata.deletionTimestamp").is_null() || form.failure().is_some() {
        return false;
    }
    let holds = |newer: &str, older: &str| form.condition(newer, older).is_some_and(Condition::is_true);
    match view.text("kind") {
        "Cluster" => holds("ControlPlaneInitialized", "ControlPlaneInitialized"),
        "Machine" => holds("InfrastructureReady", "InfrastructureReady"),
        "MachineDeployment" | "MachineSet" | "MachinePool" => {
            view.try_number("status.replicas").is_some_and(|there| there >= view.count("spec.replicas"))
        }
        // The older condition of that name says no more than that.
        kind => kind.ends_with("ControlPlane") && holds("Initialized", "Available"),
    }
}

/// Where an object shows what, as its version has it.
#[derive(Clone, Copy)]
struct Form<'a> {
    view: View<'a>,
    newer: Option<View<'a>>,
    older: View<'a>,
}

impl<'a> Form<'a> {
    fn of(view: View<'a>) -> Self {
        let is_old = ["/v1beta1", "/v1alpha3", "/v1alpha4"].iter().any(|end| view.text("apiVersion").ends_with(end));
        let (newer, older) =
            if is_old { ("status.v1beta2", "status") } else { ("status", "status.deprecated.v1beta1") };
        let newer = Some(view.part(newer)).filter(|part| part.items("conditions").next().is_some());
        Self { view, newer, older: view.part(older) }
    }

    /// Returns what will not change without another object.
    fn failure(&self) -> Option<String> {
        let texts = [self.older.text("failureReason"), self.older.text("failureMessage")];
        let said: Vec<&str> = texts.into_iter().filter(|text| !text.is_empty()).collect();
        (!said.is_empty()).then(|| said.join(": "))
    }

    /// Returns a condition by its newer name, else by its older one, which some providers keep.
    fn condition(&self, newer: &str, older: &str) -> Option<Condition<'a>> {
        match self.newer {
            Some(part) => self.view.condition_of(part, newer).or_else(|| self.view.condition_of(part, older)),
            None => self.view.condition_of(self.older, older),
        }
    }

    /// Says what is missing while a condition does not hold; one that is not told is missing too.
    fn must_hold(&self, newer: &str, older: &str) -> Option<Health> {
        match self.condition(newer, older) {
            Some(condition) if condition.is_true() => None,
            Some(condition) => Some(Health::InProgress(condition.words())),
            None => Some(Health::InProgress(format!("{} is not told yet", self.newer.map_or(older, |_| newer)))),
        }
    }

    /// Says what goes on: newer conditions that hold while something changes.
    fn ongoing(&self) -> Option<Health> {
        let names = ["RollingOut", "ScalingUp", "ScalingDown", "Remediating", "Updating"];
        let conditions = names.iter().filter_map(|name| self.view.condition_of(self.newer?, name));
        let ongoing = conditions.into_iter().find(|condition| condition.is_true())?;
        Some(Health::InProgress(ongoing.words()))
    }

    /// Returns a count of replicas by its newer name, else by its older one; nothing where neither is told.
    fn replicas(&self, newer: &str, older: &str) -> Option<i64> {
        let of_newer = self.newer.and_then(|part| part.try_number(newer));
        of_newer.or_else(|| self.older.try_number(older)).or_else(|| self.view.part("status").try_number(newer))
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::{health, health_as_wanted, live};
    use super::is_made;
    use serde_json::{Value, json};

    #[test]
    fn a_terminal_failure_is_an_end_in_each_version() {
        for (version, status) in [
            ("v1beta2", json!({"deprecated": {"v1beta1": {"failureReason": "CreateError"}}})),
            ("v1beta1", json!({"failureReason": "CreateError", "failureMessage": "no quota"})),
        ] {
            let machine =
                json!({"kind": "Machine", "apiVersion": format!("cluster.x-k8s.io/{version}"), "status": status});
            assert_eq!(health(machine), 'E', "{version}");
        }
    }

    #[test]
    fn a_pause_counts_only_if_it_is_wanted() {
        let paused = json!({"kind": "Cluster", "apiVersion": "cluster.x-k8s.io/v1beta2", "spec": {"paused": true}});
        assert_eq!((health_as_wanted(&paused, &paused), health(paused)), ('C', 'I'));
    }

    #[test]
    fn machines_are_made_before_their_nodes_have_a_network() {
        let made = |group: &str, kind: &str, status: Value| {
            let api_version = format!("{group}/v1beta2");
            let metadata = json!({"generation": 1});
            is_made(&live(&json!({
                "kind": kind, "apiVersion": api_version, "metadata": metadata, "spec": {"replicas": 2}, "status": status,
            })))
        };
        let core = "cluster.x-k8s.io";
        let told = |name: &str, status: &str, replicas: i64| json!({"observedGeneration": 1, "replicas": replicas, "conditions": [{"type": name, "status": status}]});
        assert!(made(core, "Cluster", told("ControlPlaneInitialized", "True", 0)), "its API server answers");
        assert!(!made(core, "Cluster", told("ControlPlaneInitialized", "False", 0)), "there is none yet");
        assert!(made(core, "MachineDeployment", told("Available", "False", 2)), "both are there, and unready");
        assert!(!made(core, "MachineDeployment", told("Available", "False", 1)), "one is missing");
        let control_plane = "controlplane.cluster.x-k8s.io";
        assert!(made(control_plane, "KubeadmControlPlane", told("Initialized", "True", 1)), "the others may follow");
        assert!(!made(control_plane, "KubeadmControlPlane", told("Initialized", "False", 1)), "none is up");
        let old = json!({"observedGeneration": 0, "replicas": 2});
        assert!(!made(core, "MachineDeployment", old), "what is told is of what was before");
        assert!(!made("apps", "Deployment", json!({"observedGeneration": 1, "replicas": 2})), "it makes no machines");
    }

    #[test]
    fn kinds_without_a_rule_go_by_their_conditions() {
        let class =
            |version: &str| json!({"kind": "ClusterClass", "apiVersion": format!("cluster.x-k8s.io/{version}")});
        assert_eq!((health(class("v1beta1")), health(class("v1beta2"))), ('C', 'C'));
    }
}
