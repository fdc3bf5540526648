//! In: the text of an expression, then a scope. Out: its value.
//! Guarantee: what depends on something sensitive comes back sealed; an error shows no value.
use super::references::{Path, References};
use super::scope::exposed;
use super::{ExpressionError, Scope, bounds, cel_values, cost, function, plain};
use crate::decide::value::Value;
use cel::parser::ParseErrors;
use cel::{Context, Env, ExecutionError, IdedExpr};
use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

/// The functions and types of CEL's standard, and none of ours.
static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| {
    // Without optional values, which JSON has no form for.
    let standard = Env::default().with_optional_support(false).with_stdlib();
    Arc::new(standard)
});

/// A compiled expression, to share.
///
/// Compiling descends deep within its bounds: its callers run on threads with a stack of 64 MiB.
pub struct Expression {
    text: Arc<str>,
    /// Empty until it is needed where the text is a plain path.
    tree: OnceLock<IdedExpr>,
    references: References,
    is_plain: bool,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

fn parse(text: &str) -> Result<IdedExpr, ExpressionError> {
    cel::parser::Parser::new().parse(text).map_err(|errors| syntax(&errors))
}

impl Expression {
    /// Compiles `text`.
    pub fn compile(text: &str) -> Result<Arc<Self>, ExpressionError> {
        bounds::check_text(text)?;
        if let Some(path) = plain::path(text) {
            let references = References::of_path(path);
            return Ok(Arc::new(Self { text: text.into(), tree: OnceLock::new(), references, is_plain: true }));
        }
        let tree = parse(text)?;
        bounds::check_tree(&tree, bounds::COMPREHENSIONS_MAX)?;
        let references = References::of(&tree);
        Ok(Arc::new(Self { text: text.into(), tree: tree.into(), references, is_plain: false }))
    }

    fn tree(&self) -> Result<&IdedExpr, ExpressionError> {
        if let Some(tree) = self.tree.get() {
            return Ok(tree);
        }
        let tree = parse(&self.text)?;
        Ok(self.tree.get_or_init(|| tree))
    }

    /// Returns its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the paths it reads, each from a root name as far as it is written out, sorted and each once.
    pub fn references(&self) -> &[Vec<Arc<str>>] {
        &self.references.paths
    }

    /// Returns its value; one that depends on something sensitive is sealed.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, ExpressionError> {
        if let (true, [path]) = (self.is_plain, self.references.paths.as_slice())
            && let Some(value) = scope.scalar(path)
        {
            return Ok(value);
        }
        let tree = self.tree()?;
        let (bound, tainted) = scope.bind(&self.references);
        cost::check(tree, &self.references.paths, &bound)?;
        let mut context = Context::with_env(STANDARD.clone());
        for (root, value) in &bound {
            context.add_variable_as_val(root.to_string(), cel_values::to_cel(value));
        }
        let found = cel::Value::resolve_val(tree, &context);
        let found = found.map_err(|error| self.explain(&error, scope, tainted))?;
        let value = cel_values::from_cel(found.as_ref())?;
        Ok(if tainted { scope.seal.seal(value) } else { value })
    }

    /// Says what it names that is not there, whatever the values: a root that is none of `roots`, or a function.
    pub fn check_names(&self, roots: &[&str]) -> Result<(), ExpressionError> {
        let unknown =
            self.references.paths.iter().filter_map(|path| path.first()).find(|root| !roots.contains(&&***root));
        if let Some(root) = unknown {
            return Err(unknown_root(root, roots.iter().map(|root| Arc::from(*root)).collect()));
        }
        match if self.is_plain { None } else { function::unknown(self.tree()?, &STANDARD) } {
            Some(name) => Err(ExpressionError::UnknownFunction(name)),
            None => Ok(()),
        }
    }

    /// Returns its truth, for a condition; that much of something sensitive is told.
    pub fn evaluate_bool(&self, scope: &Scope<'_>) -> Result<bool, ExpressionError> {
        let value = self.evaluate(scope)?;
        let value = exposed(&value);
        value.as_bool().ok_or_else(|| ExpressionError::Type(format!("expected a boolean, found {}", value.type_name())))
    }

    /// CEL's own sentences show values, so each is said anew, without.
    fn explain(&self, error: &ExecutionError, scope: &Scope<'_>, tainted: bool) -> ExpressionError {
        use ExecutionError as E;
        match error {
            E::UndeclaredReference(name) => {
                // A function is named here too, and is no misspelt root.
                let is_root =
                    self.references.paths.iter().any(|path| path.first().is_some_and(|root| **root == **name));
                let function = || ExpressionError::UnknownFunction(name.as_str().into());
                if is_root { unknown_root(name, scope.names()) } else { function() }
            }
            E::NoSuchKey(key) => self.explain_key(key, scope, tainted),
            E::IndexOutOfBounds(_) => ExpressionError::Absent("an item of a list".to_owned()),
            E::NoSuchOverload(error) => {
                let types = error.argument_types().join(", ");
                ExpressionError::Type(format!("`{}` does not take {types}", operator(error.function())))
            }
            E::UnexpectedType { got, want } => ExpressionError::Type(format!("expected {want}, found {got}")),
            E::UnsupportedBinaryOperator(operator, left, right) => {
                let (left, right) = (left.type_of(), right.type_of());
                ExpressionError::Type(format!("`{operator}` does not take {left}, {right}"))
            }
            E::ValuesNotComparable(left, right) => {
                ExpressionError::Type(format!("{} and {} have no order", left.type_of(), right.type_of()))
            }
            E::UnsupportedKeyType(key) => ExpressionError::Type(format!("{} is no key of a map", key.type_of())),
            E::UnsupportedIndex(index, of) => {
                ExpressionError::Type(format!("{} is no index of {}", index.type_of(), of.type_of()))
            }
            E::FunctionError { function, .. } => {
                ExpressionError::Type(format!("`{}` does not take this argument", operator(function)))
            }
            E::DivisionByZero(_) | E::RemainderByZero(_) => ExpressionError::Arithmetic("a division by zero"),
            E::Overflow(..) => ExpressionError::Arithmetic("a number that is too large"),
            E::DuplicateKey(_) => ExpressionError::Type("a map has a key twice".to_owned()),
            _ => ExpressionError::Type("an argument is of a type that is not taken there".to_owned()),
        }
    }

    /// A key that was computed is a value, so only one that is written out is named.
    fn explain_key(&self, key: &str, scope: &Scope<'_>, tainted: bool) -> ExpressionError {
        let absent = |path: &&Path| path.get(scope.depth_of(path)).is_some_and(|missing| **missing == *key);
        if let Some(path) = self.references.paths.iter().find(absent) {
            let known = if tainted { Vec::new() } else { scope.names_beside(path) };
            return ExpressionError::UnknownName { path: path.join("."), name: key.into(), known };
        }
        if !tainted && self.references.keys.contains(key) {
            return ExpressionError::UnknownName { path: key.to_owned(), name: key.into(), known: Vec::new() };
        }
        ExpressionError::Absent("a key that the expression computes".to_owned())
    }
}

fn unknown_root(name: &str, known: Vec<Arc<str>>) -> ExpressionError {
    ExpressionError::UnknownName { path: name.to_owned(), name: name.into(), known }
}

/// Returns how people write an operator that CEL calls `_+_`.
fn operator(function: &str) -> &str {
    function.trim_matches(['_', '@'])
}

/// CEL's sentences show the source, so only the place of the first is kept.
fn syntax(errors: &ParseErrors) -> ExpressionError {
    let (line, column) = errors.errors.first().map_or((1, 1), |error| error.pos);
    ExpressionError::Syntax(format!("line {}, column {}", line.max(1), column.max(1)))
}
