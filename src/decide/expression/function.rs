//! In: the tree of an expression. Out: the first function that it calls and nobody has.
//! Guarantee: what is not told here may still be called with arguments that it does not take.
use super::bounds;
use cel::common::ast::Expr;
use cel::{Context, Env, ExecutionError, IdedExpr};
use std::sync::Arc;

/// Returns the first function that `expression` calls and `standard` has not.
pub(super) fn unknown(expression: &IdedExpr, standard: &Arc<Env>) -> Option<Arc<str>> {
    let own = match &expression.expr {
        Expr::Call(call) if is_name(&call.func_name) && !is_known(&call.func_name, standard) => {
            Some(call.func_name.as_str().into())
        }
        _ => None,
    };
    own.or_else(|| bounds::children(expression).into_iter().find_map(|child| unknown(child, standard)))
}

/// Operators are calls too, by names that nobody can write.
fn is_name(function: &str) -> bool {
    function.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && function.bytes().next().is_some_and(|first| first.is_ascii_alphabetic())
}

/// CEL has no list of its functions, but tells of one that is unknown apart from one that takes other arguments.
fn is_known(function: &str, standard: &Arc<Env>) -> bool {
    [format!("{function}()"), format!("''.{function}()")].iter().any(|call| {
        let Ok(tree) = cel::parser::Parser::new().parse(call) else { return true };
        let context = Context::with_env(standard.clone());
        let answer = cel::Value::resolve_val(&tree, &context);
        !matches!(answer, Err(ExecutionError::UndeclaredReference(_)))
    })
}
