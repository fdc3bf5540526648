//! In: a value and what is written over it. Out: the value after it.
//! Guarantee: RFC 7386: maps merge deep, all else replaces, null removes, or stays where a chart has to see it.
use super::Value;

/// What becomes of a null that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// It removes and is gone: RFC 7386.
    Drop,
    /// It removes what was there and stays, so that it also deletes the default of a chart.
    Keep,
}

/// Writes `over` over `target`.
pub fn merge(target: &mut Value, over: &Value, nulls: Nulls) {
    let Value::Map(entries) = over else {
        *target = over.clone();
        return;
    };
    // Over what is no map all of it is new: it is shared, and not built again.
    if target.as_map().is_none_or(super::Map::is_empty) && (nulls == Nulls::Keep || !has_null(over)) {
        *target = over.clone();
        return;
    }
    let map = target.make_map();
    for (key, over) in entries.iter() {
        match (over, nulls) {
            (Value::Null, Nulls::Drop) => {
                map.remove(key);
            }
            (Value::Map(_), _) => merge(map.entry(key), over, nulls),
            _ => {
                map.insert(key.clone(), over.clone());
            }
        }
    }
}

/// Whether a map, or one inside it, has a null; in a list it is an item like any other.
fn has_null(value: &Value) -> bool {
    value.as_map().is_some_and(|map| map.iter().any(|(_, value)| value.is_null() || has_null(value)))
}
