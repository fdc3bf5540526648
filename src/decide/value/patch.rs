//! In: a value and a patch of RFC 6902. Out: the value after it, or the operation that could not be done.
//! Guarantee: all operations or none.
use super::pointer::index;
use super::{Map, Pointer, Value};
use std::fmt;
use std::sync::Arc;

/// Operations, in order.
pub type Patch = Vec<PatchOperation>;

/// One operation of RFC 6902.
#[derive(Clone, Debug, PartialEq)]
pub enum PatchOperation {
    /// Adds to a map, inserts into a list.
    Add(Pointer, Value),
    /// Removes what must be there.
    Remove(Pointer),
    /// Replaces what must be there.
    Replace(Pointer, Value),
    /// Removes there (first), adds here (second).
    Move(Pointer, Pointer),
    /// Copies from the first to the second.
    Copy(Pointer, Pointer),
    /// Holds only if this value is there.
    Test(Pointer, Value),
}

impl PatchOperation {
    /// Returns where it acts.
    pub fn path(&self) -> &Pointer {
        match self {
            Self::Add(path, _)
            | Self::Remove(path)
            | Self::Replace(path, _)
            | Self::Test(path, _)
            | Self::Move(_, path)
            | Self::Copy(_, path) => path,
        }
    }

    /// Returns it as RFC 6902 writes it.
    pub fn to_value(&self) -> Value {
        let text = |pointer: &Pointer| Value::String(pointer.to_string().into());
        let (op, from, value) = match self {
            Self::Add(_, value) => ("add", None, Some(value)),
            Self::Remove(_) => ("remove", None, None),
            Self::Replace(_, value) => ("replace", None, Some(value)),
            Self::Move(from, _) => ("move", Some(from), None),
            Self::Copy(from, _) => ("copy", Some(from), None),
            Self::Test(_, value) => ("test", None, Some(value)),
        };
        let mut map: Map = [("op", Value::string(op)), ("path", text(self.path()))].into_iter().collect();
        from.map(|from| map.insert("from".into(), text(from)));
        value.map(|value| map.insert("value".into(), value.clone()));
        map.into()
    }
}

/// Which operation could not be done, and why; the value itself is not repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchError {
    /// Its place in the patch, from zero.
    pub operation: usize,
    /// Where it would have acted.
    pub path: Pointer,
    /// Why it could not be done.
    pub why: PatchFault,
}

/// Why an operation could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchFault {
    /// There is nothing at the path.
    Absent,
    /// The path goes through something that is neither a map nor a list, or names no index of the list.
    NoWay,
    /// Another value is there than the test wants.
    Test,
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, path, why } = self;
        let why = match why {
            PatchFault::Absent => "there is nothing at",
            PatchFault::NoWay => "no map or list leads to",
            PatchFault::Test => "the test does not hold at",
        };
        write!(f, "operation {operation}: {why} `{path}`")
    }
}

/// Applies `patch` to `value`; where an operation cannot be done, the value stays as it was.
pub fn apply(value: &mut Value, patch: &[PatchOperation]) -> Result<(), PatchError> {
    let mut patched = value.clone();
    for (at, operation) in patch.iter().enumerate() {
        step(&mut patched, operation).map_err(|why| PatchError {
            operation: at,
            path: operation.path().clone(),
            why,
        })?;
    }
    *value = patched;
    Ok(())
}

fn step(value: &mut Value, operation: &PatchOperation) -> Result<(), PatchFault> {
    match operation {
        PatchOperation::Add(path, new) => add(value, path.tokens(), new.clone()),
        PatchOperation::Remove(path) => remove(value, path.tokens()).map(drop),
        PatchOperation::Replace(path, new) => find(value, path.tokens()).map(|old| *old = new.clone()),
        PatchOperation::Move(from, path) => {
            if path.is_within(from) && path != from {
                return Err(PatchFault::NoWay);
            }
            let moved = remove(value, from.tokens())?;
            add(value, path.tokens(), moved)
        }
        PatchOperation::Copy(from, path) => {
            let copied = from.get(value).cloned().ok_or(PatchFault::Absent)?;
            add(value, path.tokens(), copied)
        }
        PatchOperation::Test(path, wanted) => match path.get(value) {
            Some(found) if found == wanted => Ok(()),
            Some(_) => Err(PatchFault::Test),
            None => Err(PatchFault::Absent),
        },
    }
}

fn find<'a>(value: &'a mut Value, tokens: &[Arc<str>]) -> Result<&'a mut Value, PatchFault> {
    tokens.iter().try_fold(value, |value, token| match value {
        Value::Map(map) => Arc::make_mut(map).get_mut(token).ok_or(PatchFault::Absent),
        Value::List(items) => {
            let at = index(token).ok_or(PatchFault::NoWay)?;
            Arc::make_mut(items).get_mut(at).ok_or(PatchFault::Absent)
        }
        _ => Err(PatchFault::NoWay),
    })
}

fn add(value: &mut Value, tokens: &[Arc<str>], new: Value) -> Result<(), PatchFault> {
    let Some((last, parents)) = tokens.split_last() else {
        *value = new;
        return Ok(());
    };
    match find(value, parents)? {
        Value::Map(map) => {
            Arc::make_mut(map).insert(last.clone(), new);
            Ok(())
        }
        Value::List(items) => {
            let items = Arc::make_mut(items);
            let at = if &**last == "-" { items.len() } else { index(last).ok_or(PatchFault::NoWay)? };
            if at > items.len() {
                return Err(PatchFault::Absent);
            }
            items.insert(at, new);
            Ok(())
        }
        _ => Err(PatchFault::NoWay),
    }
}

fn remove(value: &mut Value, tokens: &[Arc<str>]) -> Result<Value, PatchFault> {
    let Some((last, parents)) = tokens.split_last() else { return Ok(std::mem::take(value)) };
    match find(value, parents)? {
        Value::Map(map) => Arc::make_mut(map).remove(last).ok_or(PatchFault::Absent),
        Value::List(items) => {
            let at = index(last).ok_or(PatchFault::NoWay)?;
            let items = Arc::make_mut(items);
            if at < items.len() { Ok(items.remove(at)) } else { Err(PatchFault::Absent) }
        }
        _ => Err(PatchFault::NoWay),
    }
}
