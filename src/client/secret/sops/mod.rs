//! In: a document that SOPS has sealed with age, the keys of the operator for its path. Out: its values, the sealed ones
//! sensitive. And the reverse: documents, recipients; what `sops` opens.
//! Guarantee: nothing is taken that SOPS itself would refuse: each value opens under its own path, and all together are those
//! that were sealed (MAC). Nothing sensitive is in an error. No program is run and no `.sops.yaml` is read.
//!
//! Why not the program: it takes its keys from its environment, and would have to be given one set of keys a path.
mod cipher;
mod metadata;
mod sealing;

pub use sealing::{Sealing, seal};

use super::age::Identity;
use crate::decide::document::yaml::{Kind, Node};
use crate::decide::document::{File, codes};
use crate::decide::value::{Diagnostic, Map, Seal, Value, canonical};
use crate::name::{RepoName, RepoPath};
use crate::settings::is_below;
use cipher::{DataKey, Opened};
use metadata::Metadata;
use sha2::{Digest, Sha512};
use std::sync::Arc;

/// The key under which SOPS keeps what it needs to open a document.
const SOPS: &str = "sops";

/// With this begins what the MAC is over where it is of sealed values only, so that the two never are one.
const MAC_ONLY_SEALED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b, 0x97, 0x5b,
    0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// Keys, each with the paths whose files it opens.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Key>);

/// A key with the paths whose files it opens.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key.
    pub identity: Identity,
    /// The begins of the paths; none for all.
    pub paths: Vec<String>,
    /// The repository that the paths are in; none for the fleet's own.
    pub repository: Option<RepoName>,
}

impl Keys {
    /// Takes keys.
    pub fn new(keys: Vec<Key>) -> Self {
        Self(keys)
    }

    /// Returns the keys for the files of a path, and those for others.
    fn of(&self, path: &RepoPath, repository: Option<&RepoName>) -> (Vec<&Identity>, Vec<&Identity>) {
        let is_for = |key: &&Key| key.repository.as_ref() == repository && is_below(path, &key.paths);
        let (own, others): (Vec<&Key>, Vec<&Key>) = self.0.iter().partition(is_for);
        (own.into_iter().map(|key| &key.identity).collect(), others.into_iter().map(|key| &key.identity).collect())
    }
}

/// Opens the documents of one file.
pub fn open(
    documents: &[Arc<File>],
    path: &RepoPath,
    repository: Option<&RepoName>,
    keys: &Keys,
    seal: &Seal,
) -> Result<Vec<Value>, Vec<Diagnostic>> {
    let Some(first) = documents.first() else { return Ok(Vec::new()) };
    // What is not sealed may be meant to be.
    let said =
        |message: String, at: crate::decide::value::Span| Diagnostic::error(codes::SEALED, message).at(at.withheld());
    let part = first.root().get(SOPS).ok_or_else(|| {
        let message = format!("`{path}` is not sealed by SOPS");
        vec![
            said(message, first.span(first.root()))
                .hint("seal it with `sops encrypt --age RECIPIENT`, or name it under `valuesFiles`"),
        ]
    })?;
    let at = first.span(part);
    let metadata = Metadata::read(&part.value())
        .map_err(|why| vec![said(format!("`{path}` cannot be opened: {why}"), at.clone())])?;
    let key = data_key(&metadata, path, repository, keys)
        .map_err(|(why, hint)| vec![said(format!("`{path}` cannot be opened: {why}"), at.clone()).hint(hint)])?;
    let mut opening =
        Opening { metadata: &metadata, key: &key, mac: Sha512::new(), seal, errors: Vec::new(), file: first };
    if metadata.mac_only_sealed {
        opening.mac.update(MAC_ONLY_SEALED);
    }
    let mut values = Vec::new();
    for document in documents {
        opening.file = document;
        values.push(opening.root(document.root()));
    }
    let Opening { mac, errors, .. } = opening;
    if !errors.is_empty() {
        return Err(errors);
    }
    let mac = cipher::hex(&mac.finalize());
    let stated = key.open(&metadata.mac, &metadata.last_modified);
    let is_right = matches!(&stated, Ok(Opened::Text(stated)) if *stated == mac);
    if !is_right {
        let message = format!("`{path}` was changed after it was sealed: its MAC is of other values");
        return Err(vec![said(message, at).hint("edit it with `sops`, which seals all of it again")]);
    }
    Ok(values)
}

/// Finds the key of a document; in words why there is none, and what to do.
fn data_key(
    metadata: &Metadata,
    path: &RepoPath,
    repository: Option<&RepoName>,
    keys: &Keys,
) -> Result<DataKey, (String, String)> {
    let (own, others) = keys.of(path, repository);
    let opens = |identity: &&Identity| metadata.age.iter().any(|(recipient, _)| recipient == identity.recipient());
    let Some(identity) = own.iter().find(|identity| opens(identity)) else {
        let recipients: Vec<&str> = metadata.age.iter().map(|(recipient, _)| recipient.as_str()).collect();
        if metadata.age.is_empty() {
            let hint = "seal it with `sops encrypt --age RECIPIENT`; keys of other services are not asked";
            return Err(("it is sealed with no key of age".into(), hint.into()));
        }
        if others.iter().any(opens) {
            let hint = "put it back where it belongs, or seal it anew for this path";
            return Err(("the key that it is sealed to is for other paths".into(), hint.into()));
        }
        let what = if own.is_empty() {
            "the settings have no key for its path"
        } else {
            "no key of the settings for its path opens it"
        };
        return Err((what.into(), format!("it is sealed to {}; see `secrets` of the settings", recipients.join(", "))));
    };
    let sealed = metadata.age.iter().find(|(recipient, _)| recipient == identity.recipient()).map(|(_, sealed)| sealed);
    let opened = identity.open(sealed.map_or("", String::as_str));
    let hint = || "seal it again with `sops`".to_owned();
    let key = opened.map_err(|why| (format!("its key for {} cannot be read: {why}", identity.recipient()), hint()))?;
    DataKey::new(&key).ok_or_else(|| ("its key has not 32 bytes".into(), hint()))
}

/// A document that is being opened.
struct Opening<'a> {
    metadata: &'a Metadata,
    key: &'a DataKey,
    mac: Sha512,
    seal: &'a Seal,
    errors: Vec<Diagnostic>,
    file: &'a Arc<File>,
}

impl Opening<'_> {
    fn root(&mut self, root: Node<'_>) -> Value {
        let mut map = Map::default();
        for (key, value) in root.entries().filter(|(key, _)| key.text() != SOPS) {
            let opened = self.value(value, &mut vec![key.text().into()]);
            map.insert(key.key(), opened);
        }
        map.into()
    }

    fn value(&mut self, node: Node<'_>, path: &mut Vec<Arc<str>>) -> Value {
        match node.kind() {
            Kind::Map => {
                let mut map = Map::default();
                for (key, value) in node.entries() {
                    path.push(key.text().into());
                    map.insert(key.key(), self.value(value, path));
                    path.pop();
                }
                map.into()
            }
            // The items of a list have the path of the list.
            Kind::List => Value::list(node.items().map(|item| self.value(item, path)).collect()),
            _ => self.leaf(node, path),
        }
    }

    fn leaf(&mut self, node: Node<'_>, path: &[Arc<str>]) -> Value {
        let value = node.value();
        if value.is_null() {
            return value;
        }
        let is_sealed = self.metadata.is_sealed(path);
        if !is_sealed {
            if !self.metadata.mac_only_sealed {
                self.mac.update(plain_bytes(node, &value));
            }
            return value;
        }
        let Some(text) = node.as_str() else {
            return self.wrong(node, "it should be sealed, and is plain");
        };
        if text.is_empty() {
            return value;
        }
        let mut under = path.join(":");
        under.push(':');
        match self.key.open(text, &under) {
            Ok(opened) => {
                let (bytes, value) = opened.parts();
                self.mac.update(bytes);
                self.seal.seal(value)
            }
            Err(why) => self.wrong(node, why),
        }
    }

    fn wrong(&mut self, node: Node<'_>, why: &str) -> Value {
        let message = format!("a value of `{}` cannot be opened: {why}", self.file.path);
        let said = Diagnostic::error(codes::SEALED, message).at(self.file.span(node).withheld());
        self.errors.push(said.hint("edit the file with `sops`, which seals all of it again"));
        Value::Null
    }
}

/// Whether a word is true or false in YAML 1.2.
fn is_truth(word: &str) -> bool {
    ["true", "false"].contains(&word.to_ascii_lowercase().as_str())
}

/// Returns the bytes of a plain value as SOPS counts them in its MAC: it reads YAML 1.2, in which `yes` is a text.
fn plain_bytes(node: Node<'_>, value: &Value) -> Vec<u8> {
    match value {
        Value::Bool(truth) if is_truth(node.text()) => {
            if *truth {
                b"True".to_vec()
            } else {
                b"False".to_vec()
            }
        }
        Value::Bool(_) => node.text().as_bytes().to_vec(),
        Value::Float(number) => cipher::go_float(*number).into_bytes(),
        Value::String(text) => text.as_bytes().to_vec(),
        other => canonical(other).into_bytes(),
    }
}

#[cfg(test)]
mod tests;
