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
