//! In: a kind of document. Out: its JSON Schema, for editors.
//! Guarantee: from the same table that reading uses; a field that is not supported yet is not in it.
use super::field_types::{Field, Presence, Shape};
use super::kind::DocumentKind;
use serde_json::{Map, Value, json};

/// Returns the JSON Schema (draft 2020-12) of a kind.
pub fn schema(kind: DocumentKind) -> Value {
    schema_of(kind.name(), kind.fields())
}

/// Returns the JSON Schema of what has these fields.
pub fn schema_of(title: &str, fields: &[Field]) -> Value {
    let mut schema = object(fields);
    if let Some(map) = schema.as_object_mut() {
        map.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        map.insert("title".into(), title.into());
    }
    schema
}

fn object(fields: &[Field]) -> Value {
    let known = || fields.iter().filter(|field| field.presence != Presence::Later);
    let properties: Map<String, Value> = known().map(|field| (field.name.to_owned(), property(field))).collect();
    let required: Vec<&str> =
        known().filter(|field| field.presence == Presence::Required).map(|field| field.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if let (Some(map), false) = (schema.as_object_mut(), required.is_empty()) {
        map.insert("required".into(), required.into());
    }
    schema
}

fn property(field: &Field) -> Value {
    let mut schema = of(&field.shape);
    if let Some(map) = schema.as_object_mut() {
        map.insert("description".into(), field.about.into());
    }
    schema
}

fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Checked(_, expected) => json!({ "type": "string", "$comment": expected }),
        Shape::Word(words) => json!({ "enum": words }),
        Shape::Integer(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Any => json!({}),
        Shape::AnyMap => json!({ "type": "object" }),
        Shape::List(item) | Shape::Named(_, item) => json!({ "type": "array", "items": of(item) }),
        Shape::Entries(shape) => json!({ "type": "object", "additionalProperties": of(shape) }),
        Shape::Object(fields) => object(fields),
        Shape::TextOr(text, fields) => json!({ "anyOf": [of(text), object(fields)] }),
        Shape::Scalar => json!({ "type": ["string", "number", "boolean"] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_schema_that_compiles() {
        for kind in DocumentKind::ALL {
            let schema = schema(kind);
            assert!(jsonschema::validator_for(&schema).is_ok(), "{} is a schema", kind.name());
        }
    }
}
