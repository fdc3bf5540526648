//! In: keys and values. Out: a map that is sorted by key.
//! Guarantee: each key once; iteration in the order of the keys' bytes.
use super::Value;
use std::sync::Arc;

/// A map of a [`Value`]: one sorted row, which is smaller and faster than a tree at the sizes documents have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map(Vec<(Arc<str>, Value)>);

impl Map {
    /// Returns the value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.find(key).ok().and_then(|at| self.0.get(at)).map(|(_, value)| value)
    }

    /// Returns the value of `key` to write to.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let at = self.find(key).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    /// Returns the value of `key`, which is put there as null where it was absent.
    pub fn entry(&mut self, key: &Arc<str>) -> &mut Value {
        let at = self.find(key).unwrap_or_else(|at| {
            self.0.insert(at, (key.clone(), Value::Null));
            at
        });
        &mut self.0.get_mut(at).expect("it was found or inserted there").1
    }

    /// Returns the same of a key that is there nearly always, and is only then made.
    pub fn entry_of(&mut self, key: &str) -> &mut Value {
        let at = self.find(key).unwrap_or_else(|at| {
            self.0.insert(at, (key.into(), Value::Null));
            at
        });
        &mut self.0.get_mut(at).expect("it was found or inserted there").1
    }

    /// Sets `key` and returns what it was.
    pub fn insert(&mut self, key: Arc<str>, value: Value) -> Option<Value> {
        match self.find(&key) {
            Ok(at) => self.0.get_mut(at).map(|(_, was)| std::mem::replace(was, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// Removes `key` and returns what it was.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.find(key).ok().map(|at| self.0.remove(at).1)
    }

    /// Whether `key` is there.
    pub fn contains_key(&self, key: &str) -> bool {
        self.find(key).is_ok()
    }

    /// Returns its entries, in the order of the keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Value)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Returns its entries to write to, in the order of the keys.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Arc<str>, &mut Value)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// Keeps only the entries that `keep` wants.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Value) -> bool) {
        self.0.retain(|(key, value)| keep(key, value));
    }

    /// Returns the key of so many entries before it.
    pub fn key_at(&self, at: usize) -> Option<&Arc<str>> {
        self.0.get(at).map(|(key, _)| key)
    }

    /// Returns how many entries it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has no entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| (**other).cmp(key))
    }
}

impl<K: Into<Arc<str>>> FromIterator<(K, Value)> for Map {
    /// Of two entries with one key the later one stays.
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(entries: I) -> Self {
        let mut entries: Vec<(Arc<str>, Value)> = entries.into_iter().map(|(key, value)| (key.into(), value)).collect();
        entries.sort_by(|(left, _), (right, _)| left.cmp(right));
        entries.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        Self(entries)
    }
}

impl IntoIterator for Map {
    type Item = (Arc<str>, Value);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
