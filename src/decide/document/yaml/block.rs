//! In: a text in the form that nearly all files have: blocks, scalars on one line, ASCII. Out: its nodes, or nothing.
//! Guarantee: what is taken here gives the nodes that the parser's events give; all else is left to the parser.
//!
//! Why: reading takes a third of a plan, and most of it goes to what such files do not have: anchors, tags, texts over
//! many lines. A test compares both readers on random texts.
use super::node::Form;
use super::reader::Builder;
use granit_parser::ScalarStyle;
use std::ops::Range;

/// The parser takes keys of up to 1024 characters; longer ones are left to it.
const KEY_BYTES_MAX: usize = 1000;

/// Puts the one document of the text into the builder; nothing where the parser has to read it.
pub(super) fn take(text: &str, builder: &mut Builder<'_>) -> Option<()> {
    let is_plain = |byte: &u8| matches!(byte, b'\n' | b' '..=b'~');
    if !text.as_bytes().iter().all(is_plain) {
        return None;
    }
    let mut block = Block { bytes: text.as_bytes(), text, at: 0, builder };
    let first = block.line()?;
    if first.indent != 0 {
        return None;
    }
    block.node(first)?;
    if block.line().is_some() {
        return None;
    }
    block.builder.end_document();
    Some(())
}

/// A line that says something.
#[derive(Clone, Copy)]
struct Line {
    /// How many spaces stand before it.
    indent: usize,
    /// Where it starts after them.
    at: usize,
}

struct Block<'t, 'b, 'a> {
    bytes: &'t [u8],
    text: &'t str,
    /// Everything before is taken.
    at: usize,
    builder: &'b mut Builder<'a>,
}

impl Block<'_, '_, '_> {
    /// Returns the next line that is neither empty nor a comment, without taking it; a marker of documents is none that
    /// can be taken.
    fn line(&mut self) -> Option<Line> {
        loop {
            let start = self.at;
            let at = self.after_spaces(start);
            match self.bytes.get(at) {
                None => return None,
                Some(b'\n') => self.at = at + 1,
                Some(b'#') => self.at = self.end_of_line(at),
                Some(_) => return Some(Line { indent: at - start, at }),
            }
        }
    }

    /// Takes the block that begins at a line.
    fn node(&mut self, line: Line) -> Option<()> {
        self.at = line.at;
        if self.is_entry(line.at) { self.list(line, line.at) } else { self.map(line) }
    }

    /// Takes a map whose first key stands at `line`; its other keys stand below it.
    fn map(&mut self, line: Line) -> Option<()> {
        self.builder.begin(Form::Map, 0, None, line.at..line.at).ok()?;
        let mut next = Some(line);
        while let Some(key) = next.filter(|next| next.indent == line.indent && !self.is_entry(next.at)) {
            self.at = key.at;
            self.key()?;
            self.value(line.indent)?;
            next = self.line();
        }
        // Deeper: a text goes on, or it is a mistake; an entry of a list in the column of the keys is one.
        if next.is_some_and(|next| next.indent >= line.indent) {
            return None;
        }
        self.builder.end(self.at..self.at).ok()
    }

    /// Takes a list whose first entry stands at `line`.
    fn list(&mut self, line: Line, start: usize) -> Option<()> {
        self.builder.begin(Form::List, 0, None, start..start).ok()?;
        let mut next = Some(line);
        while let Some(entry) = next.filter(|next| next.indent == line.indent && self.is_entry(next.at)) {
            self.at = self.after_spaces(entry.at + 1);
            match self.bytes.get(self.at) {
                None | Some(b'\n' | b'#') => {
                    let inner = self.line().filter(|inner| inner.indent > line.indent)?;
                    self.node(inner)?;
                }
                Some(_) => self.entry(Line { indent: line.indent + (self.at - entry.at), at: self.at })?,
            }
            next = self.line();
        }
        if next.is_some_and(|next| next.indent > line.indent) {
            return None;
        }
        self.builder.end(self.at..self.at).ok()
    }

    /// Takes what stands behind the dash of an entry.
    fn entry(&mut self, line: Line) -> Option<()> {
        let is_block = self.is_entry(line.at) || self.is_key(line.at)?;
        if is_block { self.node(line) } else { self.inline() }
    }

    /// Takes a key with its colon.
    fn key(&mut self) -> Option<()> {
        let start = self.at;
        let (style, bytes) = self.scalar_at(start, Inside::Block)?;
        self.at = bytes.end;
        if self.bytes.get(self.at) != Some(&b':') || !self.ends_at(self.at + 1) || bytes.len() > KEY_BYTES_MAX {
            return None;
        }
        self.push(style, bytes)?;
        self.at += 1;
        Some(())
    }

    /// Takes the value of a key that was just taken, in a map of that indent.
    fn value(&mut self, indent: usize) -> Option<()> {
        let colon = self.at - 1;
        self.at = self.after_spaces(self.at);
        if !matches!(self.bytes.get(self.at), None | Some(b'\n' | b'#')) {
            return self.inline();
        }
        match self.line() {
            Some(inner) if inner.indent > indent => self.node(inner),
            // Entries may stand in the column of their key.
            Some(inner) if inner.indent == indent && self.is_entry(inner.at) => {
                let start = self.after_spaces(inner.at + 1);
                let is_there = !matches!(self.bytes.get(start), None | Some(b'\n' | b'#'));
                is_there.then(|| self.list(inner, start))?
            }
            _ => self.push(ScalarStyle::Plain, colon..colon),
        }
    }

    /// Takes a scalar or a flow collection, and nothing but a comment after it on its line.
    fn inline(&mut self) -> Option<()> {
        self.inner(Inside::Block)?;
        let after = self.after_spaces(self.at);
        match self.bytes.get(after) {
            None | Some(b'\n') => self.at = after,
            Some(b'#') if after > self.at => self.at = self.end_of_line(after),
            Some(_) => return None,
        }
        Some(())
    }

    fn inner(&mut self, inside: Inside) -> Option<()> {
        match self.bytes.get(self.at)? {
            b'[' => self.flow_list(),
            b'{' => self.flow_map(),
            _ => {
                let (style, bytes) = self.scalar_at(self.at, inside)?;
                self.at = bytes.end;
                self.push(style, bytes)
            }
        }
    }

    fn flow_list(&mut self) -> Option<()> {
        self.flow(Form::List, b']', |block| block.inner(Inside::Flow))
    }

    fn flow_map(&mut self) -> Option<()> {
        self.flow(Form::Map, b'}', |block| {
            let (style, bytes) = block.scalar_at(block.at, Inside::Flow)?;
            block.at = bytes.end;
            block.push(style, bytes)?;
            if block.bytes.get(block.at..block.at + 2) != Some(b": ") {
                return None;
            }
            block.at = block.after_spaces(block.at + 1);
            block.inner(Inside::Flow)
        })
    }

    /// Takes a flow collection on one line.
    fn flow(&mut self, form: Form, close: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.builder.begin(form, 0, None, self.at..self.at + 1).ok()?;
        self.at = self.after_spaces(self.at + 1);
        let mut is_first = true;
        while *self.bytes.get(self.at)? != close {
            if !std::mem::take(&mut is_first) {
                if *self.bytes.get(self.at)? != b',' {
                    return None;
                }
                self.at = self.after_spaces(self.at + 1);
            }
            item(self)?;
            self.at = self.after_spaces(self.at);
        }
        self.builder.end(self.at..self.at + 1).ok()?;
        self.at += 1;
        Some(())
    }

    /// Returns how a scalar that stands at a place is written, and its bytes.
    fn scalar_at(&self, start: usize, inside: Inside) -> Option<(ScalarStyle, Range<usize>)> {
        let bytes = match *self.bytes.get(start)? {
            b'"' => return Some((ScalarStyle::DoubleQuoted, self.quoted(start, b'"')?)),
            b'\'' => return Some((ScalarStyle::SingleQuoted, self.quoted(start, b'\'')?)),
            _ if inside == Inside::Flow => self.word(start)?,
            _ => self.plain(start)?,
        };
        Some((ScalarStyle::Plain, bytes))
    }

    /// Returns the bytes of a text in quotes that needs nothing but to lose them.
    fn quoted(&self, start: usize, quote: u8) -> Option<Range<usize>> {
        let rest = self.bytes.get(start + 1..)?;
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\\') || *byte == quote)?;
        let is_end = rest.get(end) == Some(&quote) && rest.get(end + 1) != Some(&quote);
        is_end.then_some(start..start + end + 2)
    }

    /// Returns the bytes of a scalar without quotes: up to a colon or a comment, or the end of the line.
    fn plain(&self, start: usize) -> Option<Range<usize>> {
        let first = *self.bytes.get(start)?;
        let is_sign = first == b'-' && self.bytes.get(start + 1).is_some_and(u8::is_ascii_alphanumeric);
        if !is_sign && b"-?:,[]{}#&*!|>'\"%@`".contains(&first) {
            return None;
        }
        let mut at = start;
        loop {
            match self.bytes.get(at) {
                None | Some(b'\n') => break,
                Some(b':') if self.ends_at(at + 1) => break,
                Some(b' ') if self.bytes.get(at + 1) == Some(&b'#') => break,
                Some(_) => at += 1,
            }
        }
        let written = self.bytes.get(start..at)?;
        let spaces = written.iter().rev().take_while(|byte| **byte == b' ').count();
        // Spaces before a colon are left to the parser, and so is what looks like the begin or the end of a document.
        let is_strange = (spaces > 0 && self.bytes.get(at) == Some(&b':')) || written.starts_with(b"...");
        (!is_strange && spaces < written.len()).then_some(start..at - spaces)
    }

    /// Returns the bytes of a scalar in a flow collection, where it is a word without anything special.
    fn word(&self, start: usize) -> Option<Range<usize>> {
        let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"_./+=-".contains(byte);
        let length = self.bytes.get(start..)?.iter().take_while(|byte| is_inner(byte)).count();
        let first = *self.bytes.get(start)?;
        (length > 0 && (first.is_ascii_alphanumeric() || first == b'/')).then_some(start..start + length)
    }

    /// Whether a key stands at a place; nothing where that cannot be told.
    fn is_key(&self, start: usize) -> Option<bool> {
        if matches!(self.bytes.get(start), Some(b'[' | b'{')) {
            return Some(false);
        }
        let (_, bytes) = self.scalar_at(start, Inside::Block)?;
        Some(self.bytes.get(bytes.end) == Some(&b':') && self.ends_at(bytes.end + 1))
    }

    /// Whether an entry of a list stands at a place.
    fn is_entry(&self, at: usize) -> bool {
        self.bytes.get(at) == Some(&b'-') && self.ends_at(at + 1)
    }

    /// Whether an indicator that stands before a place is one: white space follows.
    fn ends_at(&self, at: usize) -> bool {
        matches!(self.bytes.get(at), None | Some(b' ' | b'\n'))
    }

    fn push(&mut self, style: ScalarStyle, bytes: Range<usize>) -> Option<()> {
        let value = match style {
            ScalarStyle::Plain => bytes.clone(),
            _ => bytes.start + 1..bytes.end - 1,
        };
        let value = self.text.get(value)?;
        self.builder.push_scalar(value, style, None, bytes).ok()?;
        Some(())
    }

    fn after_spaces(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + rest.iter().take_while(|byte| **byte == b' ').count()
    }

    fn end_of_line(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
    }
}

/// What a scalar stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Block,
    Flow,
}

#[cfg(test)]
mod tests {
    use super::super::reader::{Limits, read_events};
    use super::*;
    use crate::decide::value::Text;
    use proptest::prelude::*;

    fn taken(text: &Text) -> Option<String> {
        let limits = Limits::default();
        let mut builder = Builder::new(text, &limits);
        take(&text.0, &mut builder).map(|()| format!("{:?}", builder.documents))
    }

    /// Returns whether the text is taken, after a look that the parser reads it in the same way.
    fn check(text: &str) -> bool {
        let text = Text(text.into());
        let Some(ours) = taken(&text) else { return false };
        let theirs = read_events(&text, &Limits::default()).map(|stream| format!("{:?}", stream.documents));
        assert_eq!(Ok(ours), theirs, "both readers give the same nodes for {:?}", text.0);
        true
    }

    #[test]
    fn usual_files_are_taken() {
        for text in [
            "a: 1\n",
            "# x\na:\n  b: 'y'  # z\n\n  c:\n  d: \"${{ vars.x }}\"\ne:\n  - 1\n  - x: 2\n    y: a b\nf:\n- 3\n-   - 4\n    - 5\n",
            "a: [values/x.yaml, 2]\nb: { c: d, e: \"f\" }\nc: {}\nd: []\n\"k\": http://x:1/y#z\nlast:",
            "- a\n- b: 1\n  c: -2\n-\n  - d\n",
            "a: 1\na: 2\nb:\n  <<: {c: 1}\n",
        ] {
            assert!(check(text), "{text:?} is in the form that nearly all files have");
        }
    }

    #[test]
    fn all_else_is_left_to_the_parser() {
        for text in [
            "",
            "a",
            "a: |\n  b\n",
            "a: b\n  c\n",
            "a: &x 1\n",
            "a: *x\n",
            "a: !!str 1\n",
            "--- \na: 1\n",
            "a: 1\n---\nb: 2\n",
            "a: 1\n...\n",
            "a: b: c\n",
            "a: \"\\n\"\n",
            "a: 'it''s'\n",
            "a: é\n",
            "a:\t1\n",
            "? a\n: b\n",
            "a: .inf\n",
            " a: 1\n",
            "a: [\n1]\n",
            "a: 1\n - b\n",
            "- a\n -b\n",
            "a: 'b' c\n",
            "a: @b\n",
        ] {
            assert!(!check(text), "{text:?} is not in that form");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn both_readers_give_the_same_nodes(lines in proptest::collection::vec((0usize..4, line()), 1..9)) {
            let lines = lines.iter().map(|(indent, line)| "  ".repeat(*indent) + line);
            check(&(lines.collect::<Vec<_>>().join("\n") + "\n"));
        }

        #[test]
        fn whatever_the_characters_are(text in "([ab:\\-#'\"\\[\\]{},.&*|<1~ ]{1,6}\n?){1,12}") {
            check(&text);
        }
    }

    fn line() -> impl Strategy<Value = String> {
        let scalar = || {
            prop_oneof![
                Just(""),
                Just("x"),
                Just("on"),
                Just("0777"),
                Just("a b"),
                Just("a:b"),
                Just("'q'"),
                Just("\"q: \""),
                Just("-1"),
                Just("[a, {b: c}]"),
                Just("{a: b, c: [d]}"),
                Just("x # y"),
                Just("~"),
                Just("x#y"),
                Just("'"),
                Just("a: b"),
                Just("[]"),
                Just("1.0"),
                Just("${{ a }}"),
                Just("- z"),
                Just("-"),
                Just("|"),
                Just("<<: {a: 1}"),
                Just("k: "),
            ]
        };
        let key = || {
            prop_oneof![
                Just("a"),
                Just("b"),
                Just("\"c\""),
                Just("<<"),
                Just("a b"),
                Just("1"),
                Just("- a"),
                Just("- - b")
            ]
        };
        prop_oneof![
            6 => (key(), scalar()).prop_map(|(key, value)| format!("{key}: {value}")),
            2 => key().prop_map(|key| format!("{key}:")),
            2 => scalar().prop_map(|value| format!("- {value}")),
            1 => scalar().prop_map(str::to_owned),
        ]
    }
}
