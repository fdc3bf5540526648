//! In: an object that a program rendered of a package. Out: the same with the package's variables filled, its images in the
//! layer's registry.
//! Guarantee: what a secret went into is sensitive; what no variable fills is an error, not empty; an image is renamed as
//! Zarf renames it where it pushes one.
use super::images::in_registry;
use super::variables::Variables;
use crate::decide::value::{Map, Seal, Value};
use std::sync::Arc;

/// What is done to all that a part of a package renders to.
#[derive(Clone, Debug, PartialEq)]
pub struct Finish {
    /// What is filled; none where what it renders to is no text of the package.
    variables: Option<Arc<Variables>>,
    registry: Option<Arc<str>>,
}

impl Finish {
    pub(super) fn new(variables: Option<Arc<Variables>>, registry: Option<Arc<str>>) -> Self {
        Self { variables, registry }
    }

    /// Fills an object; in words what cannot be.
    pub fn object(&self, object: &Value, seal: &Seal) -> Result<Value, String> {
        let filled = match &self.variables {
            Some(variables) => filled(variables, object, seal)?,
            None => object.clone(),
        };
        Ok(self.mirrored(filled))
    }

    /// Returns an object with its images in the registry.
    pub(super) fn mirrored(&self, object: Value) -> Value {
        match &self.registry {
            Some(registry) => in_registry(&object, registry),
            None => object,
        }
    }

    /// Returns what it is digested by; what is sensitive enters as its HMAC.
    pub(super) fn value(&self, seal: &Seal) -> Value {
        let registry = self.registry.as_ref().map_or(Value::Null, |registry| Value::String(registry.clone()));
        let variables = self.variables.as_ref().map_or(Value::Null, |variables| variables.value(seal));
        [("registry", registry), ("variables", variables)].into_iter().collect::<Map>().into()
    }
}

fn filled(variables: &Variables, value: &Value, seal: &Seal) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => {
            let filled = variables.fill(text)?;
            let is_secret = variables.is_in(&filled);
            if is_secret { seal.seal(Value::string(&filled)) } else { Value::string(&filled) }
        }
        Value::List(items) => {
            Value::list(items.iter().map(|item| filled(variables, item, seal)).collect::<Result<Vec<_>, _>>()?)
        }
        Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| Ok((key.clone(), filled(variables, value, seal)?)));
            entries.collect::<Result<Map, String>>()?.into()
        }
        value => value.clone(),
    })
}
