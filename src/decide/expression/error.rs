//! In: what is wrong with an expression. Out: the sentence people read, and what to do next.
//! Guarantee: neither a value nor the expression's text is shown, only names that the author wrote.
use super::{bounds, cost};
use std::sync::Arc;

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// Its text is too long.
    #[error("the expression has {bytes} bytes, expected at most {max}", max = bounds::BYTES_MAX)]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// Brackets, or chained accesses and operators, stand too deep.
    #[error("the expression is nested too deep, expected at most {brackets} brackets within each other and {links} operators in a row", brackets = bounds::BRACKETS_MAX, links = bounds::LINKS_MAX)]
    TooDeep,
    /// Comprehensions stand too deep in each other.
    #[error("the expression nests comprehensions too deep, expected at most {max}", max = bounds::COMPREHENSIONS_MAX)]
    Comprehensions,
    /// It would take too many steps, or too much memory, with the values it is given.
    #[error("the expression would take too much work on these values, expected at most {max} units", max = cost::WORK_MAX)]
    TooCostly,
    /// It walks over a map that it builds itself, whose order is chance.
    #[error("the expression iterates over a map that it builds, whose entries have no order")]
    Unordered,
    /// It is not CEL; the text says where.
    #[error("the expression is not CEL: unexpected input at {0}")]
    Syntax(String),
    /// A string that CEL does not read as one.
    #[error("a string of the expression has no end, an unknown escape or an unknown prefix")]
    Quotes,
    /// A placeholder does not end.
    #[error("the placeholder has no end, expected `}}}}`")]
    Unclosed,
    /// A name, a key or a function that is not there.
    #[error("`{path}` is unknown")]
    UnknownName {
        /// The whole path as it is read.
        path: String,
        /// The part of it that is not there.
        name: Arc<str>,
        /// The names that are there in its stead; of something sensitive none.
        known: Vec<Arc<str>>,
    },
    /// A function that CEL does not have.
    #[error("the function `{0}` is unknown")]
    UnknownFunction(Arc<str>),
    /// A function that macros of Palette do not have here.
    #[error("the function `{0}` of a Palette macro is unknown")]
    UnknownMacroFunction(Arc<str>),
    /// Something that is computed is not there.
    #[error("{0} is absent")]
    Absent(String),
    /// A value of another type than is needed.
    #[error("{0}")]
    Type(String),
    /// A calculation without a result.
    #[error("the calculation has no result: {0}")]
    Arithmetic(&'static str),
}

impl ExpressionError {
    /// Returns what to do next.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::TooLong { .. } | Self::TooDeep => "split it into several variables",
            Self::Comprehensions => "index by a name instead of searching, or prepare the list in a variable",
            Self::TooCostly => "refer to a smaller part of the values, or walk over fewer items",
            Self::Unordered => "iterate over a list, or over a map of the values",
            Self::Syntax(_) => "texts stand in quotes, names with a dash or a slash in `[\"…\"]`",
            Self::Quotes => "write the backslashes of a pattern in `r'…'`",
            Self::Unclosed => "end it by `}}`, or write `$${{` for the characters themselves",
            // A root name is never absent: it is misspelt.
            Self::UnknownName { path, name, .. } if *path == **name => return None,
            Self::UnknownName { path, .. }
                if path.starts_with(".spectro.macro.") || path.starts_with(".spectro.system.") =>
            {
                "set it under `macros` of the Fleet, or give it a `default`"
            }
            Self::UnknownName { path, .. } if path.starts_with(".spectro.") => {
                "give it a `default`, or set what it names"
            }
            Self::UnknownName { .. } => "guard what may be absent by `has(…)`",
            Self::Absent(_) => "guard it by `in` for a key, or by `size(…)` for an index",
            Self::UnknownMacroFunction(_) => {
                "functions of chance, time and environment are left out; see the reference for those that there are"
            }
            Self::UnknownFunction(_) => "the functions are those of CEL's standard",
            Self::Type(_) | Self::Arithmetic(_) => return None,
        })
    }
}
