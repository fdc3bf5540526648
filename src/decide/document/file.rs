//! In: a path and a text. Out: a document with its place in the repository, and parts of it that can be carried on.
//! Guarantee: a part keeps its file alive and can always say where it stands.
use super::codes;
use super::yaml::{Limits, Node, Tree, YamlError, read};
use crate::decide::value::{Diagnostic, Excerpt, Origin, Span, Text, Value};
use crate::name::{BlobId, RepoPath};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// One document of a repository.
#[derive(Clone, Debug)]
pub struct File {
    /// The revision that it is read at; none for the head.
    pub origin: Option<Origin>,
    /// Where it is.
    pub path: RepoPath,
    /// Its content's id.
    pub blob: BlobId,
    /// Its nodes.
    pub tree: Arc<Tree>,
}

impl File {
    /// Reads a file that holds exactly one document.
    pub fn read_one(path: &RepoPath, blob: BlobId, bytes: &[u8]) -> Result<Arc<Self>, Vec<Diagnostic>> {
        let text = text_of(path, bytes)?;
        let stream = read(&text, &Limits::default()).map_err(|error| vec![diagnostic(path, &text, error)])?;
        match stream.documents.as_slice() {
            [tree] => Ok(Arc::new(Self { origin: None, path: path.clone(), blob, tree: tree.clone() })),
            [] => Err(vec![Diagnostic::error(codes::ONE_DOCUMENT, "the file holds no document").at(span(
                path,
                &text,
                0..0,
            ))]),
            [_, second, ..] => Err(vec![
                Diagnostic::error(codes::ONE_DOCUMENT, "the file holds more than one document")
                    .at(span(path, &text, second.root().bytes()))
                    .hint("give each document a file of its own"),
            ]),
        }
    }

    /// Reads a file of any number of documents.
    pub fn read_all(path: &RepoPath, blob: BlobId, bytes: &[u8]) -> Result<Vec<Arc<Self>>, Vec<Diagnostic>> {
        let text = text_of(path, bytes)?;
        let stream = read(&text, &Limits::default()).map_err(|error| vec![diagnostic(path, &text, error)])?;
        let file = |tree| Arc::new(Self { origin: None, path: path.clone(), blob, tree });
        Ok(stream.documents.into_iter().map(file).collect())
    }

    /// Returns its outermost node.
    pub fn root(&self) -> Node<'_> {
        self.tree.root()
    }

    /// Returns where a node of it stands.
    pub fn span(&self, node: Node<'_>) -> Span {
        Span { origin: self.origin.clone(), ..span(&self.path, self.tree.text(), node.bytes()) }
    }

    /// Returns the part that a node of it is.
    pub fn part(self: &Arc<Self>, node: Node<'_>) -> Fragment {
        Fragment { file: self.clone(), at: node.at() }
    }
}

/// A part of a document.
#[derive(Clone)]
pub struct Fragment {
    /// The document.
    pub file: Arc<File>,
    at: u32,
}

impl Fragment {
    /// Returns the node.
    pub fn node(&self) -> Node<'_> {
        self.file.tree.node(self.at)
    }

    /// Returns where it stands.
    pub fn span(&self) -> Span {
        self.file.span(self.node())
    }

    /// Returns the part of it that a key names.
    pub fn get(&self, key: &str) -> Option<Self> {
        self.node().get(key).map(|node| self.file.part(node))
    }

    /// Returns the keys of a map with their parts.
    pub fn entries(&self) -> impl Iterator<Item = (Self, Self)> {
        self.node().entries().map(|(key, value)| (self.file.part(key), self.file.part(value)))
    }

    /// Returns the items of a list.
    pub fn items(&self) -> impl Iterator<Item = Self> {
        self.node().items().map(|node| self.file.part(node))
    }

    /// Returns its text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        self.node().as_str()
    }

    /// Returns the text as it is written.
    pub fn text(&self) -> &str {
        self.node().text()
    }

    /// Adds all that stands in it, whatever its places; equal bytes are equal values.
    pub fn content_into(&self, bytes: &mut Vec<u8>) {
        self.node().content_into(bytes);
    }

    /// Returns it as a value.
    pub fn value(&self) -> Value {
        self.node().value()
    }
}

impl fmt::Debug for Fragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fragment({})", self.span())
    }
}

/// Returns the text of a file, or where it stops to be UTF-8.
pub fn text_of(path: &RepoPath, bytes: &[u8]) -> Result<Text, Vec<Diagnostic>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Text(text.strip_prefix('\u{feff}').unwrap_or(text).into())),
        Err(error) => {
            let good =
                bytes.get(..error.valid_up_to()).and_then(|good| std::str::from_utf8(good).ok()).unwrap_or_default();
            let end = u32::try_from(good.len()).unwrap_or(u32::MAX);
            let message = format!("the file is not UTF-8 from byte {end} on");
            let at = span(path, &Text(good.into()), end..end);
            Err(vec![Diagnostic::error(codes::NOT_UTF8, message).at(at).hint("save it as UTF-8")])
        }
    }
}

/// Returns a place in a file of the head.
pub fn span(path: &RepoPath, text: &Text, bytes: Range<u32>) -> Span {
    Span { origin: None, path: path.clone(), source: text.clone(), bytes, excerpt: Excerpt::Line }
}

fn diagnostic(path: &RepoPath, text: &Text, error: YamlError) -> Diagnostic {
    let diagnostic = Diagnostic::error(error.code, error.message).at(span(path, text, error.bytes));
    match error.hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}
