//! In: a layer before and after. Out: how much the change disturbs what runs, and which path says so.
//! Guarantee: from a table of data; an unknown path of an infrastructure layer is taken for the gravest.
use super::super::model::{ChangeKind, Disruption, ObjectChange, Operation};
use super::super::settling::kubernetes_minors::{Between, Rung, climbs};
use crate::decide::document::LayerRole;
use crate::decide::render::Layer;
use crate::decide::value::{Patch, Pointer};
use crate::name::ObjectId;
use std::sync::Arc;

/// Role, pattern of paths of the layer document, class. The first that matches counts.
const TABLE: &[(LayerRole, &str, Disruption)] = &[
    (LayerRole::Os, "/health/**", Disruption::None),
    (LayerRole::Os, "/values/controlPlane/**", Disruption::ControlPlaneRepave),
    (LayerRole::Os, "/**", Disruption::Repave),
    (LayerRole::Kubernetes, "/health/**", Disruption::None),
    (LayerRole::Kubernetes, "/values/controlPlane/**", Disruption::ControlPlaneRepave),
    (LayerRole::Kubernetes, "/**", Disruption::Repave),
    (LayerRole::Network, "/health/**", Disruption::None),
    (LayerRole::Network, "/profile", Disruption::None),
    (LayerRole::Network, "/source/name", Disruption::ReplaceNetwork),
    (LayerRole::Network, "/values/**", Disruption::Restart),
    (LayerRole::Network, "/presets/**", Disruption::Restart),
    (LayerRole::Network, "/version", Disruption::Restart),
    (LayerRole::Network, "/digest", Disruption::Restart),
    (LayerRole::Network, "/attached/**", Disruption::Reload),
    (LayerRole::Network, "/**", Disruption::Repave),
    (LayerRole::Storage, "/health/**", Disruption::None),
    (LayerRole::Storage, "/profile", Disruption::None),
    (LayerRole::Storage, "/source/name", Disruption::ReplaceStorage),
    (LayerRole::Storage, "/values/**", Disruption::Restart),
    (LayerRole::Storage, "/presets/**", Disruption::Restart),
    (LayerRole::Storage, "/version", Disruption::Restart),
    (LayerRole::Storage, "/digest", Disruption::Restart),
    (LayerRole::Storage, "/attached/**", Disruption::Reload),
    (LayerRole::Storage, "/**", Disruption::Repave),
    (LayerRole::AddOn, "/health/**", Disruption::None),
    (LayerRole::AddOn, "/**", Disruption::Reload),
];

/// Paths that disturb only through the objects that are rendered from them: where no object feels it, nothing does.
const THROUGH_OBJECTS: &[(LayerRole, &str)] = &[
    (LayerRole::Os, "/values/**"),
    (LayerRole::Kubernetes, "/values/**"),
    (LayerRole::Network, "/values/**"),
    (LayerRole::Network, "/presets/**"),
    (LayerRole::Network, "/version"),
    (LayerRole::Network, "/digest"),
    (LayerRole::Network, "/attached/**"),
    (LayerRole::Storage, "/values/**"),
    (LayerRole::Storage, "/presets/**"),
    (LayerRole::Storage, "/version"),
    (LayerRole::Storage, "/digest"),
    (LayerRole::Storage, "/attached/**"),
    (LayerRole::AddOn, "/**"),
];

/// Kinds whose pods are made anew when their template changes.
const TEMPLATED: [&str; 6] = ["Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController", "Job"];

/// Returns the class of a layer's change, and the path with the reason.
pub(in crate::decide::plan) fn disruption(
    layer: &Layer,
    before: Option<&Layer>,
    kind: ChangeKind,
    patch: &Patch,
    (objects, between): (&[ObjectChange], &Between),
) -> (Disruption, Option<(Pointer, Arc<str>)>) {
    let Some(before) = before else { return (Disruption::None, None) };
    if let Some(forbidden) = kubernetes_jump(layer, before, kind, between) {
        return (Disruption::Forbidden, Some((pointer("version"), forbidden.into())));
    }
    let felt = objects.iter().map(|object| felt(layer.role, object)).max().unwrap_or_default();
    let classes = patch.iter().map(|operation| (class(layer.role, operation.path(), felt), operation.path()));
    let source = pointer("source");
    let replaced = (kind == ChangeKind::Replaced).then(|| (replacement(layer.role), &source));
    let gravest = classes.chain(replaced).max_by_key(|(class, _)| *class);
    match gravest {
        Some((class, path))
            if (class > Disruption::Restart && class >= felt)
                || (class >= felt && class > Disruption::None && felt < Disruption::Restart) =>
        {
            let why = format!("{} at {path}", name(class));
            (class, Some((path.clone(), why.into())))
        }
        _ if felt == Disruption::None => (Disruption::None, None),
        _ => {
            let why = match felt {
                Disruption::Restart => "pods restart",
                Disruption::ControlPlaneRepave => "machines of the control plane are made anew",
                Disruption::Repave => "machines are made anew",
                _ => "reload of what reads its objects",
            };
            (felt, Some((pointer("values"), why.into())))
        }
    }
}

/// Returns how much a change of one object disturbs: its metadata and its number nothing, its pods' template the pods.
fn felt(role: LayerRole, object: &ObjectChange) -> Disruption {
    match &object.operation {
        Operation::Unchanged | Operation::Keep | Operation::Run => Disruption::None,
        // What is new disturbs nothing that runs; what is new in the infrastructure may.
        Operation::Create if role == LayerRole::AddOn => Disruption::None,
        Operation::Create | Operation::Prune => Disruption::Reload,
        Operation::Recreate => Disruption::Restart,
        Operation::Patch | Operation::Move { .. } => {
            let kind = &*object.object.kind;
            let felt_at = |path: &str| machines(&object.object, path).unwrap_or_else(|| felt_at(kind, path));
            object.patch.iter().map(|operation| felt_at(&operation.path().to_string())).max().unwrap_or_default()
        }
    }
}

fn felt_at(kind: &str, path: &str) -> Disruption {
    let is_template = match kind {
        "Pod" => matches("/spec/**", path),
        kind if TEMPLATED.contains(&kind) => matches("/spec/template/**", path) || path == "/spec",
        _ => false,
    };
    if is_template || (path.is_empty() && (kind == "Pod" || TEMPLATED.contains(&kind))) {
        Disruption::Restart
    } else if matches("/metadata/**", path) || matches("/status/**", path) || path == "/spec/replicas" {
        Disruption::None
    } else {
        Disruption::Reload
    }
}

/// What of a control plane is in its machines, so that Cluster API makes them anew when it changes.
const CONTROL_PLANE: [&str; 5] = [
    "/spec/version",
    "/spec/kubeadmConfigSpec/**",
    "/spec/machineTemplate/infrastructureRef/**",
    "/spec/machineTemplate/spec/infrastructureRef/**",
    "/spec",
];

/// Returns which machines Cluster API makes anew when a part of an object changes, if any.
fn machines(object: &ObjectId, path: &str) -> Option<Disruption> {
    let is_in = |patterns: &[&str]| patterns.iter().any(|pattern| matches(pattern, path));
    match (&*object.group, &*object.kind) {
        // Labels and annotations of machines are changed in place.
        ("cluster.x-k8s.io", "MachineDeployment" | "MachineSet" | "MachinePool") => {
            let is_template = is_in(&["/spec/template/**", "/spec"]) && !is_in(&["/spec/template/metadata/**"]);
            is_template.then_some(Disruption::Repave)
        }
        ("controlplane.cluster.x-k8s.io", _) => is_in(&CONTROL_PLANE).then_some(Disruption::ControlPlaneRepave),
        _ => None,
    }
}

/// Returns the class of a layer that goes: what of it is deleted stands in nobody's place.
pub(in crate::decide::plan) fn removal(
    layer: &Layer,
    objects: &[ObjectChange],
) -> (Disruption, Option<(Pointer, Arc<str>)>) {
    if layer.options.paused || !objects.iter().any(|object| object.operation.is_deletion()) {
        return (Disruption::None, None);
    }
    (replacement(layer.role), Some((pointer("source"), "its objects are deleted".into())))
}

/// Whatever the paths say, another network or storage stands in the place of the old one.
fn replacement(role: LayerRole) -> Disruption {
    match role {
        LayerRole::Os | LayerRole::Kubernetes => Disruption::Repave,
        LayerRole::Network => Disruption::ReplaceNetwork,
        LayerRole::Storage => Disruption::ReplaceStorage,
        LayerRole::AddOn => Disruption::Reload,
    }
}

/// Kubernetes goes up by one minor version at a time, and never down.
fn kubernetes_jump(layer: &Layer, before: &Layer, kind: ChangeKind, between: &Between) -> Option<String> {
    if layer.role != LayerRole::Kubernetes {
        return None;
    }
    if kind == ChangeKind::Downgraded {
        return Some("a Kubernetes version never goes down".into());
    }
    let version = |layer: &Layer| layer.source.pack().and_then(|(_, version)| semver::Version::parse(version).ok());
    let (old, new) = (version(before)?, version(layer)?);
    let over: Vec<semver::Version> =
        between.layers.iter().filter_map(|layers| Some(Rung::of(layers)?.version)).collect();
    if new < old || climbs([&old].into_iter().chain(&over).chain([&new])) {
        return None;
    }
    let rule = "a Kubernetes version goes up by one minor version at a time";
    Some(match between.missing.as_slice() {
        [] => format!("{rule}: no version between them is locked"),
        missing => format!(
            "{rule}: fleet.lock has no {} between {old} and {new}; `stratify lock` adds the newest where a pack is there",
            missing.join(", ")
        ),
    })
}

fn class(role: LayerRole, path: &Pointer, felt: Disruption) -> Disruption {
    let text = path.to_string();
    let is_through = |(of, pattern): &(LayerRole, &str)| *of == role && matches(pattern, &text);
    if felt == Disruption::None && THROUGH_OBJECTS.iter().any(is_through) {
        return Disruption::None;
    }
    let row = TABLE.iter().find(|(of, pattern, _)| *of == role && matches(pattern, &text));
    row.map_or(Disruption::Repave, |(_, _, class)| *class)
}

/// `/a/**` is `/a` and all inside it.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix("/**") {
        Some(prefix) => path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        None => pattern == path,
    }
}

fn pointer(token: &str) -> Pointer {
    std::iter::once(Arc::from(token)).collect()
}

/// Returns the word of a class.
pub fn name(class: Disruption) -> &'static str {
    match class {
        Disruption::None => "none",
        Disruption::Reload => "reload",
        Disruption::Restart => "restart",
        Disruption::Reboot => "reboot",
        Disruption::ReplaceStorage => "replace-storage",
        Disruption::ReplaceNetwork => "replace-network",
        Disruption::ControlPlaneRepave => "control-plane-repave",
        Disruption::Repave => "repave",
        Disruption::Forbidden => "forbidden",
    }
}
