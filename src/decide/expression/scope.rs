//! In: root names and their values. Out: what one expression reads of them, exposed, and whether it is sensitive.
//! Guarantee: nothing is bound that is not referred to; what is bound of a sensitive value taints.
use super::references::{Path, References};
use crate::decide::value::{Map, Seal, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The values of the root names, and the key under which results that depend on sensitive ones are sealed.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    roots: BTreeMap<&'a str, Value>,
    optional: Vec<&'a [&'a str]>,
    pub(super) seal: &'a Seal,
}

impl<'a> Scope<'a> {
    /// Returns a scope without names.
    pub fn new(seal: &'a Seal) -> Self {
        Self { roots: BTreeMap::new(), optional: vec![], seal }
    }

    /// Sets the value of a root name.
    #[must_use]
    pub fn with(mut self, name: &'a str, value: Value) -> Self {
        self.roots.insert(name, value);
        self
    }

    /// Makes each absent key of the map at `path` null, where an expression writes the key out.
    ///
    /// A path that the expression asks `has(…)` of stays absent, so that the question keeps its meaning.
    #[must_use]
    pub fn with_absent_null(mut self, path: &'a [&'a str]) -> Self {
        self.optional.push(path);
        self
    }

    /// Makes absent labels null: `cluster.labels.region` of a cluster without that label.
    #[must_use]
    pub fn labels_default_null(self) -> Self {
        self.with_absent_null(&["cluster", "labels"])
    }

    /// Returns what `references` reads: by root, with nothing sealed; and whether anything was.
    pub(super) fn bind(&self, references: &References) -> (BTreeMap<Arc<str>, Value>, bool) {
        let mut tainted = false;
        let mut bound = BTreeMap::new();
        for paths in references.paths.chunk_by(|left, right| left.first() == right.first()) {
            let Some(root) = paths.first().and_then(|path| path.first()) else { continue };
            let Some(value) = self.roots.get(&**root) else { continue };
            let mut view = View { scope: self, references, tainted: &mut tainted };
            bound.insert(root.clone(), view.prune(value, paths, 1));
        }
        (bound, tainted)
    }

    /// Returns the scalar at `path`, where nothing on the way is absent or sealed.
    pub(super) fn scalar(&self, path: &Path) -> Option<Value> {
        let (root, keys) = path.split_first()?;
        let root = self.roots.get(&**root)?;
        let found = keys.iter().try_fold(root, |value, key| value.get(key))?;
        (!matches!(found, Value::List(_) | Value::Map(_) | Value::Sensitive(_))).then(|| found.clone())
    }

    /// Returns how much of `path` is there: as many keys, the root included.
    pub(super) fn depth_of(&self, path: &Path) -> usize {
        self.follow(path).0
    }

    /// Returns the root names.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.roots.keys().map(|name| Arc::from(*name)).collect()
    }

    /// Returns the keys that stand where the first key of `path` that is not there would.
    pub(super) fn names_beside(&self, path: &Path) -> Vec<Arc<str>> {
        /// A longer list is data, whose keys are no names that an author misspells.
        const NAMES_MAX: usize = 1000;
        let map = self.follow(path).1.and_then(Value::as_map);
        map.map(|map| map.iter().map(|(key, _)| key.clone()).take(NAMES_MAX).collect()).unwrap_or_default()
    }

    /// Returns how much of `path` is there, and the last value on the way.
    fn follow(&self, path: &Path) -> (usize, Option<&Value>) {
        let mut keys = path.iter();
        let mut value = keys.next().and_then(|root| self.roots.get(&**root));
        let (mut depth, mut last) = (0, None);
        while let Some(found) = value {
            depth += 1;
            last = Some(exposed(found));
            value = keys.next().and_then(|key| exposed(found).get(key));
        }
        (depth, last)
    }
}

/// One binding under way.
struct View<'a> {
    scope: &'a Scope<'a>,
    references: &'a References,
    tainted: &'a mut bool,
}

impl View<'_> {
    /// Returns only what `paths`, which agree up to `depth`, read of `value`.
    fn prune(&mut self, value: &Value, paths: &[Path], depth: usize) -> Value {
        let whole = paths.iter().any(|path| path.len() == depth);
        *self.tainted |= matches!(value, Value::Sensitive(_));
        let Value::Map(map) = exposed(value) else { return self.expose(value) };
        if whole {
            let mut value = self.expose(value);
            self.fill(&mut value, paths, depth);
            return value;
        }
        let mut pruned = Map::default();
        for paths in paths.chunk_by(|left, right| left.get(depth) == right.get(depth)) {
            let Some(path) = paths.first() else { continue };
            let Some(key) = path.get(depth) else { continue };
            match map.get(key) {
                Some(value) => drop(pruned.insert(key.clone(), self.prune(value, paths, depth + 1))),
                None if self.is_null(path, depth) => drop(pruned.insert(key.clone(), Value::Null)),
                None => {}
            }
        }
        pruned.into()
    }

    /// Puts null where keys are absent in a map that is bound as a whole.
    fn fill(&self, value: &mut Value, paths: &[Path], depth: usize) {
        for path in paths {
            let Some(key) = path.get(depth) else { continue };
            match value.get(key) {
                Some(Value::Map(_)) => {
                    let inner = value.make_map().get_mut(key).expect("it was just found");
                    self.fill(inner, std::slice::from_ref(path), depth + 1);
                }
                None if self.is_null(path, depth) => drop(value.make_map().insert(key.clone(), Value::Null)),
                Some(_) | None => {}
            }
        }
    }

    /// Whether the key at `depth` of `path` is null where it is absent.
    fn is_null(&self, path: &Path, depth: usize) -> bool {
        let before = path.iter().take(depth).map(|key| &**key);
        let optional = self.scope.optional.iter().any(|optional| before.clone().eq(optional.iter().copied()));
        optional && !path.get(..=depth).is_some_and(|path| self.references.tested.contains(path))
    }

    fn expose(&mut self, value: &Value) -> Value {
        if !value.is_tainted() {
            return value.clone();
        }
        *self.tainted = true;
        match exposed(value) {
            Value::List(items) => Value::list(items.iter().map(|item| self.expose(item)).collect()),
            Value::Map(map) => map.iter().map(|(key, value)| (key.clone(), self.expose(value))).collect::<Map>().into(),
            scalar => scalar.clone(),
        }
    }
}

/// Returns what is sealed, or the value itself.
pub(super) fn exposed(value: &Value) -> &Value {
    match value {
        Value::Sensitive(sensitive) => exposed(sensitive.expose()),
        value => value,
    }
}
