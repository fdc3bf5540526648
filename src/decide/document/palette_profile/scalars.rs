//! In: texts. Out: scalars of YAML that are read as these texts; names of layers and files.
//! Guarantee: what could be read as anything else stands in quotes.

/// Returns a text as a scalar of YAML.
pub(super) fn scalar(text: &str) -> String {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "-_./@".contains(c);
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_safe);
    let is_word = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    if is_plain && !is_word.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    // JSON's quotes are YAML's.
    serde_json::Value::from(text).to_string()
}

/// Returns a text as a label: lower-case letters, digits and inner hyphens.
pub(super) fn label(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let one = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let label: String = lower.chars().map(one).take(63).collect();
    let label = label.trim_matches('-');
    if label.is_empty() { "layer".to_owned() } else { label.to_owned() }
}

/// Returns a text as the name of a file, in which a dot may stand: `*.tpl` is a template here.
pub(super) fn file_name(text: &str) -> String {
    let parts: Vec<String> = text.split('.').filter(|part| !part.is_empty()).map(label).collect();
    if parts.is_empty() { label(text) } else { parts.join(".") }
}

/// Returns a label that none of these is, and takes it among them.
pub(super) fn unique(text: &str, taken: &mut Vec<String>) -> String {
    free(label(text), taken)
}

/// Returns the name that none of these is and that comes next after one, and takes it among them.
pub(super) fn free(label: String, taken: &mut Vec<String>) -> String {
    let numbered = (2..).map(|number| format!("{label}-{number}"));
    let free = std::iter::once(label.clone()).chain(numbered).find(|name| !taken.contains(name));
    let name = free.unwrap_or(label);
    taken.push(name.clone());
    name
}
