//! In: the tree of an expression and the values it reads. Out: nothing, or that it would take too much work.
//! Guarantee: found before evaluation, from above: what passes stays below the bound in steps and in memory.
use super::references::{self, Path};
use super::scope::exposed;
use super::{ExpressionError, bounds};
use crate::decide::value::Value;
use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, operators};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A unit is at most some tens of nanoseconds or bytes, so this is well under a second and a few hundred MB.
/// Joining two lists of a hundred small maps takes about a third of it.
pub(super) const WORK_MAX: u64 = 20_000_000;

/// What a number takes, and what evaluating one node takes.
const SCALAR: u64 = 16;

/// A pattern is compiled at each use, about this much a byte of it.
const PATTERN_BYTE: u64 = 2_000;

/// A pattern that repeats by numbers, or that is computed, may compile to as much as the regex crate allows.
const PATTERN_REPEATING: u64 = 1_000_000;

/// How large a value can be.
#[derive(Clone, Copy, Debug)]
struct Size {
    /// The most items of any list or map in it, itself included.
    count: u64,
    /// All of it.
    weight: u64,
    /// The heaviest item of any list or map in it.
    item: u64,
    /// Bit `n`: a map that the expression builds may stand `n` accesses below.
    built: u64,
}

impl Size {
    const SCALAR: Self = Self { count: 0, weight: SCALAR, item: SCALAR, built: 0 };

    fn text(text: &str) -> Self {
        Self { weight: SCALAR + text.len() as u64, ..Self::SCALAR }
    }

    fn of(value: &Value) -> Self {
        match exposed(value) {
            Value::String(text) => Self::text(text),
            Value::List(items) => Self::row(items.iter().map(Self::of)),
            Value::Map(map) => Self::row(map.iter().map(|(key, value)| Self::of(value).plus(Self::text(key)))),
            _ => Self::SCALAR,
        }
    }

    /// Of a list of `items`.
    fn row(items: impl IntoIterator<Item = Self>) -> Self {
        let mut row = Self::SCALAR;
        let mut length = 0;
        for item in items {
            length += 1;
            row.count = row.count.max(item.count);
            row.weight = row.weight.saturating_add(item.weight);
            row.item = row.item.max(item.weight).max(item.item);
            row.built |= item.built << 1;
        }
        row.count = row.count.max(length);
        row
    }

    /// Of one of its items.
    fn element(self) -> Self {
        Self { weight: self.item, built: self.built >> 1, ..self }
    }

    /// Of both in one.
    fn plus(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            weight: self.weight.saturating_add(other.weight),
            ..self.or(other)
        }
    }

    /// Of one of the two.
    fn or(self, other: Self) -> Self {
        Self {
            count: self.count.max(other.count),
            weight: self.weight.max(other.weight),
            item: self.item.max(other.item),
            built: self.built | other.built,
        }
    }
}

/// Checks what `expression` would take with the `bound` values of the paths it refers to.
pub(super) fn check(
    expression: &IdedExpr,
    paths: &[Path],
    bound: &BTreeMap<Arc<str>, Value>,
) -> Result<(), ExpressionError> {
    let sizes = paths.iter().filter_map(|path| {
        let root = path.first().and_then(|root| bound.get(root));
        let value = path.iter().skip(1).try_fold(root?, |value, key| value.get(key))?;
        Some((path.as_slice(), Size::of(value)))
    });
    let binding: u64 = bound.values().map(|value| Size::of(value).weight).fold(0, u64::saturating_add);
    let mut estimate = Estimate { sizes: sizes.collect(), locals: vec![], work: binding };
    estimate.node(expression)?;
    if estimate.work > WORK_MAX { Err(ExpressionError::TooCostly) } else { Ok(()) }
}

/// One estimate under way.
struct Estimate<'a> {
    sizes: BTreeMap<&'a [Arc<str>], Size>,
    locals: Vec<(&'a str, Size)>,
    work: u64,
}

impl<'a> Estimate<'a> {
    fn spend(&mut self, work: u64) {
        self.work = self.work.saturating_add(work);
    }

    fn node(&mut self, expression: &'a IdedExpr) -> Result<Size, ExpressionError> {
        self.spend(SCALAR);
        if let Some(path) = references::path(expression) {
            let locals: Vec<&str> = self.locals.iter().map(|(name, _)| *name).collect();
            if let Some(path) = path.global(&locals) {
                self.spend(SCALAR * path.len() as u64);
                // What is absent is an error once it is read.
                return Ok(self.sizes.get(path.as_slice()).copied().unwrap_or(Size::SCALAR));
            }
        }
        match &expression.expr {
            Expr::Literal(LiteralValue::String(text)) => Ok(Size::text(text.inner())),
            Expr::Literal(LiteralValue::Bytes(bytes)) => {
                Ok(Size { weight: SCALAR + bytes.inner().len() as u64, ..Size::SCALAR })
            }
            Expr::Unspecified | Expr::Literal(_) => Ok(Size::SCALAR),
            Expr::Ident(name) => {
                let local = self.locals.iter().rev().find(|(local, _)| local == name);
                Ok(local.map_or(Size::SCALAR, |(_, size)| *size))
            }
            Expr::Select(select) => Ok(self.node(&select.operand)?.element()),
            Expr::Call(call) => self.call(expression, call),
            Expr::Comprehension(all) => self.comprehension(all),
            Expr::List(_) => {
                let row = Size::row(self.inside(expression)?);
                self.spend(row.weight);
                Ok(row)
            }
            Expr::Map(_) | Expr::Struct(_) => {
                let row = Size::row(self.inside(expression)?);
                self.spend(row.weight);
                Ok(Size { built: row.built | 1, ..row })
            }
        }
    }

    fn inside(&mut self, expression: &'a IdedExpr) -> Result<Vec<Size>, ExpressionError> {
        bounds::children(expression).into_iter().map(|child| self.node(child)).collect()
    }

    fn call(&mut self, expression: &'a IdedExpr, call: &'a CallExpr) -> Result<Size, ExpressionError> {
        let sizes = self.inside(expression)?;
        let both = sizes.iter().copied().fold(Size::SCALAR, Size::plus);
        match call.func_name.as_str() {
            operators::CONDITIONAL => return Ok(sizes.into_iter().skip(1).fold(Size::SCALAR, Size::or)),
            operators::INDEX => return Ok(sizes.into_iter().next().unwrap_or(Size::SCALAR).element()),
            operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE => {
                return Ok(Size::SCALAR);
            }
            "matches" => self.spend(pattern(call, sizes.last().copied().unwrap_or(Size::SCALAR))),
            _ => {}
        }
        self.spend(both.weight);
        Ok(both)
    }

    fn comprehension(&mut self, all: &'a ComprehensionExpr) -> Result<Size, ExpressionError> {
        let range = self.node(&all.iter_range)?;
        if range.built & 1 == 1 {
            return Err(ExpressionError::Unordered);
        }
        self.node(&all.accu_init)?;
        let item = range.element();
        let outside = (self.locals.len(), self.work);
        self.locals.extend([(all.iter_var.as_str(), item), (all.accu_var.as_str(), Size::SCALAR)]);
        self.work = item.weight;
        self.node(&all.loop_cond)?;
        let step = self.node(&all.loop_step)?;
        let steps = self.work.saturating_mul(range.count);
        self.work = outside.1.saturating_add(steps);
        let result = self.node(&all.result)?;
        self.locals.truncate(outside.0);
        if !matches!(all.accu_init.expr, Expr::List(_)) {
            return Ok(result);
        }
        // `map` and `filter` append at most one item a step, without copying what is there.
        let weight = step.item.saturating_mul(range.count).saturating_add(SCALAR);
        self.spend(weight);
        Ok(Size { count: step.count.max(range.count), weight, ..step })
    }
}

fn pattern(call: &CallExpr, size: Size) -> u64 {
    let bytes = size.weight.saturating_mul(PATTERN_BYTE);
    match call.args.last().and_then(references::text) {
        Some(text) if !text.contains('{') => bytes,
        _ => bytes.saturating_add(PATTERN_REPEATING),
    }
}
