//! In: a sketch, and the version of Kubernetes that is there. Out: the versions over which it goes up, each as a sketch.
//! Guarantee: one minor at a time, over versions that the lock has; a minor that it lacks is named, nothing is guessed.
use super::full::ResolvedSource;
use super::layer::source::{locked, source_at};
use super::resolve::Sketch;
use crate::decide::document::LayerRole;
use crate::decide::value::Diagnostic;
use semver::Version;
use std::sync::Arc;

/// The way from one version of Kubernetes to another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Climb {
    /// The versions between, in order.
    pub over: Vec<Arc<str>>,
    /// The minors between of which the lock has no version, each with its pack.
    pub missing: Vec<Arc<str>>,
}

impl Sketch {
    /// Returns the version of Kubernetes that its layer brings, if that is made from a pack.
    pub fn kubernetes(&self) -> Option<&Arc<str>> {
        let (_, source) = self.layers.iter().find(|(layer, _)| layer.role == LayerRole::Kubernetes)?;
        source.resolved.pack().map(|(_, version)| version)
    }

    /// Returns the versions over which Kubernetes goes up from one that is there.
    pub fn climb(&self, from: &str) -> Climb {
        let mut climb = Climb::default();
        let layer = self.layers.iter().find(|(layer, _)| layer.role == LayerRole::Kubernetes);
        let Some((layer, source)) = layer else { return climb };
        let ResolvedSource::Pack { name, version, .. } = &source.resolved else { return climb };
        let (Ok(from), Ok(to)) = (Version::parse(from), Version::parse(version)) else { return climb };
        if from.major != to.major {
            return climb;
        }
        for minor in from.minor.saturating_add(1)..to.minor {
            let is_of = |parsed: &Version| (parsed.major, parsed.minor) == (to.major, minor);
            let versions = locked(&self.selection, layer, name);
            let parsed = versions.filter_map(|text| Some((Version::parse(text).ok().filter(is_of)?, text)));
            match parsed.max_by(|left, right| left.0.cmp(&right.0)) {
                Some((_, version)) => climb.over.push(version.clone()),
                None => climb.missing.push(format!("{name} {}.{minor}", to.major).into()),
            }
            // Nobody goes up that far; what a mistyped version says is not to take all memory.
            if climb.missing.len() + climb.over.len() >= MINORS_MAX {
                break;
            }
        }
        climb
    }

    /// Returns the same with another version of the pack that brings Kubernetes.
    pub fn with_kubernetes(&self, version: &Arc<str>) -> Result<Self, Vec<Diagnostic>> {
        let mut sketch = self.clone();
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        let selection = &self.selection;
        for (layer, source) in sketch.layers.iter_mut().filter(|(layer, _)| layer.role == LayerRole::Kubernetes) {
            if let Some(found) = source_at(selection, layer, version, &mut errors, &mut warnings) {
                *source = found;
                // What its profile declares is of another version.
                layer.declared = None;
            }
        }
        sketch.warnings = warnings;
        if errors.is_empty() { Ok(sketch) } else { Err(errors) }
    }
}

/// The most minors that one change goes up: Kubernetes has three a year, and each is supported for little more than one.
const MINORS_MAX: usize = 16;
