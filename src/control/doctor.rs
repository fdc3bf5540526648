//! In: a fleet, the settings' targets. Out: the kinds that profiles have on each, and what each target shows.
//! Guarantee: nothing is written; a cluster that cannot be rendered hides no other's needs.
pub use super::target::{Examined, Missing, Need, Needs};

use super::preview::Preview;
use super::sync::Wanted;
use crate::decide::document::Site;
use crate::decide::fleet::Fleet;
use crate::decide::health::has_pods;
use crate::decide::value::{Fault, Value, Warnings};
use crate::name::ClusterName;
use crate::settings::{Settings, Target};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A target, with what is needed of it.
#[derive(Debug)]
pub struct Asked {
    /// How it is reached, where that is known.
    pub target: Result<Target, Fault>,
    /// The kinds of the profiles.
    pub needs: Needs,
}

/// All targets by name, and the clusters whose needs are not known.
#[derive(Debug, Default)]
pub struct AllAsked {
    /// The targets of the settings and of the clusters.
    pub targets: BTreeMap<Arc<str>, Asked>,
    /// The clusters that cannot be rendered, and why.
    pub broken: Vec<(ClusterName, Fault)>,
}

/// Returns all targets, with what the profiles of a fleet need of them.
pub async fn asked(preview: &Preview, fleet: &Fleet, settings: &Settings) -> AllAsked {
    let mut all = AllAsked::default();
    for (name, target) in &settings.named_targets {
        all.targets.insert(name.clone(), Asked { target: Ok(target.clone()), needs: Needs::new() });
    }
    for cluster in fleet.index.cluster_names() {
        match preview.wanted(fleet, cluster, &mut Warnings::default()).await {
            Ok(wanted) => take(&wanted, settings, &mut all),
            Err(fault) => all.broken.push((cluster.clone(), fault)),
        }
    }
    all
}

/// Adds what a cluster needs of its target, and of the one that makes it.
fn take(wanted: &Wanted, settings: &Settings, all: &mut AllAsked) {
    let profile = &wanted.profile;
    let (own, host) = match &profile.management {
        None => (settings.target(&profile.target), None),
        Some(management) => {
            let own = settings.managed_target(&profile.target, &management.target, &management.namespace);
            (own.map(|(own, _)| own), Some(&management.target))
        }
    };
    all.targets.entry(profile.target.clone()).or_insert_with(|| Asked { target: own, needs: Needs::new() });
    if let Some(host) = host {
        let target = || Asked { target: settings.target(host), needs: Needs::new() };
        all.targets.entry(host.clone()).or_insert_with(target);
    }
    for layer in &wanted.layers.layers {
        let name = match (layer.site, host) {
            (Site::Management, Some(host)) => host,
            _ => &profile.target,
        };
        let Some(asked) = all.targets.get_mut(name) else { continue };
        for object in &layer.objects {
            let id = &object.id;
            let need = asked.needs.entry((id.group.clone(), id.kind.clone())).or_default();
            need.namespaces.insert(id.namespace.clone());
            define(&object.manifest, &mut asked.needs);
            if let Some(namespace) = id.namespace.as_ref().filter(|_| has_pods(&id.group, &id.kind)) {
                let pods = asked.needs.entry(("".into(), "Pod".into())).or_default();
                pods.listed.insert(namespace.clone());
            }
        }
    }
}

/// Takes the plural of a kind that an object defines; the kind is needed only where there are objects of it.
fn define(manifest: &Value, needs: &mut Needs) {
    let Some(spec) = manifest.get("spec").filter(|_| is_definition(manifest)) else { return };
    let names = |key: &str| spec.get("names").and_then(|names| names.get(key)).and_then(Value::as_str);
    let group = spec.get("group").and_then(Value::as_str);
    if let (Some(group), Some(kind), Some(plural)) = (group, names("kind"), names("plural")) {
        needs.entry((group.into(), kind.into())).or_default().resource = Some(plural.into());
    }
}

fn is_definition(manifest: &Value) -> bool {
    manifest.get("kind").and_then(Value::as_str) == Some("CustomResourceDefinition")
}
