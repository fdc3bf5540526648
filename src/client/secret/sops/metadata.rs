//! In: what SOPS keeps beside a document. Out: who can open it, which of its values are sealed, its MAC.
//! Guarantee: a rule that is not known here is refused: one that is passed over would be another document.
use crate::decide::value::Value;
use regex::Regex;
use std::sync::Arc;

/// What SOPS keeps beside a document.
#[derive(Debug)]
pub(super) struct Metadata {
    /// Recipients of age, each with the document's key as it is sealed to it.
    pub(super) age: Vec<(String, String)>,
    /// When it was sealed, as it is written: the MAC is sealed under it.
    pub(super) last_modified: String,
    pub(super) mac: String,
    /// Whether the MAC is of sealed values only.
    pub(super) mac_only_sealed: bool,
    rules: Vec<Rule>,
}

/// Which keys make what is below them sealed or plain.
#[derive(Debug)]
enum Rule {
    PlainSuffix(String),
    SealedSuffix(String),
    PlainPattern(Regex),
    SealedPattern(Regex),
}

/// The suffix of keys whose values stay plain where the document says nothing.
const PLAIN_SUFFIX: &str = "_unencrypted";

/// Rules by comments, which have no place in values.
const BY_COMMENTS: [&str; 2] = ["unencrypted_comment_regex", "encrypted_comment_regex"];

impl Metadata {
    /// Reads what stands under `sops`.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        let text =
            |key: &str| value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        if let Some(key) = BY_COMMENTS.iter().find(|key| text(key).is_some()) {
            return Err(format!("`{key}` is not supported: which values are sealed depends on comments"));
        }
        if value.get("key_groups").and_then(Value::as_list).is_some_and(|groups| groups.len() > 1) {
            return Err("its key is shared between groups of keys, which is not supported".into());
        }
        let pattern = |key: &str| {
            let compiled = text(key).map(|text| Regex::new(&text));
            compiled.transpose().map_err(|_| format!("`{key}` is no regular expression of RE2"))
        };
        // In the order in which SOPS looks at them; a later one overrules.
        let mut rules = Vec::new();
        let suffixes = (text("unencrypted_suffix"), text("encrypted_suffix"));
        let patterns = (pattern("unencrypted_regex")?, pattern("encrypted_regex")?);
        let says_nothing = suffixes.0.is_none() && suffixes.1.is_none() && patterns.0.is_none() && patterns.1.is_none();
        rules.extend(suffixes.0.or_else(|| says_nothing.then(|| PLAIN_SUFFIX.to_owned())).map(Rule::PlainSuffix));
        rules.extend(suffixes.1.map(Rule::SealedSuffix));
        rules.extend(patterns.0.map(Rule::PlainPattern));
        rules.extend(patterns.1.map(Rule::SealedPattern));
        let groups = value.get("key_groups").and_then(Value::as_list).and_then(|groups| groups.first());
        let recipients = value.get("age").or_else(|| groups.and_then(|group| group.get("age")));
        let recipient =
            |part: &Value| Some((part.get("recipient")?.as_str()?.to_owned(), part.get("enc")?.as_str()?.to_owned()));
        let age = recipients.and_then(Value::as_list).unwrap_or_default().iter().filter_map(recipient).collect();
        Ok(Self {
            age,
            last_modified: text("lastmodified").ok_or("it does not say when it was sealed")?,
            mac: text("mac").ok_or("it has no MAC")?,
            mac_only_sealed: value.get("mac_only_encrypted").and_then(Value::as_bool) == Some(true),
            rules,
        })
    }

    /// Whether what stands at a path is sealed.
    pub(super) fn is_sealed(&self, path: &[Arc<str>]) -> bool {
        let any = |holds: &dyn Fn(&str) -> bool| path.iter().any(|key| holds(key));
        self.rules.iter().fold(true, |is_sealed, rule| match rule {
            Rule::PlainSuffix(end) => is_sealed && !any(&|key| key.ends_with(end.as_str())),
            Rule::SealedSuffix(end) => any(&|key| key.ends_with(end.as_str())),
            Rule::PlainPattern(pattern) => is_sealed && !any(&|key| pattern.is_match(key)),
            Rule::SealedPattern(pattern) => any(&|key| pattern.is_match(key)),
        })
    }
}
