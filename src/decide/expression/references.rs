//! In: the tree of an expression. Out: the paths it reads, as far as they are written out.
//! Guarantee: whatever the expression can read lies at or below one of them.
use super::bounds;
use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue, operators};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A root name, and the keys that follow it.
pub(super) type Path = Vec<Arc<str>>;

/// Names that CEL itself knows, as in `type(x) == int`.
pub(super) const TYPES: &[&str] =
    &["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];

/// All that an expression names.
#[derive(Debug, Default)]
pub(super) struct References {
    /// What it reads.
    pub(super) paths: Vec<Path>,
    /// What it asks `has(…)` of.
    pub(super) tested: BTreeSet<Path>,
    /// Each key that is written out, of whatever map.
    pub(super) keys: BTreeSet<Arc<str>>,
}

impl References {
    /// Collects what `expression` names.
    pub(super) fn of(expression: &IdedExpr) -> Self {
        let mut references = Self::default();
        references.walk(expression, &mut Vec::new());
        references.paths.sort();
        references.paths.dedup();
        references
    }

    /// Returns what an expression names that is one path and nothing else.
    pub(super) fn of_path(path: Path) -> Self {
        let keys = path.iter().skip(1).cloned().collect();
        Self { paths: vec![path], keys, tested: BTreeSet::new() }
    }

    fn walk<'a>(&mut self, expression: &'a IdedExpr, locals: &mut Vec<&'a str>) {
        match &expression.expr {
            Expr::Select(select) => {
                self.keys.insert(select.field.as_str().into());
            }
            Expr::Call(call) if call.func_name == operators::INDEX => {
                self.keys.extend(call.args.get(1).and_then(text).map(Into::into));
            }
            _ => {}
        }
        if let Some(path) = path(expression) {
            if let Some(path) = path.global(locals) {
                if matches!(&expression.expr, Expr::Select(select) if select.test) {
                    self.tested.insert(path.clone());
                }
                self.paths.push(path);
            }
            // Only the keys inside are still of interest.
            if let Some(inner) = bounds::children(expression).first() {
                self.keys_of(inner);
            }
            return;
        }
        if let Expr::Comprehension(all) = &expression.expr {
            self.walk(&all.iter_range, locals);
            self.walk(&all.accu_init, locals);
            let outside = locals.len();
            locals.extend([all.iter_var.as_str(), all.accu_var.as_str()]);
            locals.extend(all.iter_var2.as_deref());
            for inner in [&all.loop_cond, &all.loop_step, &all.result] {
                self.walk(inner, locals);
            }
            locals.truncate(outside);
            return;
        }
        for child in bounds::children(expression) {
            self.walk(child, locals);
        }
    }

    fn keys_of(&mut self, expression: &IdedExpr) {
        if let Some(path) = path(expression) {
            self.keys.extend(path.keys.into_iter().map(Into::into));
        }
    }
}

/// A path as it is written: its head may be a variable of a comprehension.
pub(super) struct Written<'a> {
    pub(super) head: &'a str,
    pub(super) keys: Vec<&'a str>,
}

impl Written<'_> {
    /// Returns the path where its head is a root, not one of `locals` nor a type.
    pub(super) fn global(&self, locals: &[&str]) -> Option<Path> {
        // A leading dot means the root, whatever the comprehensions around name so.
        let root = self.head.strip_prefix('.');
        if root.is_none() && locals.contains(&self.head) {
            return None;
        }
        let root = root.unwrap_or(self.head);
        let is_type = self.keys.is_empty() && TYPES.contains(&root);
        (!is_type).then(|| std::iter::once(root).chain(self.keys.iter().copied()).map(Into::into).collect())
    }
}

/// Returns the path that `expression` is, where it is one as a whole.
pub(super) fn path(expression: &IdedExpr) -> Option<Written<'_>> {
    match &expression.expr {
        Expr::Ident(name) => Some(Written { head: name, keys: vec![] }),
        Expr::Select(select) => {
            let mut path = path(&select.operand)?;
            path.keys.push(&select.field);
            Some(path)
        }
        Expr::Call(call) if call.func_name == operators::INDEX => {
            let [operand, index] = call.args.as_slice() else { return None };
            let key = text(index)?;
            let mut path = path(operand)?;
            path.keys.push(key);
            Some(path)
        }
        _ => None,
    }
}

/// Returns the text of a string that is written out.
pub(super) fn text(expression: &IdedExpr) -> Option<&str> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}
