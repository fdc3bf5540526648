//! In: all documents of a revision. Out: a warning for each label that a condition asks and no cluster has.
//! Guarantee: a condition on such a label is no error: an absent label is null; mostly it is misspelt.
use super::super::codes;
use crate::decide::document::{Environment, Fragment, Overlay, nearest};
use crate::decide::expression::Expression;
use crate::decide::fleet::Index;
use crate::decide::value::{Diagnostic, Map};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Returns what conditions ask of labels that no cluster has.
pub fn absent_labels(index: &Index) -> Vec<Diagnostic> {
    let clusters = || index.cluster_names().filter_map(|name| index.cluster(name).ok());
    let labels = clusters().filter_map(|cluster| cluster.labels.as_map());
    let known: BTreeSet<Arc<str>> = labels.flat_map(Map::iter).map(|(name, _)| name.clone()).collect();
    let of_clusters = clusters().flat_map(|cluster| conditions(&cluster.overlay));
    let asked = index.environments().flat_map(|environment| of_environment(environment)).chain(of_clusters);
    asked.flat_map(|condition| absent(condition, &known)).collect()
}

fn of_environment(environment: &Environment) -> impl Iterator<Item = &Fragment> {
    let overlays = environment.overlays.iter().flat_map(|overlay| conditions(overlay));
    conditions(&environment.overlay).chain(overlays)
}

fn conditions(overlay: &Overlay) -> impl Iterator<Item = &Fragment> {
    let of_profiles = overlay.profiles.iter().filter_map(|profile| profile.when.as_ref());
    overlay.when.iter().chain(of_profiles)
}

/// What cannot be compiled is told where it is evaluated.
fn absent(condition: &Fragment, known: &BTreeSet<Arc<str>>) -> Vec<Diagnostic> {
    let Ok(expression) = Expression::compile(condition.text()) else { return Vec::new() };
    let label = |path: &Vec<Arc<str>>| match path.as_slice() {
        [root, labels, name, ..] if **root == *"cluster" && **labels == *"labels" => Some(name.clone()),
        _ => None,
    };
    let absent = expression.references().iter().filter_map(label).filter(|name| !known.contains(name));
    let told = |name: Arc<str>| {
        Diagnostic::warning(codes::NO_LABEL, format!("no cluster has the label `{name}`"))
            .at(condition.span())
            .nearest(nearest(&name, known.iter().map(|name| &**name)))
            .hint("of each cluster it is null here")
    };
    absent.map(told).collect()
}
