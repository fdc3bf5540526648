//! In: two values. Out: the operations of RFC 6902 that lead from the first to the second.
//! Guarantee: equal values give no operation; applied to the old value the operations give the new one, with its order.
use crate::decide::value::{Map, Patch, PatchOperation, Pointer, Value, canonical};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// The keys by which items of a list are known, most telling first; Kubernetes merges its lists by these.
pub const MERGE_KEYS: [&str; 12] = [
    "name",
    "id",
    "key",
    "containerPort",
    "port",
    "mountPath",
    "devicePath",
    "topologyKey",
    "ip",
    "host",
    "path",
    "type",
];

/// The most cells of the table of a longest common subsequence, 1,000 × 1,000: 4 MB, and some milliseconds.
const CELLS_MAX: usize = 1_000_000;

/// Returns what leads from `old` to `new`.
pub fn diff(old: &Value, new: &Value) -> Patch {
    let mut walk = Walk { at: Pointer::default(), patch: Patch::new() };
    walk.value(old, new);
    walk.patch
}

/// Returns what leads back from `new` to `old`.
pub fn inverse(old: &Value, new: &Value) -> Patch {
    diff(new, old)
}

struct Walk {
    at: Pointer,
    patch: Patch,
}

impl Walk {
    fn value(&mut self, old: &Value, new: &Value) {
        if old != new {
            self.differing(old, new);
        }
    }

    fn differing(&mut self, old: &Value, new: &Value) {
        match (old, new) {
            (Value::Map(old), Value::Map(new)) => self.map(old, new),
            (Value::List(old_items), Value::List(new_items)) => match align(old_items, new_items) {
                Some(pairs) => self.list(old_items, new_items, &pairs),
                None => self.patch.push(PatchOperation::Replace(self.at.clone(), new.clone())),
            },
            _ => self.patch.push(PatchOperation::Replace(self.at.clone(), new.clone())),
        }
    }

    /// Goes through both maps at once, in the order of their keys.
    fn map(&mut self, old: &Map, new: &Map) {
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (Some((left, _)), Some((right, _))) => left.cmp(right),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return,
            };
            let was = if order == Ordering::Greater { None } else { old.next() };
            let is = if order == Ordering::Less { None } else { new.next() };
            let Some((key, _)) = was.or(is) else { return };
            let (was, is) = (was.map(|(_, value)| value), is.map(|(_, value)| value));
            if was == is {
                continue;
            }
            self.at.push(key.clone());
            match (was, is) {
                (Some(was), Some(is)) => self.differing(was, is),
                _ => self.entry(was, is),
            }
            self.at.pop();
        }
    }

    fn entry(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (Some(old), Some(new)) => self.value(old, new),
            (Some(_), None) => self.patch.push(PatchOperation::Remove(self.at.clone())),
            (None, Some(new)) => self.patch.push(PatchOperation::Add(self.at.clone(), new.clone())),
            (None, None) => {}
        }
    }

    /// Removes from the end, so that no index moves before it is used; then goes through the new list upward, where
    /// each index is already the final one.
    fn list(&mut self, old: &[Value], new: &[Value], pairs: &[(usize, usize)]) {
        let kept: BTreeSet<usize> = pairs.iter().map(|(at, _)| *at).collect();
        for at in (0..old.len()).rev().filter(|at| !kept.contains(at)) {
            self.patch.push(PatchOperation::Remove(self.at.join(&at.to_string())));
        }
        let came_from: BTreeMap<usize, usize> = pairs.iter().map(|(old, new)| (*new, *old)).collect();
        for (at, item) in new.iter().enumerate() {
            self.at.push(at.to_string().into());
            let was = came_from.get(&at).and_then(|at| old.get(*at));
            self.entry(was, Some(item));
            self.at.pop();
        }
    }
}

/// Returns which item of `old` becomes which of `new`, rising in both; nothing where one replacement says it better.
fn align(old: &[Value], new: &[Value]) -> Option<Vec<(usize, usize)>> {
    let pairs = match (keys(old, new), new) {
        (Some((old, new)), _) => by_key(&old, &new),
        (None, _) => by_content(old, new),
    };
    // Emptying or filling a list anew is one operation and not one an item.
    let is_other = pairs.is_empty() && (old.len() > 1 || (old.len() == 1 && !new.is_empty()));
    (!is_other).then_some(pairs)
}

/// Returns the items' keys under the first merge key that all items have and that tells all of a list apart.
fn keys(old: &[Value], new: &[Value]) -> Option<(Vec<String>, Vec<String>)> {
    let under = |key: &str, items: &[Value]| -> Option<Vec<String>> {
        let scalar = |value: &Value| matches!(value, Value::String(_) | Value::Integer(_)).then(|| canonical(value));
        let found: Vec<String> = items.iter().map(|item| scalar(item.get(key)?)).collect::<Option<_>>()?;
        let all: BTreeSet<&String> = found.iter().collect();
        (all.len() == found.len()).then_some(found)
    };
    MERGE_KEYS.iter().find_map(|key| Some((under(key, old)?, under(key, new)?)))
}

/// Pairs items of one key; of those whose order changed, as many as possible stay.
fn by_key(old: &[String], new: &[String]) -> Vec<(usize, usize)> {
    let places: BTreeMap<&String, usize> = new.iter().enumerate().map(|(at, key)| (key, at)).collect();
    let shared = old.iter().enumerate().filter_map(|(at, key)| Some((at, *places.get(key)?)));
    longest_rising(&shared.collect::<Vec<_>>())
}

/// Returns the longest part of `pairs` that rises in the second number too.
fn longest_rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // For each length: the place in `pairs` of the smallest number at which a row of that length can end.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::new();
    let second = |at: &usize| pairs.get(*at).map(|(_, new)| *new);
    for (at, (_, new)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| second(end) < Some(*new));
        before.push(length.checked_sub(1).and_then(|length| ends.get(length)).copied());
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut row = Vec::new();
    let mut next = ends.last().copied();
    while let Some(at) = next {
        row.extend(pairs.get(at).copied());
        next = before.get(at).copied().flatten();
    }
    row.reverse();
    row
}

/// Pairs equal items by the longest common subsequence, then what stands between two pairs by its place.
fn by_content(old: &[Value], new: &[Value]) -> Vec<(usize, usize)> {
    let head = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (old_rest, new_rest) = (old.get(head..).unwrap_or_default(), new.get(head..).unwrap_or_default());
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(old, new)| old == new).count();
    let old_middle = old_rest.get(..old_rest.len() - tail).unwrap_or_default();
    let new_middle = new_rest.get(..new_rest.len() - tail).unwrap_or_default();
    let mut equal: Vec<(usize, usize)> = (0..head).map(|at| (at, at)).collect();
    equal.extend(common(old_middle, new_middle).into_iter().map(|(old, new)| (old + head, new + head)));
    equal.extend((0..tail).rev().map(|back| (old.len() - 1 - back, new.len() - 1 - back)));
    fill(&equal, old, new)
}

fn common(old: &[Value], new: &[Value]) -> Vec<(usize, usize)> {
    if old.is_empty() || new.is_empty() || old.len().saturating_mul(new.len()) > CELLS_MAX {
        return Vec::new();
    }
    let texts = |items: &[Value]| items.iter().map(canonical).collect::<Vec<_>>();
    let (old, new) = (texts(old), texts(new));
    // `lengths` of a cell: how long the subsequence from there to both ends is.
    let width = new.len() + 1;
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    let cell = |lengths: &[u32], row: usize, column: usize| lengths.get(row * width + column).copied().unwrap_or(0);
    for (row, left) in old.iter().enumerate().rev() {
        for (column, right) in new.iter().enumerate().rev() {
            let length = if left == right {
                cell(&lengths, row + 1, column + 1) + 1
            } else {
                cell(&lengths, row + 1, column).max(cell(&lengths, row, column + 1))
            };
            if let Some(cell) = lengths.get_mut(row * width + column) {
                *cell = length;
            }
        }
    }
    let (mut row, mut column, mut pairs) = (0, 0, Vec::new());
    while let (Some(left), Some(right)) = (old.get(row), new.get(column)) {
        if left == right {
            pairs.push((row, column));
            (row, column) = (row + 1, column + 1);
        } else if cell(&lengths, row + 1, column) >= cell(&lengths, row, column + 1) {
            row += 1;
        } else {
            column += 1;
        }
    }
    pairs
}

/// Adds to `equal` the pairs of items between them that are of one shape, so that a changed item is changed in place.
fn fill(equal: &[(usize, usize)], old: &[Value], new: &[Value]) -> Vec<(usize, usize)> {
    let (mut filled, mut from) = (Vec::new(), (0, 0));
    for &(old_end, new_end) in equal.iter().chain([&(old.len(), new.len())]) {
        for pair in (from.0..old_end).zip(from.1..new_end) {
            let shapes = (old.get(pair.0), new.get(pair.1));
            if shapes.0.map(std::mem::discriminant) == shapes.1.map(std::mem::discriminant) {
                filled.push(pair);
            }
        }
        if old_end < old.len() && new_end < new.len() {
            filled.push((old_end, new_end));
        }
        from = (old_end + 1, new_end + 1);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::value::apply;
    use proptest::prelude::*;

    fn text(text: &str) -> Value {
        Value::string(text)
    }

    fn named(name: &str, image: &str) -> Value {
        Value::map([("name", text(name)), ("image", text(image))].into_iter().collect())
    }

    #[test]
    fn removing_the_head_of_a_list_is_one_operation() {
        let (a, b, c) = (named("a", "1"), named("b", "1"), named("c", "1"));
        let patch = diff(&Value::list(vec![a, b.clone(), c.clone()]), &Value::list(vec![b, c]));
        assert_eq!(patch, vec![PatchOperation::Remove(Pointer::default().join("0"))], "items are known by their name");
        let patch = diff(
            &Value::list(vec![text("a"), text("b"), text("c")]),
            &Value::list(vec![text("b"), text("c"), text("d")]),
        );
        assert_eq!(patch.len(), 2, "texts are known by the longest common subsequence: {patch:?}");
    }

    #[test]
    fn an_item_is_changed_in_place() {
        let old = Value::list(vec![named("a", "1"), named("b", "1")]);
        let new = Value::list(vec![named("z", "1"), named("a", "1"), named("b", "2")]);
        let patch = diff(&old, &new);
        let paths: Vec<String> = patch.iter().map(|operation| operation.path().to_string()).collect();
        assert_eq!(paths, ["/0", "/2/image"], "the others only move along");
    }

    #[test]
    fn a_list_too_long_for_a_table_is_matched_from_both_ends() {
        let item = |at: i64| Value::Integer(at);
        let old = Value::list((0..3000).map(item).collect());
        let new = Value::list((0..3000).filter(|at| *at != 1500).map(item).collect());
        assert_eq!(diff(&old, &new).len(), 1, "both ends are common");
        let mut far = (0..3000).map(|at| item(at + 1)).collect::<Vec<_>>();
        far.reverse();
        let mut patched = old.clone();
        let far = Value::list(far);
        apply(&mut patched, &diff(&old, &far)).expect("the patch fits");
        assert_eq!(patched, far, "it is exact even where it is not short");
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            (0_i64..4).prop_map(Value::Integer),
            "[a-c~/]{0,2}".prop_map(|text| Value::String(text.into())),
        ];
        leaf.prop_recursive(4, 64, 6, |inner| {
            let keys = prop_oneof![Just("name"), Just("port"), Just("a"), Just("b/~")];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::list),
                proptest::collection::vec((keys, inner), 0..4).prop_map(|map| Value::map(map.into_iter().collect())),
                proptest::collection::vec((0_i64..8, 0_i64..3), 0..6).prop_map(|items| {
                    let item = |(name, image)| [("name", Value::Integer(name)), ("image", Value::Integer(image))];
                    Value::list(items.into_iter().map(|pair| Value::map(item(pair).into_iter().collect())).collect())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_patch_leads_to_the_new_value_and_its_inverse_back(old in values(), new in values()) {
            let mut value = old.clone();
            prop_assert!(apply(&mut value, &diff(&old, &new)).is_ok());
            prop_assert_eq!(&value, &new);
            prop_assert!(apply(&mut value, &inverse(&old, &new)).is_ok());
            prop_assert_eq!(&value, &old);
            prop_assert!(diff(&old, &old).is_empty());
        }
    }
}
