//! In: the text between `{{` and `}}` of a Palette macro, then a scope. Out: the text that it stands for.
//! Guarantee: what is not there is an error, unless a `default` stands for it; never an empty text.
//!
//! Why not CEL: packs are used as they are published, and their macros are pipelines of Go's templates.
use super::references::{Path, References};
use super::scope::exposed;
use super::{ExpressionError, Scope, bounds, sprig};
use crate::decide::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What every macro of Palette names.
const MARK: &str = ".spectro";

/// How many brackets may stand within each other: packs use one.
const DEPTH_MAX: usize = 8;

/// A compiled macro, to share.
#[derive(Debug)]
pub struct Macro {
    pipeline: Pipeline,
    references: References,
}

/// Finds the layer whose values a pack's name stands for; the empty name is that of the layer itself.
pub type Packs<'a> = dyn Fn(&str) -> Option<Arc<str>> + 'a;

/// Commands, each given what the one before it gives.
#[derive(Debug)]
struct Pipeline(Vec<Command>);

#[derive(Debug)]
struct Command {
    function: Option<&'static sprig::Function>,
    operands: Vec<Operand>,
}

#[derive(Debug)]
enum Operand {
    /// A path from a root of the scope, and how it was written.
    Path(Path, Arc<str>),
    Value(Value),
    Inner(Pipeline),
}

/// What an operand gives: something, or the error of what is not there.
type Given = Result<Value, ExpressionError>;

/// Whether the text between two pairs of braces is a macro of Palette.
pub(super) fn is_macro(action: &str) -> bool {
    action.match_indices(MARK).any(|(at, _)| {
        let after = action.as_bytes().get(at + MARK.len());
        let before = at.checked_sub(1).and_then(|at| action.as_bytes().get(at));
        after.is_some_and(|byte| *byte == b'.')
            && !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'"')
    })
}

impl Macro {
    /// Compiles the text between the braces.
    pub fn compile(action: &str, packs: &Packs<'_>) -> Result<Arc<Self>, ExpressionError> {
        if action.len() > bounds::BYTES_MAX {
            return Err(ExpressionError::TooLong { bytes: action.len() });
        }
        let tokens = tokens(action)?;
        let mut reader = Reader { tokens: &tokens, at: 0, packs, paths: Vec::new() };
        let pipeline = reader.pipeline(0)?;
        if reader.at < tokens.len() {
            return Err(reader.unexpected());
        }
        let mut paths = reader.paths;
        paths.sort();
        paths.dedup();
        let references = References { paths, ..References::default() };
        Ok(Arc::new(Self { pipeline, references }))
    }

    /// Returns the paths that it reads, sorted and each once.
    pub fn references(&self) -> &[Vec<Arc<str>>] {
        &self.references.paths
    }

    /// Returns its text; one that depends on something sensitive is sealed.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, ExpressionError> {
        let (bound, tainted) = scope.bind(&self.references);
        let value = self.pipeline.evaluate(&bound, scope)?;
        let text = Value::String(sprig::text(&value)?.into());
        Ok(if tainted { scope.seal.seal(text) } else { text })
    }
}

impl Pipeline {
    fn evaluate(&self, bound: &BTreeMap<Arc<str>, Value>, scope: &Scope<'_>) -> Given {
        let mut piped: Option<Given> = None;
        for command in &self.0 {
            let mut given: Vec<Given> = command.operands.iter().map(|operand| operand.evaluate(bound, scope)).collect();
            given.extend(piped.take());
            piped = Some(match command.function {
                Some(function) => function.call(given),
                None => given.into_iter().next().unwrap_or_else(|| Err(ExpressionError::Syntax("its end".into()))),
            });
        }
        piped.unwrap_or_else(|| Err(ExpressionError::Syntax("its begin".into())))
    }
}

impl Operand {
    fn evaluate(&self, bound: &BTreeMap<Arc<str>, Value>, scope: &Scope<'_>) -> Given {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Inner(pipeline) => pipeline.evaluate(bound, scope),
            Self::Path(path, written) => {
                let (root, keys) = path.split_first().ok_or_else(|| ExpressionError::Absent(written.to_string()))?;
                let root = bound.get(root);
                let found = keys.iter().try_fold(root, |value, key| Some(value.and_then(|value| step(value, key))));
                match found.flatten() {
                    Some(value) if !value.is_null() => Ok(exposed(value).clone()),
                    _ => Err(unknown(path, written, scope)),
                }
            }
        }
    }
}

/// Goes to a key of a map, or to an item of a list.
fn step<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match exposed(value) {
        Value::Map(map) => map.get(key),
        Value::List(items) => key.parse::<usize>().ok().and_then(|at| items.get(at)),
        _ => None,
    }
}

fn unknown(path: &Path, written: &str, scope: &Scope<'_>) -> ExpressionError {
    let name = path.get(scope.depth_of(path)).or(path.last()).cloned().unwrap_or_default();
    ExpressionError::UnknownName { path: written.to_owned(), name, known: scope.names_beside(path) }
}

/// One word of a macro.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Pipe,
    Open,
    Close,
    Value(Value),
    Path(String),
    Name(String),
}

fn tokens(text: &str) -> Result<Vec<Token>, ExpressionError> {
    let (mut tokens, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '|' => (Token::Pipe, 1),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '"' => {
                let end = closing(rest).ok_or(ExpressionError::Quotes)?;
                let quoted = rest.get(..=end).unwrap_or_default();
                // Go's escapes that packs use are JSON's.
                let text: String = serde_json::from_str(quoted).map_err(|_| ExpressionError::Quotes)?;
                (Token::Value(Value::string(&text)), quoted.len())
            }
            '`' => {
                let end = rest.get(1..).and_then(|rest| rest.find('`')).ok_or(ExpressionError::Quotes)?;
                (Token::Value(Value::string(rest.get(1..=end).unwrap_or_default())), end + 2)
            }
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || "|()\"`".contains(c)).unwrap_or(rest.len());
                (word(rest.get(..end).unwrap_or_default()), end)
            }
        };
        tokens.push(token);
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

/// Returns where the quotes that open a text close.
fn closing(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().enumerate().skip(1).find_map(|(at, byte)| {
        let closes = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        closes.then_some(at)
    })
}

fn word(word: &str) -> Token {
    match word {
        "true" => Token::Value(Value::Bool(true)),
        "false" => Token::Value(Value::Bool(false)),
        "nil" => Token::Value(Value::Null),
        _ if word.starts_with('.') => Token::Path(word.to_owned()),
        _ => match word.parse::<i64>() {
            Ok(number) => Token::Value(Value::Integer(number)),
            Err(_) => {
                match word.parse::<f64>().ok().filter(|_| word.starts_with(|c: char| c.is_ascii_digit() || c == '-')) {
                    Some(number) => Token::Value(Value::float(number).unwrap_or_default()),
                    None => Token::Name(word.to_owned()),
                }
            }
        },
    }
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    packs: &'a Packs<'a>,
    paths: Vec<Path>,
}

impl Reader<'_> {
    fn pipeline(&mut self, depth: usize) -> Result<Pipeline, ExpressionError> {
        if depth > DEPTH_MAX {
            return Err(ExpressionError::TooDeep);
        }
        let mut commands = vec![self.command(depth, true)?];
        while self.tokens.get(self.at) == Some(&Token::Pipe) {
            self.at += 1;
            commands.push(self.command(depth, false)?);
        }
        Ok(Pipeline(commands))
    }

    fn command(&mut self, depth: usize, is_first: bool) -> Result<Command, ExpressionError> {
        let function = match self.tokens.get(self.at) {
            Some(Token::Name(name)) => {
                self.at += 1;
                let found = sprig::function(name);
                Some(found.ok_or_else(|| ExpressionError::UnknownMacroFunction(name.as_str().into()))?)
            }
            _ if is_first => None,
            _ => return Err(self.unexpected()),
        };
        let mut operands = Vec::new();
        while let Some(token) = self.tokens.get(self.at) {
            let operand = match token {
                Token::Value(value) => Operand::Value(value.clone()),
                Token::Path(written) => self.path(written)?,
                Token::Open => {
                    self.at += 1;
                    let inner = self.pipeline(depth + 1)?;
                    if self.tokens.get(self.at) != Some(&Token::Close) {
                        return Err(self.unexpected());
                    }
                    Operand::Inner(inner)
                }
                Token::Name(_) => return Err(self.unexpected()),
                Token::Pipe | Token::Close => break,
            };
            self.at += 1;
            operands.push(operand);
        }
        let is_call = function.is_some();
        if (!is_call && operands.len() != 1) || (is_call && is_first && operands.is_empty()) {
            return Err(self.unexpected());
        }
        Ok(Command { function, operands })
    }

    /// Reads `.spectro.system.…`, `.spectro.var.…`, `.spectro.macro.…` and `.spectro.pack.NAME.…`.
    fn path(&mut self, written: &str) -> Result<Operand, ExpressionError> {
        let unknown = |name: &str| ExpressionError::UnknownName {
            path: written.to_owned(),
            name: name.into(),
            known: ["macro", "pack", "system", "var"].map(Arc::from).to_vec(),
        };
        let keys = written.strip_prefix(MARK).and_then(|rest| rest.strip_prefix('.')).ok_or_else(|| {
            ExpressionError::Type(format!("expected only names of Palette beside each other, found `{written}`"))
        })?;
        let keys: Vec<&str> = keys.split('.').collect();
        let own = |root: &str, keys: &[&str]| -> Path {
            std::iter::once(root).chain(keys.iter().copied()).map(Arc::from).collect()
        };
        let path = match keys.as_slice() {
            ["var", keys @ ..] if !keys.is_empty() => own("vars", keys),
            ["macro", keys @ ..] if !keys.is_empty() => own("macros", keys),
            ["system", keys @ ..] if !keys.is_empty() => own("system", keys),
            ["pack", pack, keys @ ..] if !keys.is_empty() => {
                let layer = (self.packs)(pack).unwrap_or_else(|| Arc::from(*pack));
                let values = if layer.is_empty() { own("values", &[]) } else { own("layers", &[&*layer, "values"]) };
                [values, keys.iter().map(|key| Arc::from(*key)).collect()].concat()
            }
            [first, ..] => return Err(unknown(first)),
            [] => return Err(unknown("")),
        };
        self.paths.push(path.clone());
        Ok(Operand::Path(path, written.into()))
    }

    fn unexpected(&self) -> ExpressionError {
        ExpressionError::Syntax(format!("word {}", self.at + 1))
    }
}
