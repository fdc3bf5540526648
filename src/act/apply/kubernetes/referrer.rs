//! In: a machine template that is to go. Out: what still refers to it, if anything does.
//! Guarantee: looked for among the kinds of Cluster API that make machines, in the template's namespace.
use super::answer::why;
use super::target::{Target, text};
use crate::client::kubernetes::{Kinds, ObjectPath};
use crate::decide::plan::Why;
use crate::decide::render::refers_to;
use crate::decide::value::Value;
use crate::name::ObjectId;

/// What makes machines from templates.
const MAKERS: [(&str, &str); 4] = [
    ("controlplane.cluster.x-k8s.io", "KubeadmControlPlane"),
    ("cluster.x-k8s.io", "MachineDeployment"),
    ("cluster.x-k8s.io", "MachineSet"),
    ("cluster.x-k8s.io", "MachinePool"),
];

/// Returns what would make machines from a template that is to go.
pub(super) async fn referrer(target: &Target, kinds: &Kinds, template: &ObjectId) -> Result<Option<String>, Why> {
    for (group, name) in MAKERS {
        let Some(kind) = kinds.get(group, name) else { continue };
        let path = ObjectPath::all(kind, template.namespace.as_deref());
        let makers = target.server.list(&path, "").await.map_err(|error| why(&error))?;
        let found = makers.iter().find(|maker| makes_machines(maker) && refers_to(maker, template));
        if let Some(maker) = found {
            return Ok(Some(format!("{name} {}", text(maker, "name"))));
        }
    }
    Ok(None)
}

/// The set of an older template stays without machines, for those who would go back.
fn makes_machines(maker: &Value) -> bool {
    let replicas = maker.get("spec").and_then(|spec| spec.get("replicas")).and_then(Value::as_i64);
    let is_old = maker.get("metadata").and_then(|it| it.get("ownerReferences")).is_some() && replicas == Some(0);
    !is_old && text(maker, "deletionTimestamp").is_empty()
}
