//! In: an expression over one object, later the object. Out: whether it holds, or that something it reads is not there.
//! Guarantee: what is not there is no truth of either sort; a name that no object has is an error before any is seen.
use super::{Expression, ExpressionError, Scope};
use crate::decide::value::{Map, Seal, Value};
use std::sync::Arc;

/// What an expression may name: the object, and its fields by themselves.
const ROOTS: [&str; 7] = ["object", "apiVersion", "kind", "metadata", "spec", "status", "data"];

/// An expression that says yes or no of an object.
#[derive(Clone, Debug)]
pub struct Predicate(Arc<Expression>);

impl PartialEq for Predicate {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Predicate {
    /// Compiles `text`.
    pub fn compile(text: &str) -> Result<Self, ExpressionError> {
        let expression = Expression::compile(text)?;
        expression.check_names(&ROOTS)?;
        Ok(Self(expression))
    }

    /// Returns its text.
    pub fn text(&self) -> &str {
        self.0.text()
    }

    /// Returns whether it holds of `object`; nothing where a field that it reads is not there.
    pub fn holds(&self, object: &Value) -> Result<Option<bool>, ExpressionError> {
        // Only truth comes out, so that no key is needed to tell two sealed results apart.
        let seal = Seal::new(&[]);
        let part = |root: &str| object.get(root).filter(|part| !part.is_null()).cloned();
        let fields = ROOTS.into_iter().skip(1).map(|root| (root, part(root).unwrap_or_else(|| Map::default().into())));
        let scope =
            fields.fold(Scope::new(&seal).with("object", object.clone()), |scope, (root, part)| scope.with(root, part));
        match self.0.evaluate_bool(&scope) {
            Ok(truth) => Ok(Some(truth)),
            // Each root is bound and each name was checked, so what is unknown is a field.
            Err(ExpressionError::UnknownName { .. } | ExpressionError::Absent(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> Value {
        let status: Map = [("phase", Value::string("Ready")), ("replicas", Value::Integer(2))].into_iter().collect();
        let fields = [("kind", Value::string("Widget")), ("status", status.into())];
        Value::map(fields.into_iter().collect())
    }

    fn holds(text: &str) -> Result<Option<bool>, ExpressionError> {
        Predicate::compile(text).and_then(|predicate| predicate.holds(&object()))
    }

    #[test]
    fn an_object_is_read_by_its_fields_or_as_a_whole() {
        assert_eq!(holds("status.phase == 'Ready'"), Ok(Some(true)));
        assert_eq!(holds("object.status.replicas > 2"), Ok(Some(false)));
        assert_eq!(holds("kind == 'Widget' && has(status.phase)"), Ok(Some(true)));
        assert_eq!(holds("[1, 2].exists(n, n == status.replicas)"), Ok(Some(true)));
    }

    #[test]
    fn a_field_that_is_not_there_is_neither_true_nor_false() {
        assert_eq!(holds("status.ready"), Ok(None));
        assert_eq!(holds("spec.replicas == status.replicas"), Ok(None));
        assert_eq!(holds("object.spec.replicas == 1"), Ok(None));
        assert_eq!(holds("status.conditions[0].status == 'True'"), Ok(None));
        assert_eq!(holds("[{'a': 1}][0].b == 1"), Ok(None));
        assert_eq!(holds("has(status.ready) && status.ready"), Ok(Some(false)), "it asked");
    }

    #[test]
    fn names_that_no_object_has_are_errors_before_one_is_seen() {
        let refused = |text| Predicate::compile(text).err().map(|error| error.to_string());
        assert_eq!(refused("stauts.phase == 'Ready'").as_deref(), Some("`stauts` is unknown"));
        assert_eq!(refused("status.phase.lower() == 'a'").as_deref(), Some("the function `lower` is unknown"));
        assert!(refused("status.replicas ==").is_some(), "it ends too early");
        for known in ["size(status.phase)", "status.phase.startsWith('a')", "string(status.replicas) == '2'"] {
            assert_eq!(refused(known), None, "{known}");
        }
    }

    #[test]
    fn all_else_is_an_error() {
        assert!(holds("status.phase").is_err(), "a text is no truth");
        assert!(holds("status.phase > 2").is_err(), "a text has no order with numbers");
    }
}
