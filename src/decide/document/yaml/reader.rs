//! In: a text and limits. Out: its documents as trees, or the first place where it is no YAML that we take.
//! Guarantee: time and memory are bounded by the limits, whatever the text says of itself.
use super::block;
use super::node::{Form, Index, Raw, Tree};
use super::scalar::is_not_finite;
use crate::decide::document::codes;
use crate::decide::value::{Code, Text};
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Tag};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// What is taken of one file.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes.
    pub bytes_max: usize,
    /// The most maps and lists inside one another.
    pub depth_max: usize,
    /// The most nodes that aliases may add.
    pub alias_nodes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes_max: 16 << 20,      // the largest charts with their CRDs have 2 MiB
            depth_max: 100,           // schemas of CRDs, the deepest that people write, reach 60
            alias_nodes_max: 100_000, // more than any file that a person wrote has nodes
        }
    }
}

/// The documents of one file.
#[derive(Debug)]
pub struct Stream {
    /// The documents, in order; empty ones are left out.
    pub documents: Vec<Arc<Tree>>,
}

/// Why a text is no YAML that we take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlError {
    /// The diagnostic's number.
    pub code: Code,
    /// The bytes of the text where it was found.
    pub bytes: Range<u32>,
    /// What was found.
    pub message: String,
    /// What to do.
    pub hint: Option<&'static str>,
}

/// Reads all documents of a text.
pub fn read(text: &Text, limits: &Limits) -> Result<Stream, YamlError> {
    let source: &str = &text.0;
    if source.len() > limits.bytes_max {
        let message = format!("the file has {} bytes", source.len());
        return Err(YamlError {
            code: codes::TOO_LARGE,
            bytes: 0..0,
            message,
            hint: Some("split it, or move what is not configuration elsewhere"),
        });
    }
    let mut builder = Builder::new(text, limits);
    match block::take(source, &mut builder) {
        Some(()) => Ok(Stream { documents: builder.documents }),
        None => read_events(text, limits),
    }
}

/// Reads all that YAML is.
pub(super) fn read_events(text: &Text, limits: &Limits) -> Result<Stream, YamlError> {
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(false);
    let mut builder = Builder::new(text, limits);
    for event in Parser::new_from_str_with_options(&text.0, options) {
        let (event, span) = event.map_err(|error| builder.refused(&error))?;
        let bytes = span.byte_range().unwrap_or_default();
        builder.take(event, bytes)?;
    }
    Ok(Stream { documents: builder.documents })
}

pub(super) struct Builder<'a> {
    text: &'a Text,
    limits: &'a Limits,
    tree: Tree,
    /// The maps and lists that are open: where each stands, and its anchor.
    open: Vec<(usize, usize)>,
    anchors: BTreeMap<usize, Vec<Raw>>,
    alias_nodes: usize,
    pub(super) documents: Vec<Arc<Tree>>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(text: &'a Text, limits: &'a Limits) -> Self {
        Self {
            text,
            limits,
            tree: empty(text),
            open: Vec::new(),
            anchors: BTreeMap::new(),
            alias_nodes: 0,
            documents: Vec::new(),
        }
    }

    fn take(&mut self, event: Event<'_>, bytes: Range<usize>) -> Result<(), YamlError> {
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                let at = self.push_scalar(&value, style, tag.as_deref(), bytes)?;
                self.remember(anchor, at);
            }
            Event::MappingStart(_, anchor, tag) => self.begin(Form::Map, anchor, tag.as_deref(), bytes)?,
            Event::SequenceStart(_, anchor, tag) => self.begin(Form::List, anchor, tag.as_deref(), bytes)?,
            Event::MappingEnd | Event::SequenceEnd => self.end(bytes)?,
            Event::Alias(id) => self.alias(id, bytes)?,
            Event::DocumentEnd => self.end_document(),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn end_document(&mut self) {
        let mut tree = std::mem::replace(&mut self.tree, empty(self.text));
        // Clusters' documents are kept, ten thousand of them.
        tree.nodes.shrink_to_fit();
        self.anchors.clear();
        if tree.nodes.first().is_some_and(|root| root.form != Form::Empty) {
            self.documents.push(Arc::new(tree));
        }
    }

    pub(super) fn push_scalar(
        &mut self,
        value: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        bytes: Range<usize>,
    ) -> Result<usize, YamlError> {
        let form = self.scalar(value, style, tag, &bytes)?;
        let trimmed = if form == Form::Quoted { bytes.start + 1..bytes.end.saturating_sub(1) } else { bytes };
        Ok(self.push(form, trimmed))
    }

    fn scalar(
        &mut self,
        value: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        bytes: &Range<usize>,
    ) -> Result<Form, YamlError> {
        let is_text = match tag.map(|tag| (tag, tag.core_suffix())) {
            Some((_, Some("str"))) => true,
            None | Some((_, Some("int" | "float" | "bool" | "null"))) => false,
            Some(_) => return Err(unsupported_tag(bytes.clone())),
        };
        let written = self.text.0.get(bytes.clone()).unwrap_or_default();
        match style {
            ScalarStyle::Plain if written.is_empty() && !is_text => Ok(Form::Empty),
            ScalarStyle::Plain if !is_text && value == written => {
                if is_not_finite(value) {
                    let message = "a number that JSON has no form for".to_owned();
                    return Err(error(
                        codes::NOT_FINITE,
                        bytes.clone(),
                        message,
                        Some("put it in quotes if it is a text"),
                    ));
                }
                Ok(Form::Plain)
            }
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted
                if written.get(1..written.len().saturating_sub(1)) == Some(value) =>
            {
                Ok(Form::Quoted)
            }
            _ => self.store(value, bytes),
        }
    }

    fn store(&mut self, value: &str, bytes: &Range<usize>) -> Result<Form, YamlError> {
        let index = Index::new(self.tree.strings.len()).ok_or_else(|| {
            error(codes::TOO_LARGE, bytes.clone(), "the file has more than 16,777,216 texts".to_owned(), None)
        })?;
        self.tree.strings.push(value.into());
        Ok(Form::Stored(index))
    }

    pub(super) fn begin(
        &mut self,
        form: Form,
        anchor: usize,
        tag: Option<&Tag>,
        bytes: Range<usize>,
    ) -> Result<(), YamlError> {
        if tag.is_some_and(|tag| !matches!(tag.core_suffix(), Some("map" | "seq"))) {
            return Err(unsupported_tag(bytes));
        }
        if self.open.len() >= self.limits.depth_max {
            return Err(self.too_deep(bytes));
        }
        let at = self.push(form, bytes);
        self.open.push((at, anchor));
        Ok(())
    }

    pub(super) fn end(&mut self, bytes: Range<usize>) -> Result<(), YamlError> {
        let Some((at, anchor)) = self.open.pop() else { return Ok(()) };
        let last = self.tree.nodes.get(at + 1..).and_then(|inside| inside.iter().map(|raw| raw.end).max());
        let flow_end = if bytes.end > bytes.start { narrow(bytes.end) } else { 0 };
        let end = last.unwrap_or(0).max(flow_end);
        let next = narrow(self.tree.nodes.len());
        let mut is_map = false;
        if let Some(raw) = self.tree.nodes.get_mut(at) {
            raw.next = next;
            raw.end = raw.end.max(end);
            is_map = raw.form == Form::Map;
        }
        if is_map {
            self.refuse_keys(at)?;
            self.merge_keys(at)?;
            self.find_duplicates(at);
        }
        self.remember(anchor, at);
        Ok(())
    }

    /// A key is a text: what YAML has beside has no form in JSON, and is a placeholder without its quotes as a rule.
    fn refuse_keys(&self, at: usize) -> Result<(), YamlError> {
        let is_compound =
            |key: &usize| self.tree.nodes.get(*key).is_some_and(|raw| matches!(raw.form, Form::Map | Form::List));
        let Some(key) = self.keys_of(at).find(is_compound) else { return Ok(()) };
        let bytes = self.tree.node(narrow(key)).bytes();
        let bytes = bytes.start as usize..bytes.end as usize;
        let hint = "put the whole text in quotes, if `{{ … }}` was meant as one; a placeholder is `${{ … }}`";
        Err(error(codes::WRONG_TYPE, bytes, "a map or a list stands where a key does".to_owned(), Some(hint)))
    }

    /// Keys that stand twice, in `n log n`: a map of 100,000 keys must not cost 10¹⁰ steps.
    fn find_duplicates(&mut self, at: usize) {
        let text = |key: usize| self.tree.node(narrow(key)).key_text();
        // Where each key is above the one before, none stands twice.
        if self.keys_of(at).zip(self.keys_of(at).skip(1)).all(|(left, right)| text(left) < text(right)) {
            return;
        }
        let mut keys: Vec<(Cow<'_, str>, u32)> = self.keys_of(at).map(|key| (text(key), narrow(key))).collect();
        keys.sort();
        let twice = keys.iter().zip(keys.iter().skip(1)).filter(|(left, right)| left.0 == right.0);
        let twice: Vec<_> = twice.map(|(left, right)| (left.1, right.1)).collect();
        self.tree.duplicates.extend(twice);
    }

    /// Puts in the place of `<<: *base` what `base` has and the map itself has not.
    fn merge_keys(&mut self, at: usize) -> Result<(), YamlError> {
        let is_merge = |key: usize| {
            let raw = self.tree.nodes.get(key);
            raw.is_some_and(|raw| raw.form == Form::Plain && self.slice(raw) == "<<")
        };
        if !self.keys_of(at).any(is_merge) {
            return Ok(());
        }
        let entries = self.children_of(at);
        let (mut kept, mut sources) = (Vec::new(), Vec::new());
        for pair in entries.chunks(2) {
            let [key, value] = pair else { continue };
            if is_merge(*key) { sources.push(*value) } else { kept.push((*key, *value)) }
        }
        let mut names: Vec<Arc<str>> = kept.iter().map(|(key, _)| self.tree.node(narrow(*key)).key()).collect();
        for source in sources {
            let maps = match self.tree.nodes.get(source).map(|raw| raw.form) {
                Some(Form::List) => self.children_of(source),
                _ => vec![source],
            };
            for map in maps {
                if self.tree.nodes.get(map).is_none_or(|raw| raw.form != Form::Map) {
                    let bytes = self.tree.node(narrow(map)).bytes();
                    let message = "`<<` is given something else than a map".to_owned();
                    return Err(error(codes::SYNTAX, bytes.start as usize..bytes.end as usize, message, None));
                }
                for pair in self.children_of(map).chunks(2) {
                    let [key, value] = pair else { continue };
                    let name = self.tree.node(narrow(*key)).key();
                    if !names.contains(&name) {
                        names.push(name);
                        kept.push((*key, *value));
                    }
                }
            }
        }
        self.rebuild(at, &kept);
        Ok(())
    }

    fn rebuild(&mut self, at: usize, entries: &[(usize, usize)]) {
        let subtrees: Vec<Vec<Raw>> =
            entries.iter().flat_map(|(key, value)| [self.subtree(*key), self.subtree(*value)]).collect();
        self.tree.nodes.truncate(at + 1);
        self.tree.duplicates.retain(|(first, last)| (*first.max(last) as usize) <= at);
        for subtree in subtrees {
            self.graft(&subtree);
        }
        let next = narrow(self.tree.nodes.len());
        if let Some(raw) = self.tree.nodes.get_mut(at) {
            raw.next = next;
        }
    }

    /// Returns where the keys of a map stand.
    fn keys_of(&self, at: usize) -> impl Iterator<Item = usize> {
        let nodes = &self.tree.nodes;
        let next = |at: usize| nodes.get(at).map_or(usize::MAX, |raw| raw.next as usize);
        let end = next(at);
        std::iter::successors(Some(at + 1), move |key| Some(next(next(*key)))).take_while(move |key| *key < end)
    }

    fn children_of(&self, at: usize) -> Vec<usize> {
        let end = self.tree.nodes.get(at).map_or(0, |raw| raw.next as usize);
        let mut children = Vec::new();
        let mut child = at + 1;
        while child < end {
            children.push(child);
            child = self.tree.nodes.get(child).map_or(end, |raw| raw.next as usize);
        }
        children
    }

    /// Returns a node and all inside it, counted from zero.
    fn subtree(&self, at: usize) -> Vec<Raw> {
        let end = self.tree.nodes.get(at).map_or(at, |raw| raw.next as usize);
        let nodes = self.tree.nodes.get(at..end).unwrap_or_default();
        nodes.iter().map(|raw| Raw { next: raw.next - narrow(at), ..*raw }).collect()
    }

    fn graft(&mut self, subtree: &[Raw]) {
        let base = narrow(self.tree.nodes.len());
        self.tree.nodes.extend(subtree.iter().map(|raw| Raw { next: raw.next + base, ..*raw }));
    }

    fn alias(&mut self, id: usize, bytes: Range<usize>) -> Result<(), YamlError> {
        let Some(subtree) = self.anchors.get(&id).cloned() else {
            let message = "an alias stands inside its own anchor".to_owned();
            return Err(error(codes::SYNTAX, bytes, message, None));
        };
        self.alias_nodes += subtree.len();
        if self.alias_nodes > self.limits.alias_nodes_max {
            let message = format!("aliases add more than {} nodes", self.limits.alias_nodes_max);
            return Err(error(codes::ALIASES, bytes, message, Some("write out what is meant")));
        }
        self.graft(&subtree);
        Ok(())
    }

    fn remember(&mut self, anchor: usize, at: usize) {
        if anchor != 0 {
            let subtree = self.subtree(at);
            self.anchors.insert(anchor, subtree);
        }
    }

    fn push(&mut self, form: Form, bytes: Range<usize>) -> usize {
        let at = self.tree.nodes.len();
        self.tree.nodes.push(Raw { start: narrow(bytes.start), end: narrow(bytes.end), next: narrow(at + 1), form });
        at
    }

    fn slice(&self, raw: &Raw) -> &str {
        self.text.0.get(raw.start as usize..raw.end as usize).unwrap_or_default()
    }

    fn too_deep(&self, bytes: Range<usize>) -> YamlError {
        let message = format!("more than {} maps and lists stand inside one another", self.limits.depth_max);
        error(codes::TOO_DEEP, bytes.start..bytes.start + 1, message, None)
    }

    fn refused(&self, fault: &granit_parser::ScanError) -> YamlError {
        let start = fault.marker().byte_offset().unwrap_or_default().min(self.text.0.len());
        let bytes = start..(start + 1).min(self.text.0.len());
        match fault.kind() {
            ErrorKind::RecursionLimitExceeded => self.too_deep(bytes),
            ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar => error(
                codes::TAB,
                self.tab(start),
                "a tab stands where YAML takes only spaces".to_owned(),
                Some("indent with spaces"),
            ),
            kind => error(codes::SYNTAX, bytes, format!("this is no YAML: {kind}"), None),
        }
    }

    /// Returns the first tab that stands in an indentation, from a line on: the parser names where it was when it met it.
    fn tab(&self, from: usize) -> Range<usize> {
        let text = &*self.text.0;
        let line = text.get(..from).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
        let mut at = line;
        for line in text.get(line..).unwrap_or_default().split_inclusive('\n') {
            let blank = line.find(|letter| letter != ' ' && letter != '\t').unwrap_or(line.len());
            if let Some(tab) = line.get(..blank).and_then(|blank| blank.find('\t')) {
                return at + tab..at + tab + 1;
            }
            at += line.len();
        }
        from..(from + 1).min(text.len())
    }
}

fn unsupported_tag(bytes: Range<usize>) -> YamlError {
    let hint = Some("leave the tag out, or write `!!str` for a text");
    error(codes::TAG, bytes, "a tag that is not supported".to_owned(), hint)
}

fn error(code: Code, bytes: Range<usize>, message: String, hint: Option<&'static str>) -> YamlError {
    YamlError { code, bytes: narrow(bytes.start)..narrow(bytes.end), message, hint }
}

fn empty(text: &Text) -> Tree {
    Tree { text: text.clone(), nodes: Vec::new(), strings: Vec::new(), duplicates: Vec::new() }
}

/// Texts are bounded far below 4 GiB, so that four bytes hold each place.
fn narrow(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::value::canonical;

    fn json(text: &str) -> Result<String, String> {
        let stream = read(&Text(text.into()), &Limits::default())
            .map_err(|error| format!("{} {}", error.code, error.message))?;
        Ok(stream.documents.iter().map(|tree| canonical(&tree.root().value())).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn documents_become_values() {
        assert_eq!(
            json("a: [1, 'x', \"y\\n\"]\nb: {c: on, d: }\n---\n- |\n  t\n- >-\n  u\n  v\n").as_deref(),
            Ok(r#"{"a":[1,"x","y\n"],"b":{"c":true,"d":null}} ["t\n","u v"]"#)
        );
        assert_eq!(json("---\n# nothing\n---\na: 1\n").as_deref(), Ok(r#"{"a":1}"#), "empty documents are left out");
        assert_eq!(
            json("on: 1\n0777: 2\n").as_deref(),
            Ok(r#"{"511":2,"true":1}"#),
            "keys are what kubectl makes of them"
        );
    }

    #[test]
    fn anchors_and_merge_keys_are_written_out() {
        let text = "base: &base {a: 1, b: {c: 2}}\nx: {<<: *base, a: 3}\nw: *base\nz: {<<: [*base, {d: 4, a: 9}]}\n";
        assert_eq!(
            json(text).as_deref(),
            Ok(
                r#"{"base":{"a":1,"b":{"c":2}},"w":{"a":1,"b":{"c":2}},"x":{"a":3,"b":{"c":2}},"z":{"a":1,"b":{"c":2},"d":4}}"#
            )
        );
    }

    #[test]
    fn of_a_key_that_stands_twice_the_last_counts() {
        let stream = read(&Text("a: 1\nb: 2\na: 3\n".into()), &Limits::default()).expect("it is YAML");
        let tree = stream.documents.first().expect("there is one");
        assert_eq!(canonical(&tree.root().value()), r#"{"a":3,"b":2}"#);
        let places: Vec<_> = tree.duplicates().map(|(first, last)| (first.bytes(), last.bytes())).collect();
        assert_eq!(places, [(0..1, 10..11)], "both places are known");
    }

    #[test]
    fn bombs_are_refused() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let before = format!("*a{}, ", level - 1).repeat(10);
            bomb.extend([format!("a{level}: &a{level} [{before}]\n")]);
        }
        assert!(json(&bomb).is_err_and(|error| error.starts_with("ST0108")), "aliases have a budget");
        assert!(json(&"[".repeat(200_000)).is_err_and(|error| error.starts_with("ST0107")), "depth has a limit");
        let deep: String = (0..300).map(|level| " ".repeat(level) + "a:\n").collect();
        assert!(json(&deep).is_err_and(|error| error.starts_with("ST0107")), "in blocks too");
        assert!(json("a:\n\t- b\n").is_err_and(|error| error.starts_with("ST0110")), "a tab is named");
        for text in ["a:\n\t- b\n", "a: b\n\tc: d\n", "a:\n  b: c\n\td: e\n", "a:\n  b: >\n\tc\n"] {
            let error = read(&Text(text.into()), &Limits::default()).map(drop).map_err(|error| error.bytes);
            let tab = text.lines().map(str::len).scan(0, |at, line| Some(std::mem::replace(at, *at + line + 1)));
            let tab = tab.zip(text.lines()).find_map(|(at, line)| {
                line.trim_start_matches(' ').starts_with('\t').then(|| at + line.find('\t').unwrap_or(0))
            });
            let tab = narrow(tab.expect("there is one"));
            assert_eq!(error, Err(tab..tab + 1), "it is shown where it stands: {text:?}");
        }
        assert!(json("a: .inf\n").is_err_and(|error| error.starts_with("ST0114")), "JSON has no infinity");
        assert!(json("a: !!binary aGk=\n").is_err_and(|error| error.starts_with("ST0109")), "other tags are refused");
        assert!(json("a: {b: 1\n").is_err_and(|error| error.starts_with("ST0102")), "what is cut off is refused");
        assert!(json("a: &a [*a]\n").is_err(), "an alias inside its anchor has no end");
    }

    #[test]
    fn each_node_knows_its_bytes() {
        let text = "a:\n  - 'x'\n  - {k: v}\nb: 2\n";
        let stream = read(&Text(text.into()), &Limits::default()).expect("it is YAML");
        let root = stream.documents.first().expect("there is one").root();
        let at = |path: &[&str]| {
            let tokens: Vec<Arc<str>> = path.iter().map(|token| Arc::from(*token)).collect();
            root.find(&tokens).map(|node| &text[node.bytes().start as usize..node.bytes().end as usize])
        };
        assert_eq!(at(&["a", "0"]), Some("x"));
        assert_eq!(at(&["a", "1"]), Some("{k: v}"));
        assert_eq!(at(&["b"]), Some("2"));
    }
}
