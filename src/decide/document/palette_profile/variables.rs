//! In: variables of a profile, as Palette or as we have them. Out: the same for the other.
//! Guarantee: a masked value is none; a format is a type, one by one.
use super::not_kept::not_kept;
use super::scalars::scalar;
use crate::decide::document::{Fragment, Variable, VariableType};
use crate::decide::value::{Diagnostic, Value, canonical};
use serde_json::{Map, Value as Json, json};
use std::fmt::Write as _;

/// Palette's formats are our types, but for `integer`, which it has as a number.
const FORMATS: [&str; 8] = ["string", "number", "boolean", "version", "ipv4", "ipv4cidr", "ipv6", "base64"];

/// What of a variable Palette has and we do not.
const UNKNOWN: [&str; 2] = ["displayName", "inputType"];

/// What a profile's variables are for us.
#[derive(Default)]
pub(super) struct Variables {
    /// Items of `variables`.
    pub(super) text: String,
    /// Sensitive ones, whose values have to be given.
    pub(super) asked: Vec<String>,
    /// What is not kept.
    pub(super) lost: Vec<Diagnostic>,
}

impl Variables {
    /// Takes a variable of Palette's in.
    pub(super) fn take(&mut self, variable: &Fragment) {
        let text = |key: &str| variable.get(key).map(|part| part.text().to_owned()).filter(|text| !text.is_empty());
        let is = |key: &str| variable.get(key).is_some_and(|part| part.value().as_bool() == Some(true));
        let name = text("name").unwrap_or_default();
        let format = text("format").filter(|format| FORMATS.contains(&format.as_str()));
        let kind = format.unwrap_or_else(|| "string".to_owned());
        let mut lines = vec![format!("name: {}", scalar(&name)), format!("type: {kind}")];
        if is("isSensitive") {
            self.asked.push(name.clone());
        } else if let Some(value) = text("defaultValue") {
            lines.push(format!("default: {}", typed(&kind, &value)));
        }
        for (theirs, ours) in
            [("required", "required"), ("isSensitive", "sensitive"), ("hidden", "hidden"), ("immutable", "readOnly")]
        {
            lines.extend(is(theirs).then(|| format!("{ours}: true")));
        }
        lines.extend(text("regex").map(|regex| format!("pattern: {}", scalar(&regex))));
        lines.extend(text("description").map(|said| format!("description: {}", scalar(&said))));
        let options: Vec<Fragment> = variable.get("options").iter().flat_map(Fragment::items).collect();
        let values = options.iter().filter_map(|option| option.get("value"));
        let values: Vec<String> = values.map(|value| typed(&kind, value.text())).collect();
        lines.extend((!values.is_empty()).then(|| format!("options: [{}]", values.join(", "))));
        for (at, line) in lines.iter().enumerate() {
            let mark = if at == 0 { "    - " } else { "      " };
            let _ = writeln!(self.text, "{mark}{line}");
        }
        let said =
            |key: &str| variable.get(key).filter(|part| ![&*name, "", "text", "dropdown"].contains(&part.text()));
        let lost = UNKNOWN.iter().filter_map(|key| Some((key, said(key)?)));
        self.lost.extend(lost.map(|(key, part)| not_kept(&format!("`{key}` of the variable {name}"), &part)));
        let labels = options.iter().find_map(|option| option.get("label").or_else(|| option.get("description")));
        self.lost
            .extend(labels.map(|part| not_kept(&format!("what options of the variable {name} are called"), &part)));
    }
}

/// Returns a value of Palette's, which has all of them as texts, as one of its type.
fn typed(kind: &str, text: &str) -> String {
    let is_bare = match kind {
        "boolean" => text == "true" || text == "false",
        "number" => serde_json::from_str::<serde_json::Number>(text).is_ok(),
        _ => false,
    };
    if is_bare { text.to_owned() } else { scalar(text) }
}

/// Returns a variable of ours as Palette has it; what it does not know goes to `lost`.
pub(super) fn exported(variable: &Variable, lost: &mut Vec<Diagnostic>) -> Json {
    let text = |value: &Value| value.as_str().map_or_else(|| canonical(value), ToOwned::to_owned);
    let of = |key: &str| variable.part.get(key);
    let mut fields = Map::new();
    let format = match variable.kind {
        VariableType::String => "string",
        VariableType::Integer | VariableType::Number => "number",
        VariableType::Boolean => "boolean",
        VariableType::Version => "version",
        VariableType::Ipv4 => "ipv4",
        VariableType::Ipv4Cidr => "ipv4cidr",
        VariableType::Ipv6 => "ipv6",
        VariableType::Base64 => "base64",
    };
    fields.insert("name".into(), json!(&*variable.name));
    fields.insert("displayName".into(), json!(&*variable.name));
    fields.insert("format".into(), json!(format));
    if let Some(default) = variable.default.as_ref().filter(|_| !variable.sensitive) {
        fields.insert("defaultValue".into(), json!(text(&default.value())));
    }
    let is_hidden = of("hidden").is_some_and(|part| part.value().as_bool() == Some(true));
    let flags = [
        ("required", variable.required),
        ("isSensitive", variable.sensitive),
        ("immutable", variable.read_only),
        ("hidden", is_hidden),
    ];
    fields.extend(flags.map(|(key, is)| (key.to_owned(), json!(is))));
    for (ours, theirs) in [("pattern", "regex"), ("description", "description")] {
        fields.extend(of(ours).map(|part| (theirs.to_owned(), json!(part.text()))));
    }
    let kind = if variable.options.is_empty() { "text" } else { "dropdown" };
    fields.insert("inputType".into(), json!(kind));
    if !variable.options.is_empty() {
        let options = variable.options.iter().map(|option| json!({ "value": text(option) }));
        fields.insert("options".into(), options.collect::<Vec<_>>().into());
    }
    let unknown = ["minimum", "maximum", "renamedFrom"].into_iter().filter_map(|key| Some((key, of(key)?)));
    lost.extend(unknown.map(|(key, part)| not_kept(&format!("`{key}` of the variable {}", variable.name), &part)));
    if variable.kind == VariableType::Integer {
        lost.push(not_kept(&format!("that the variable {} is a whole number", variable.name), &variable.part));
    }
    fields.into()
}
