//! In: a value. Out: the same for CEL, and back.
//! Guarantee: a map is walked over in the order of its keys; what JSON has no form for does not come back.
use super::ExpressionError;
use crate::decide::value::{Map, Value};
use cel::ExecutionError;
use cel::common::traits::{Container, Indexer, Iterable, Iterator as CelIterator, Sizer, Zeroer};
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt, Kind, Type,
};
use cel::common::value::{Builtin, BuiltinRef, CowVal, Val};
use std::sync::Arc;

/// Returns `value`, in which nothing is sealed, for CEL.
pub(super) fn to_cel(value: &Value) -> Box<dyn Val> {
    match value {
        // Sealed values are exposed before; were one left, it would read as nothing rather than leak.
        Value::Null | Value::Sensitive(_) => Box::new(CelNull),
        Value::Bool(truth) => Box::new(CelBool::from(*truth)),
        Value::Integer(number) => Box::new(CelInt::from(*number)),
        Value::Unsigned(number) => Box::new(CelUInt::from(*number)),
        Value::Float(number) => Box::new(CelDouble::from(*number)),
        Value::String(text) => Box::new(CelString::from(text.to_string())),
        Value::List(items) => Box::new(CelList::from(items.iter().map(to_cel).collect::<Vec<_>>())),
        Value::Map(map) => Box::new(SortedMap::of(map)),
    }
}

/// Returns a value of CEL, where JSON has a form for it.
pub(super) fn from_cel(value: &dyn Val) -> Result<Value, ExpressionError> {
    if let Some(text) = value.downcast_ref::<CelString>() {
        return Ok(Value::string(text.inner()));
    }
    if let Some(list) = value.downcast_ref::<CelList>() {
        let items: Result<_, _> = list.inner().iter().map(|item| from_cel(item.as_ref())).collect();
        return Ok(Value::list(items?));
    }
    if let Some(map) = value.downcast_ref::<CelMap>() {
        let entries = map.inner().iter().map(|(key, value)| Ok((key_from_cel(key)?, from_cel(value.as_ref())?)));
        return Ok(entries.collect::<Result<Map, _>>()?.into());
    }
    let scalar = match value.get_type().kind() {
        Kind::NullType => Some(Value::Null),
        Kind::Boolean => value.downcast_ref::<CelBool>().map(|truth| Value::Bool(*truth.inner())),
        Kind::Int => value.downcast_ref::<CelInt>().map(|number| Value::Integer(*number.inner())),
        Kind::UInt => value.downcast_ref::<CelUInt>().map(|number| Value::unsigned(*number.inner())),
        Kind::Double => {
            let number = value.downcast_ref::<CelDouble>().map(|number| *number.inner());
            let infinite = ExpressionError::Arithmetic("a number that is not finite");
            return number.and_then(Value::float).ok_or(infinite);
        }
        _ => None,
    };
    scalar.ok_or_else(|| {
        let found = value.get_type().name();
        ExpressionError::Type(format!("expected a value that JSON has a form for, found one of CEL type {found}"))
    })
}

fn key_from_cel(key: &CelMapKey) -> Result<Arc<str>, ExpressionError> {
    match key {
        CelMapKey::String(text) => Ok(text.inner().into()),
        _ => Err(ExpressionError::Type("expected strings as the keys of a map, found others".to_owned())),
    }
}

/// A map of CEL that is walked over in the order of its keys, not in one of chance, and whose clone costs a count.
#[derive(Clone, Debug)]
struct SortedMap(Arc<Entries>);

#[derive(Debug)]
struct Entries {
    map: CelMap<'static>,
    keys: Vec<CelString<'static>>,
}

impl SortedMap {
    fn of(map: &Map) -> Self {
        let entry = |(key, value): (&Arc<str>, &Value)| (CelMapKey::String(key.to_string().into()), to_cel(value));
        let entries: std::collections::HashMap<_, _> = map.iter().map(entry).collect();
        let keys = map.iter().map(|(key, _)| key.to_string().into()).collect();
        Self(Arc::new(Entries { map: entries.into(), keys }))
    }
}

impl Val for SortedMap {
    fn get_type(&self) -> &Type {
        Self::cel_type()
    }

    fn cel_type() -> &'static Type {
        CelMap::cel_type()
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(&self.0.map)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn into_indexer<'v>(self: Box<Self>) -> Option<Box<dyn Indexer + 'v>>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(&self.0.map)
    }

    fn as_zeroer(&self) -> Option<&dyn Zeroer> {
        Some(&self.0.map)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        self.0.map.equals(other)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }

    // CEL recognises its own maps by this, as when it compares a literal one with this one.
    fn as_builtin<'b, 'v>(&'b self) -> BuiltinRef<'b, 'v>
    where
        Self: 'v,
    {
        BuiltinRef::Map(&self.0.map)
    }

    fn into_builtin<'v>(self: Box<Self>) -> Option<Builtin<'v>>
    where
        Self: 'v,
    {
        Some(Builtin::Map(self.0.map.clone()))
    }
}

impl Indexer for SortedMap {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.0.map.get(key)
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Indexer::get(&self.0.map, key).map(|value| value.clone().into_owned())
    }
}

impl Iterable for SortedMap {
    fn iter<'b, 'v>(&'b self) -> Box<dyn CelIterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(Keys(self.0.keys.iter()))
    }
}

struct Keys<'b>(std::slice::Iter<'b, CelString<'static>>);

impl<'b, 'v> CelIterator<'b, 'v> for Keys<'b> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        self.0.next().map(|key| key as &dyn Val)
    }
}
