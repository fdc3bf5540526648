//! In: what the operator lets a repository touch, and the layers of a plan. Out: a diagnostic for all that is outside.
//! Guarantee: writes and deletions alike, whoever approved them; what is not bounded is free.
use super::super::codes;
use super::super::model::{LayerPlan, ObjectChange};
use crate::decide::value::Diagnostic;
use crate::name::ObjectId;
use std::sync::Arc;

/// What a repository may touch; none of a part is all of it. Patterns may have one `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Targets.
    pub targets: Option<Vec<Arc<str>>>,
    /// Namespaces: of objects in one, and of `Namespace` objects by their names.
    pub namespaces: Option<Vec<Arc<str>>>,
    /// Kinds, as `Kind` of the core group or `Kind.group`.
    pub kinds: Option<Vec<Arc<str>>>,
}

/// How many objects are told one by one: what is bounded wrongly is seen from a few.
const TOLD_MAX: usize = 20;

impl Bounds {
    /// Returns what of a plan's layers is outside.
    pub fn check(&self, targets: &[Arc<str>], layers: &[LayerPlan]) -> Vec<Diagnostic> {
        let changes = layers.iter().flat_map(|layer| {
            let objects = layer.groups.iter().flat_map(|group| &group.objects);
            let touched = objects.filter(|change| change.operation.is_write() || change.operation.is_deletion());
            touched.map(move |change| (layer, change))
        });
        let mut changes = changes.peekable();
        let refused = targets.iter().find(|target| !allows(self.targets.as_deref(), target));
        if let Some(target) = refused.filter(|_| changes.peek().is_some()) {
            return vec![outside(format!("the target `{target}` is outside of what this repository may touch"))];
        }
        let outside = |(layer, change): (&LayerPlan, &ObjectChange)| {
            let object = &change.object;
            let why = self.refuses(object)?;
            let name = object.namespace.as_ref().map_or_else(String::new, |namespace| format!("{namespace}/"));
            let object = format!("{} {name}{}", object.kind, object.name);
            let layer = &layer.layer;
            let said = format!("{object} of layer `{layer}` is outside of what this repository may touch: {why}");
            Some(Diagnostic { at: change.at.clone(), ..outside(said) })
        };
        changes.filter_map(outside).take(TOLD_MAX).collect()
    }

    fn refuses(&self, object: &ObjectId) -> Option<String> {
        let kind =
            if object.group.is_empty() { object.kind.to_string() } else { format!("{}.{}", object.kind, object.group) };
        if !allows(self.kinds.as_deref(), &kind) {
            return Some(format!("the kind `{kind}`"));
        }
        let is_namespace = object.group.is_empty() && &*object.kind == "Namespace";
        let namespace = object.namespace.as_ref().or(is_namespace.then_some(&object.name))?;
        (!allows(self.namespaces.as_deref(), namespace)).then(|| format!("the namespace `{namespace}`"))
    }
}

fn outside(message: String) -> Diagnostic {
    Diagnostic::error(codes::OUTSIDE, message)
        .expected("what `allow` of the repository in the operator's settings names")
        .hint("take it out of the profile, or ask the operator to allow it")
}

fn allows(patterns: Option<&[Arc<str>]>, name: &str) -> bool {
    patterns.is_none_or(|patterns| patterns.iter().any(|pattern| fits(pattern, name)))
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((begin, end)) => name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_one_star() {
        assert!(fits("web", "web") && !fits("web", "web-2"), "no star: the name");
        assert!(fits("web-*", "web-2") && fits("*", "web") && fits("*.apps", "Deployment.apps"), "a star: any text");
        assert!(!fits("aba*ba", "aba"), "the parts do not overlap");
    }

    #[test]
    fn namespaces_bound_their_objects_and_themselves() {
        let object = |group: &str, kind: &str, namespace: Option<&str>, name: &str| ObjectId {
            group: group.into(),
            kind: kind.into(),
            namespace: namespace.map(Into::into),
            name: name.into(),
        };
        let bounds = Bounds { namespaces: Some(vec!["web-*".into()]), ..Bounds::default() };
        assert_eq!(bounds.refuses(&object("", "ConfigMap", Some("web-1"), "a")), None, "inside");
        assert_eq!(bounds.refuses(&object("", "Namespace", None, "web-1")), None, "itself");
        let outside = Some("the namespace `kube-system`".to_owned());
        assert_eq!(bounds.refuses(&object("", "ConfigMap", Some("kube-system"), "a")), outside, "another one");
        assert_eq!(bounds.refuses(&object("", "Namespace", None, "kube-system")), outside, "another one itself");
        let bounds = Bounds { kinds: Some(vec!["ConfigMap".into(), "*.apps".into()]), ..Bounds::default() };
        assert_eq!(bounds.refuses(&object("apps", "Deployment", Some("a"), "a")), None, "of a group");
        assert_eq!(
            bounds.refuses(&object("x.io", "ConfigMap", None, "a")),
            Some("the kind `ConfigMap.x.io`".into()),
            "of another"
        );
    }
}
