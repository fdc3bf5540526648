//! In: a cluster's document, what is to be paused or to go on. Out: its text with that one line edited.
//! Guarantee: all else of the text stays, comments and form included; where no edit of a line says exactly that, there is
//! the place that has to be edited by hand.
use super::file::File;
use super::kind::SOURCES;
use super::yaml::{Kind, Node};
use crate::decide::value::{Map, Span, Value, canonical};
use crate::name::{BlobId, LayerName};
use std::ops::Range;
use std::sync::Arc;

/// Returns a cluster's text with another `lifecycle`.
pub fn lifecycle(file: &Arc<File>, word: &str) -> Result<String, Box<Span>> {
    let document = Document::of(file)?;
    let edited = match document.spec.get("lifecycle") {
        Some(value) => document.replaced(value, word),
        None => document.added(&format!("lifecycle: {word}"), None),
    };
    let mut wanted = file.root().value();
    wanted.make_map().entry_of("spec").make_map().insert("lifecycle".into(), Value::string(word));
    let place = document.spec.get("lifecycle").unwrap_or(document.spec);
    edited.filter(|text| says(file, text, &wanted)).ok_or_else(|| Box::new(file.span(place)))
}

/// Returns a cluster's text that says of a layer whether it is paused.
pub fn paused(file: &Arc<File>, layer: &LayerName, is_paused: bool) -> Result<String, Box<Span>> {
    let word = if is_paused { "true" } else { "false" };
    option(file, layer, ("paused", word), Value::Bool(is_paused))
}

/// Returns a cluster's text that says of a layer from whom it adopts.
pub fn adopt(file: &Arc<File>, layer: &LayerName, names: &[Arc<str>]) -> Result<String, Box<Span>> {
    let is_plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let word = |name: &Arc<str>| if is_plain(name) { name.to_string() } else { canonical(&Value::string(name)) };
    let list = format!("[{}]", names.iter().map(word).collect::<Vec<_>>().join(", "));
    let names = names.iter().map(|name| Value::String(name.clone())).collect();
    option(file, layer, ("adopt", &list), Value::list(names))
}

/// Returns a cluster's text that says of a layer that its objects stay when it goes.
pub fn kept(file: &Arc<File>, layer: &LayerName) -> Result<String, Box<Span>> {
    option(file, layer, ("onRemove", "keep"), "keep".into())
}

/// Returns a cluster's text that takes a layer out: what its entry said of it goes; of a layer that no profile has
/// (`is_added`), the entry that adds it goes whole.
pub fn removed(file: &Arc<File>, layer: &LayerName, is_added: bool) -> Result<String, Box<Span>> {
    let document = Document::of(file)?;
    let layers = document.spec.get("layers");
    let Some(entry) = layers.and_then(|layers| layers.items().find(|item| names(*item, layer))) else {
        return option(file, layer, ("remove", "true"), Value::Bool(true));
    };
    let is_added = is_added && SOURCES.iter().any(|source| entry.get(source).is_some());
    let edited = if is_added { document.without(entry) } else { document.replaced(entry, &removal(layer)) };
    let mut wanted = file.root().value();
    let items = wanted.make_map().entry_of("spec").make_map().entry_of("layers");
    let mut all = items.as_list().unwrap_or_default().to_vec();
    let is_it = |item: &Value| item.get("name").and_then(Value::as_str) == Some(layer.as_str());
    if is_added {
        all.retain(|item| !is_it(item));
    } else if let Some(item) = all.iter_mut().find(|item| is_it(item)) {
        let entries = [("name", layer.as_str().into()), ("remove", Value::Bool(true))];
        *item = Value::map(entries.into_iter().collect());
    }
    *items = Value::list(all);
    edited.filter(|text| says(file, text, &wanted)).ok_or_else(|| Box::new(file.span(entry)))
}

/// Returns a text with other texts at some of its places.
pub fn texts(file: &Arc<File>, edits: &[(Range<u32>, String)]) -> Result<String, Box<Span>> {
    let whole: &str = &file.tree.text().0;
    let mut edits: Vec<&(Range<u32>, String)> = edits.iter().collect();
    edits.sort_by_key(|(bytes, _)| bytes.start);
    let (mut edited, mut last) = (String::new(), 0);
    for (bytes, text) in &edits {
        edited.push_str(whole.get(last..bytes.start as usize).unwrap_or_default());
        edited.push_str(text);
        last = bytes.end as usize;
    }
    edited.push_str(whole.get(last..).unwrap_or_default());
    let wanted = with_texts(file.root(), &edits);
    let place = edits.first().and_then(|(bytes, _)| node_at(file.root(), bytes.start)).unwrap_or(file.root());
    Some(edited).filter(|text| says(file, text, &wanted)).ok_or_else(|| Box::new(file.span(place)))
}

/// Returns what a part of a document says with other texts at some of its places.
fn with_texts(node: Node<'_>, edits: &[&(Range<u32>, String)]) -> Value {
    if let Some((_, text)) = edits.iter().find(|(bytes, _)| *bytes == node.bytes()) {
        return Value::string(text);
    }
    match node.kind() {
        Kind::Map => {
            let entries = node.entries().map(|(key, value)| (Arc::<str>::from(key.text()), with_texts(value, edits)));
            Value::map(entries.collect())
        }
        Kind::List => Value::list(node.items().map(|item| with_texts(item, edits)).collect()),
        _ => node.value(),
    }
}

fn node_at(node: Node<'_>, start: u32) -> Option<Node<'_>> {
    let own = (node.bytes().start == start && node.as_str().is_some()).then_some(node);
    let parts = node.entries().map(|(_, value)| value).chain(node.items());
    own.or_else(|| parts.into_iter().find_map(|part| node_at(part, start)))
}

fn removal(layer: &LayerName) -> String {
    format!("{{ name: {layer}, remove: true }}")
}

/// Returns a text with one option of a layer: in its entry, else in one that is added.
fn option(file: &Arc<File>, layer: &LayerName, (key, word): (&str, &str), value: Value) -> Result<String, Box<Span>> {
    let document = Document::of(file)?;
    let layers = document.spec.get("layers");
    let entry = layers.and_then(|layers| layers.items().find(|item| names(*item, layer)));
    let whole = format!("{{ name: {layer}, {key}: {word} }}");
    let edited = match (layers, entry) {
        (_, Some(entry)) => match entry.get(key) {
            Some(value) => document.replaced(value, word),
            None => document.beside_name(entry, &format!("{key}: {word}")),
        },
        (Some(layers), None) => document.listed(layers, &whole),
        (None, None) => document.added("layers:", Some(&whole)),
    };
    let wanted = with_option(&file.root().value(), layer, key, value);
    let place = entry.or(layers).unwrap_or(document.spec);
    edited.filter(|text| says(file, text, &wanted)).ok_or_else(|| Box::new(file.span(place)))
}

fn names(entry: Node<'_>, layer: &LayerName) -> bool {
    entry.get("name").is_some_and(|name| name.text() == layer.as_str())
}

/// Returns what a document says once a layer has an option.
fn with_option(document: &Value, layer: &LayerName, key: &str, value: Value) -> Value {
    let mut wanted = document.clone();
    let layers = wanted.make_map().entry_of("spec").make_map().entry_of("layers");
    let mut items = layers.as_list().unwrap_or_default().to_vec();
    let of_it = |item: &&mut Value| item.get("name").and_then(Value::as_str) == Some(layer.as_str());
    if let Some(item) = items.iter_mut().find(of_it) {
        item.make_map().insert(key.into(), value);
    } else {
        let item: Map = [("name", layer.as_str().into()), (key, value)].into_iter().collect();
        items.insert(0, item.into());
    }
    *layers = Value::list(items);
    wanted
}

/// Whether a text says exactly this: an edit that says anything else is none.
fn says(file: &File, text: &str, wanted: &Value) -> bool {
    let read = File::read_one(&file.path, BlobId([0; 20]), text.as_bytes());
    read.is_ok_and(|read| canonical(&read.root().value()) == canonical(wanted))
}

/// A document, with the place of its `spec`.
struct Document<'a> {
    text: &'a str,
    /// What its lines end with.
    end: &'static str,
    key: Node<'a>,
    spec: Node<'a>,
}

impl<'a> Document<'a> {
    fn of(file: &'a File) -> Result<Self, Box<Span>> {
        let spec = file.root().entries().find(|(key, _)| key.text() == "spec");
        let (key, spec) = spec.ok_or_else(|| Box::new(file.span(file.root())))?;
        let text: &str = &file.tree.text().0;
        Ok(Self { text, end: if text.contains("\r\n") { "\r\n" } else { "\n" }, key, spec })
    }

    fn replaced(&self, node: Node<'_>, word: &str) -> Option<String> {
        let bytes = node.bytes();
        Some([self.text.get(..bytes.start as usize)?, word, self.text.get(bytes.end as usize..)?].concat())
    }

    fn inserted(&self, at: usize, what: &str) -> Option<String> {
        Some([self.text.get(..at)?, what, self.text.get(at..)?].concat())
    }

    /// Adds an entry, perhaps with one item of a list, before all others of `spec`.
    fn added(&self, entry: &str, item: Option<&str>) -> Option<String> {
        let (first, _) = self.spec.entries().next()?;
        let start = first.bytes().start as usize;
        if self.is_flow(self.spec) {
            let item = item.map_or_else(String::new, |item| format!(" [ {item} ]"));
            return self.inserted(start, &format!("{entry}{item}, "));
        }
        let (end, indent) = (self.end, self.indent(start)?);
        let item = item.map_or_else(String::new, |item| format!("{indent}  - {item}{end}"));
        // Below the line of `spec` itself, so that a comment above its first entry stays there.
        self.inserted(self.next_line(self.key)?, &format!("{indent}{entry}{end}{item}"))
    }

    /// Adds an entry behind the name of an item of a list.
    fn beside_name(&self, item: Node<'_>, entry: &str) -> Option<String> {
        let name = item.get("name")?;
        let end = name.bytes().end as usize;
        if self.is_flow(item) {
            let quote = usize::from(self.text.get(end..)?.starts_with(['"', '\'']));
            return self.inserted(end + quote, &format!(", {entry}"));
        }
        let (first, _) = item.entries().next()?;
        let start = first.bytes().start as usize;
        let column = start - self.text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
        let rest = self.text.get(end..)?;
        let line = end + rest.find('\n').unwrap_or(rest.len());
        let line = if self.text.get(..line)?.ends_with('\r') { line - 1 } else { line };
        self.inserted(line, &format!("{}{}{entry}", self.end, " ".repeat(column)))
    }

    /// Takes an item out of a list, with its lines.
    fn without(&self, item: Node<'_>) -> Option<String> {
        let bytes = item.bytes();
        let (start, end) = (bytes.start as usize, bytes.end as usize);
        let line = self.text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
        let is_dash = self.text.get(line..start)?.trim() == "-";
        // What a node covers may end at its last word, or with its line.
        let rest = self.text.get(end..)?;
        let is_over = self.text.get(..end)?.ends_with('\n');
        let next = if is_over { end } else { rest.find('\n').map_or(self.text.len(), |at| end + at + 1) };
        let cut = [self.text.get(..line)?, self.text.get(next..)?].concat();
        is_dash.then_some(cut)
    }

    /// Adds an item before all others of `layers`.
    fn listed(&self, layers: Node<'_>, item: &str) -> Option<String> {
        let first = layers.items().next()?.bytes().start as usize;
        if self.is_flow(layers) {
            return self.inserted(first, &format!("{item}, "));
        }
        let line = self.text.get(..first)?.rfind('\n').map_or(0, |at| at + 1);
        let (indent, _) = self.text.get(line..first)?.split_once('-')?;
        let (key, _) = self.spec.entries().find(|(key, _)| key.text() == "layers")?;
        self.inserted(self.next_line(key)?, &format!("{indent}- {item}{}", self.end))
    }

    /// Whether a map or a list stands in brackets.
    fn is_flow(&self, node: Node<'_>) -> bool {
        self.text.get(node.bytes().start as usize..).is_some_and(|text| text.starts_with(['{', '[']))
    }

    /// Returns what stands before a key on its line, if that is blank.
    fn indent(&self, at: usize) -> Option<&'a str> {
        let line = self.text.get(..at)?.rfind('\n').map_or(0, |at| at + 1);
        self.text.get(line..at).filter(|before| before.bytes().all(|byte| byte == b' '))
    }

    /// Returns where the line after a key's begins.
    fn next_line(&self, key: Node<'_>) -> Option<usize> {
        let end = key.bytes().end as usize;
        self.text.get(end..)?.find('\n').map(|at| end + at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::RepoPath;

    fn file(text: &str) -> Arc<File> {
        let path = RepoPath::new("clusters/dev/one/cluster.yaml").expect("it is a path");
        File::read_one(&path, BlobId([0; 20]), text.as_bytes()).expect("it is YAML")
    }

    #[track_caller]
    fn check(text: &str, edit: impl Fn(&Arc<File>) -> Result<String, Box<Span>>, expected: &str) {
        let edited = edit(&file(text)).unwrap_or_else(|at| panic!("it can be edited at {at}:\n{text}"));
        assert_eq!(edited, expected, "of\n{text}");
    }

    fn shop(is_paused: bool) -> impl Fn(&Arc<File>) -> Result<String, Box<Span>> {
        move |file| paused(file, &LayerName::new("shop").expect("it is a label"), is_paused)
    }

    #[test]
    fn a_lifecycle_is_replaced_where_it_stands_and_else_comes_first() {
        let pause = |file: &Arc<File>| lifecycle(file, "paused");
        check(
            "spec:\n  lifecycle: active # soon\n  cloud: a\n",
            pause,
            "spec:\n  lifecycle: paused # soon\n  cloud: a\n",
        );
        check("spec:\n  lifecycle: \"active\"\n", pause, "spec:\n  lifecycle: \"paused\"\n");
        check("spec: # it\n  # where\n  cloud: a\n", pause, "spec: # it\n  lifecycle: paused\n  # where\n  cloud: a\n");
        check("spec: { cloud: a }\n", pause, "spec: { lifecycle: paused, cloud: a }\n");
        check("spec:\r\n  cloud: a\r\n", pause, "spec:\r\n  lifecycle: paused\r\n  cloud: a\r\n");
        assert!(lifecycle(&file("kind: Cluster\n"), "paused").is_err(), "there is no place for it");
    }

    #[test]
    fn a_layer_is_paused_in_its_entry() {
        let block = "spec:\n  layers:\n    - name: shop # ours\n      priority: 3\n    - name: b\n";
        let edited =
            "spec:\n  layers:\n    - name: shop # ours\n      paused: true\n      priority: 3\n    - name: b\n";
        check(block, shop(true), edited);
        check(edited, shop(false), &edited.replace("paused: true", "paused: false"));
        check("spec:\n  layers:\n  - name: shop", shop(true), "spec:\n  layers:\n  - name: shop\n    paused: true");
        let flow = "spec:\n  layers: [ { name: 'shop', remove: true } ]\n";
        check(flow, shop(true), "spec:\n  layers: [ { name: 'shop', paused: true, remove: true } ]\n");
    }

    #[test]
    fn a_layer_without_an_entry_gets_one() {
        let listed = "spec:\n  layers:\n    # the first\n    - name: b\n";
        let entry = "{ name: shop, paused: true }";
        check(listed, shop(true), &format!("spec:\n  layers:\n    - {entry}\n    # the first\n    - name: b\n"));
        check("spec:\n  cloud: a\n", shop(true), &format!("spec:\n  layers:\n    - {entry}\n  cloud: a\n"));
        check("spec: { cloud: a }\n", shop(true), &format!("spec: {{ layers: [ {entry} ], cloud: a }}\n"));
        check(
            "spec: { layers: [ { name: b } ] }\n",
            shop(true),
            &format!("spec: {{ layers: [ {entry}, {{ name: b }} ] }}\n"),
        );
    }

    #[test]
    fn a_layer_says_from_whom_it_adopts_and_that_it_is_kept() {
        let shop = LayerName::new("shop").expect("it is a label");
        let names: Vec<Arc<str>> = vec!["kubectl".into(), "my operator".into()];
        let adopts = |file: &Arc<File>| adopt(file, &shop, &names);
        let list = "[kubectl, \"my operator\"]";
        check(
            "spec:\n  cloud: a\n",
            adopts,
            &format!("spec:\n  layers:\n    - {{ name: shop, adopt: {list} }}\n  cloud: a\n"),
        );
        let before = "spec:\n  layers:\n    - name: shop\n      adopt: [helm] # once\n";
        check(before, adopts, &before.replace("[helm]", list));
        check(
            "spec:\n  layers: [ { name: shop } ]\n",
            |file| kept(file, &shop),
            "spec:\n  layers: [ { name: shop, onRemove: keep } ]\n",
        );
    }

    #[test]
    fn a_layer_is_taken_out_with_what_its_entry_says() {
        let shop = LayerName::new("shop").expect("it is a label");
        let out = |file: &Arc<File>| removed(file, &shop, false);
        let own = |file: &Arc<File>| removed(file, &shop, true);
        let entry = "{ name: shop, remove: true }";
        check("spec:\n  cloud: a\n", out, &format!("spec:\n  layers:\n    - {entry}\n  cloud: a\n"));
        let said = "spec:\n  layers:\n    - name: shop\n      onRemove: keep\n    # the next\n    - name: b\n";
        check(said, out, &format!("spec:\n  layers:\n    - {entry}\n    # the next\n    - name: b\n"));
        let added =
            "spec:\n  layers:\n    - name: b\n    - name: shop\n      role: add-on\n      manifests: [a]\n  cloud: a\n";
        check(added, own, "spec:\n  layers:\n    - name: b\n  cloud: a\n");
        let bare = "spec:\n  layers:\n    - name: b\n    - { name: shop, manifests: [a] }\n";
        check(bare, own, "spec:\n  layers:\n    - name: b\n");
        let newer = "spec:\n  layers:\n    - { name: shop, pack: shop@2.0.0, role: add-on }\n";
        check(newer, out, &format!("spec:\n  layers:\n    - {entry}\n"));
        let flow = "spec:\n  layers:\n    - name: b\n    - { name: shop, role: add-on, pack: shop@1.0.0 }\n";
        check(flow, own, "spec:\n  layers:\n    - name: b\n");
    }

    #[test]
    fn texts_are_replaced_where_they_stand() {
        let text = "spec:\n  layers:\n    - { name: a, pack: 'x@1.0.0' } # first\n    - name: b\n      pack: { name: y, version: 2.0.0 }\n";
        let with = |first: &str, second: &str| {
            let of = file(text);
            let items: Vec<_> = of
                .root()
                .get("spec")
                .and_then(|spec| spec.get("layers"))
                .into_iter()
                .flat_map(|it| it.items().collect::<Vec<_>>())
                .collect();
            let version = items[1].get("pack").and_then(|pack| pack.get("version")).expect("it is there");
            let edits = [
                (version.bytes(), second.to_owned()),
                (items[0].get("pack").expect("it is there").bytes(), first.to_owned()),
            ];
            texts(&of, &edits)
        };
        let expected = text.replace("1.0.0", "1.1.0").replace("2.0.0", "3.0.0");
        assert_eq!(with("x@1.1.0", "3.0.0").expect("it can be edited"), expected, "quotes and comments stay");
        assert!(with("x@1.1.0", "3.0").is_err(), "a number is no text, so nothing is edited");
    }

    #[test]
    fn what_no_edit_of_a_line_says_names_its_place() {
        let at = shop(true)(&file("spec:\n  cloud: a\n  layers: []\n")).expect_err("an empty list has no line");
        assert_eq!(at.to_string(), "clusters/dev/one/cluster.yaml:3:11");
        let at = lifecycle(&file("spec:\n  lifecycle: >-\n    active\n"), "paused").map(|text| text.contains("paused"));
        assert!(at.is_err() || at == Ok(true), "a text of several lines is edited as a whole, or not");
    }
}
