//! In: a condition of an entry, what it may ask. Out: whether the entry counts.
//! Guarantee: true or false, or a diagnostic at the condition; an absent label is null.
use super::super::codes;
use super::super::placeholder::template::advised;
use super::overlays::Asked;
use crate::decide::document::Fragment;
use crate::decide::expression::Expression;
use crate::decide::value::Diagnostic;

impl Asked<'_> {
    pub(in crate::decide::profile) fn holds(&self, when: Option<&Fragment>) -> Result<bool, Diagnostic> {
        let Some(part) = when else { return Ok(true) };
        let scope = self.roots.scope(self.seal);
        let evaluated = Expression::compile(part.text()).and_then(|expression| expression.evaluate_bool(&scope));
        evaluated.map_err(|error| {
            let said = Diagnostic::error(codes::EXPRESSION, format!("the condition cannot be evaluated: {error}"))
                .at(part.span());
            advised(said, &error).expected("a CEL expression over cluster, environment and fleet that is true or false")
        })
    }
}
