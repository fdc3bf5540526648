//! In: a `presets.yaml`. Out: its presets, each with what it adds as nodes at their places in the file.
//! Guarantee: names stand once; what a preset adds is checked where it stands, whoever chooses it.
use crate::decide::document::codes;
use crate::decide::document::file::{File, Fragment};
use crate::decide::document::typed::Preset;
use crate::decide::document::yaml::{Limits, read};
use crate::decide::value::{Checked, Diagnostic, Text};
use std::sync::Arc;

/// Reads a `presets.yaml`.
pub fn read_presets(file: &Arc<File>) -> Checked<Vec<Preset>> {
    let root = file.part(file.root());
    let (mut presets, mut errors): (Vec<Preset>, Vec<Diagnostic>) = (Vec::new(), Vec::new());
    let Some(list) = root.get("presets") else {
        let said = Diagnostic::error(codes::MISSING_FIELD, "the file of presets has no `presets`").at(root.span());
        return Err(vec![said.expected("a list of maps, each with `name`, `group`, `remove` and `add`")]);
    };
    for part in list.items() {
        let Some(name) = part.get("name").filter(|name| name.as_str().is_some()) else {
            errors.push(Diagnostic::error(codes::MISSING_FIELD, "the preset has no `name`").at(part.span()));
            continue;
        };
        if presets.iter().any(|known| *known.name == *name.text()) {
            let message = format!("the preset `{}` stands twice", name.text());
            errors.push(Diagnostic::error(codes::DUPLICATE_NAME, message).at(name.span()));
            continue;
        }
        let add = match part.get("add").map(|add| added(&add)).transpose() {
            Ok(add) => add.flatten(),
            Err(said) => {
                errors.extend(said);
                continue;
            }
        };
        presets.push(Preset {
            name: name.text().into(),
            group: part.get("group").map(|group| group.text().into()),
            remove: part.get("remove").map(|remove| remove.items().collect()).unwrap_or_default(),
            add,
        });
    }
    if errors.is_empty() { Ok((presets, file.duplicate_warnings())) } else { Err(errors) }
}

/// Returns what a preset adds: YAML within a text of the YAML.
fn added(part: &Fragment) -> Result<Option<Fragment>, Vec<Diagnostic>> {
    if part.node().entries().next().is_some() {
        return Ok(Some(part.clone()));
    }
    if part.text().trim().is_empty() {
        return Ok(None);
    }
    let file = &part.file;
    let inner = inner(part);
    let text = Text(inner.into());
    let fail = |bytes: std::ops::Range<u32>, message: String| {
        let at = crate::decide::document::file::span(&file.path, &text, bytes);
        let said = Diagnostic::error(codes::SYNTAX, format!("what the preset adds is no YAML: {message}"));
        vec![crate::decide::document::placed(said.at(at), file.origin.as_ref())]
    };
    let stream = read(&text, &Limits::default()).map_err(|error| fail(error.bytes.clone(), error.message.clone()))?;
    match stream.documents.as_slice() {
        [] => Ok(None),
        [tree] => {
            let file =
                File { origin: file.origin.clone(), path: file.path.clone(), blob: file.blob, tree: tree.clone() };
            let file = Arc::new(file);
            let root = file.part(file.root());
            if root.value().as_map().is_none() {
                return Err(fail(root.node().bytes(), "expected a map".into()));
            }
            Ok(Some(root))
        }
        [_, second, ..] => Err(fail(second.root().bytes(), "expected one document".into())),
    }
}

/// Returns a text in which nothing but the inner YAML stands, at the bytes that it has in the file.
///
/// A block's lines are YAML of their own, indented as a whole, so that all around them is made blank. A text in quotes is
/// read by itself, and its places are within it.
fn inner(part: &Fragment) -> String {
    let whole = part.file.tree.text();
    let bytes = part.node().bytes();
    let (start, end) = (bytes.start as usize, bytes.end as usize);
    let before = whole.0.get(..start).unwrap_or_default();
    let from = before.rfind('\n').map_or(0, |at| at + 1);
    let header = before.get(..from).unwrap_or_default().trim_end();
    let is_block = ["|", "|-", "|+"].iter().any(|mark| header.ends_with(mark));
    if !is_block {
        return part.text().to_owned();
    }
    let blank = |text: &str| -> String {
        // A character of several bytes becomes as many spaces.
        text.chars().flat_map(|c| std::iter::repeat_n(if c == '\n' { '\n' } else { ' ' }, c.len_utf8())).collect()
    };
    let before = blank(whole.0.get(..from).unwrap_or_default());
    format!("{before}{}", whole.0.get(from..end).unwrap_or_default())
}
