//! In: documents of YAML, the recipients of age, which keys are sealed. Out: the documents as SOPS seals them.
//! Guarantee: `sops` opens what is written, with its MAC; null and empty texts stay as they are, as SOPS has it; the order
//! of keys is kept. Each sealing has a key of its own, and each value a nonce of its own.
use super::super::age::Recipient;
use super::cipher::{DataKey, go_float, hex};
use super::metadata::Metadata;
use super::{SOPS, is_truth, plain_bytes};
use crate::decide::document::File;
use crate::decide::document::yaml::{Kind, Node};
use crate::decide::value::{Fault, Owner, Source, Value, canonical};
use serde::ser::{Serialize, SerializeMap, Serializer};
use sha2::{Digest, Sha512};
use std::sync::Arc;

/// The version of SOPS whose form is written.
const FORM: &str = "3.13.3";

/// To whom documents are sealed, and what of them.
pub struct Sealing<'a> {
    /// Who can open them.
    pub recipients: &'a [Recipient],
    /// Which keys are sealed with all below them; none: all.
    pub pattern: Option<&'a str>,
    /// The time, as RFC 3339 has it.
    pub now: &'a str,
}

/// A document, with its keys in their order.
enum Tree {
    Map(Vec<(Arc<str>, Tree)>),
    List(Vec<Tree>),
    Leaf(serde_json::Value),
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(&**key, value)?;
                }
                map.end()
            }
            Self::List(items) => items.serialize(serializer),
            Self::Leaf(value) => value.serialize(serializer),
        }
    }
}

/// Seals the documents of one file; the text is of YAML.
pub fn seal(documents: &[Arc<File>], sealing: &Sealing<'_>) -> Result<String, Fault> {
    let key = random()?;
    let rules = match sealing.pattern {
        Some(pattern) => ("encrypted_regex", pattern),
        None => ("unencrypted_suffix", "_unencrypted"),
    };
    let stated = |rule: (&str, &str)| -> Value {
        let texts = [rule, ("lastmodified", sealing.now), ("mac", "none yet")];
        Value::map(texts.iter().map(|(key, text)| (*key, Value::string(text))).collect())
    };
    let metadata = Metadata::read(&stated(rules))
        .map_err(|why| refused(&why, "as in `--encrypted-regex '^(data|stringData)$'`"))?;
    let data_key = DataKey::new(&key).ok_or_else(|| Fault::bug("a key has 32 bytes"))?;
    let mut writing = Writing { metadata: &metadata, key: &data_key, mac: Sha512::new(), is_any_sealed: false };
    let mut trees = Vec::new();
    for document in documents {
        trees.push(writing.value(document.root(), &mut Vec::new())?);
    }
    if !writing.is_any_sealed {
        return Err(refused("nothing of it would be sealed", "look at the keys, and at the pattern"));
    }
    let mac = hex(&writing.mac.finalize());
    let mac = data_key.seal(&mac, "str", sealing.now, random()?);
    let age = sealing.recipients.iter().map(|recipient| {
        let sealed = recipient.seal(&key).map_err(Fault::bug)?;
        Ok(serde_json::json!({ "recipient": recipient.name(), "enc": sealed }))
    });
    let age = age.collect::<Result<Vec<_>, Fault>>()?;
    let (rule, pattern) = rules;
    let beside =
        serde_json::json!({ "age": age, "lastmodified": sealing.now, "mac": mac, rule: pattern, "version": FORM });
    let mut texts = Vec::new();
    for tree in trees {
        let Tree::Map(mut entries) = tree else { return Err(Fault::bug("a document is a map")) };
        entries.push((SOPS.into(), Tree::Leaf(beside.clone())));
        texts.push(serde_yaml::to_string(&Tree::Map(entries)).map_err(Fault::bug)?);
    }
    Ok(texts.join("---\n"))
}

/// Returns what nobody can guess: a key, or a nonce.
fn random() -> Result<[u8; 32], Fault> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Fault::bug(error.to_string()))?;
    Ok(bytes)
}

/// Documents that are being sealed.
struct Writing<'a> {
    metadata: &'a Metadata,
    key: &'a DataKey,
    mac: Sha512,
    is_any_sealed: bool,
}

/// Returns the fault of who asked.
fn refused(why: &str, hint: &str) -> Fault {
    let source = Source::Error(format!("could not seal the file: {why}").into());
    Fault { owner: Owner::Caller, spurious: false, hint: Some(hint.into()), source }
}

impl Writing<'_> {
    fn value(&mut self, node: Node<'_>, path: &mut Vec<Arc<str>>) -> Result<Tree, Fault> {
        Ok(match node.kind() {
            Kind::Map => {
                let mut entries = Vec::new();
                for (key, value) in node.entries() {
                    // To SOPS a key is as it is written, also where others read `n` as false.
                    let name: Arc<str> = key.text().into();
                    path.push(name.clone());
                    entries.push((name, self.value(value, path)?));
                    path.pop();
                }
                Tree::Map(entries)
            }
            Kind::List => Tree::List(node.items().map(|item| self.value(item, path)).collect::<Result<_, _>>()?),
            _ => Tree::Leaf(self.leaf(node, path)?),
        })
    }

    fn leaf(&mut self, node: Node<'_>, path: &[Arc<str>]) -> Result<serde_json::Value, Fault> {
        let value = match node.value() {
            Value::Null => return Ok(serde_json::Value::Null),
            // To SOPS, which reads YAML 1.2, words like `yes` are texts.
            Value::Bool(_) if !is_truth(node.text()) => Value::string(node.text()),
            value => value,
        };
        let is_sealed = self.metadata.is_sealed(path);
        if !is_sealed || value.as_str() == Some("") {
            self.mac.update(plain_bytes(node, &value));
            return serde_json::from_str(&canonical(&value)).map_err(Fault::bug);
        }
        let (text, kind) = match &value {
            Value::Integer(number) => (number.to_string(), "int"),
            Value::Unsigned(_) => {
                return Err(refused(
                    &format!("SOPS takes whole numbers up to {}, and `{}` is more", i64::MAX, path.join(".")),
                    "put it in quotes",
                ));
            }
            Value::Float(number) => (go_float(*number), "float"),
            Value::Bool(true) => ("True".to_owned(), "bool"),
            Value::Bool(false) => ("False".to_owned(), "bool"),
            Value::String(text) => (text.to_string(), "str"),
            _ => return Err(Fault::bug("a leaf has no parts")),
        };
        self.is_any_sealed = true;
        self.mac.update(text.as_bytes());
        let under: String = path.iter().flat_map(|key| [&**key, ":"]).collect();
        Ok(serde_json::Value::String(self.key.seal(&text, kind, &under, random()?)))
    }
}
