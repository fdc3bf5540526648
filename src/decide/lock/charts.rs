//! In: the index of a chart repository, a chart, a range. Out: the newest version in it, and where its archive is.
//! Guarantee: what is a pre-release or deprecated is taken only where it is named exactly.
use crate::decide::document::kind::range;
use crate::decide::document::yaml::{Limits, read};
use crate::decide::value::{Digest, Map, Text, Value};
use semver::Version;
use std::sync::Arc;

/// The largest index: the largest public ones have 30 MB.
pub const INDEX_BYTES_MAX: usize = 64 << 20;

/// A version of a chart, as an index has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The version.
    pub version: Arc<str>,
    /// Where its archive is; relative to the repository.
    pub url: Arc<str>,
    /// The digest that the index states.
    pub digest: Option<Digest>,
}

/// Reads an index.
pub fn read_index(text: &str) -> Result<Value, String> {
    let limits = Limits { bytes_max: INDEX_BYTES_MAX, ..Limits::default() };
    let stream = read(&Text(text.into()), &limits).map_err(|error| format!("it is no YAML: {}", error.message))?;
    let index = stream.documents.first().map(|tree| tree.root().value()).unwrap_or_default();
    match index.get("entries").and_then(Value::as_map) {
        Some(_) => Ok(index),
        None => Err("it has no `entries`, as the index of a chart repository has".into()),
    }
}

/// Returns the names of the charts that an index has.
pub fn charts_of(index: &Value) -> Vec<&str> {
    let entries = index.get("entries").and_then(Value::as_map);
    entries.into_iter().flat_map(Map::iter).map(|(name, _)| &**name).collect()
}

/// Returns the versions of a chart that an index has, the newest first.
pub fn versions_of<'a>(index: &'a Value, name: &str) -> Vec<&'a str> {
    let entries = index.get("entries").and_then(|entries| entries.get(name)).and_then(Value::as_list);
    let versions = entries.into_iter().flatten().filter_map(|entry| entry.get("version").and_then(Value::as_str));
    super::tags::versions(versions)
}

/// Whether an index says that a version of a chart is deprecated.
pub fn is_deprecated(index: &Value, name: &str, version: &str) -> bool {
    let entries = index.get("entries").and_then(|entries| entries.get(name)).and_then(Value::as_list);
    let plain = |text: &'_ str| text.strip_prefix('v').unwrap_or(text).to_owned();
    let is_it = |entry: &&Value| entry.get("version").and_then(Value::as_str).map(plain).as_deref() == Some(version);
    let entry = entries.into_iter().flatten().find(is_it);
    entry.and_then(|entry| entry.get("deprecated")).and_then(Value::as_bool) == Some(true)
}

/// Returns the newest version of a chart in a range.
pub fn choose(index: &Value, name: &str, wanted: &str) -> Result<Chosen, String> {
    let versions = index.get("entries").and_then(|entries| entries.get(name)).and_then(Value::as_list);
    let versions = versions.ok_or_else(|| format!("it has no chart `{name}`"))?;
    let range = range(wanted).ok_or_else(|| format!("`{wanted}` is no range of versions"))?;
    let exact = Version::parse(wanted.strip_prefix('v').unwrap_or(wanted)).ok();
    let text = |version: &'_ Value, key: &str| version.get(key).and_then(Value::as_str).map(Arc::<str>::from);
    let parsed = |version: &Value| {
        let text = text(version, "version")?;
        Version::parse(text.strip_prefix('v').unwrap_or(&text)).ok()
    };
    let is_deprecated = |version: &Value| version.get("deprecated").and_then(Value::as_bool) == Some(true);
    let fits = |version: &Version| match &exact {
        Some(exact) => version == exact,
        None => version.pre.is_empty() && range.matches(version),
    };
    let found = versions.iter().filter_map(|version| Some((parsed(version)?, version)));
    let found = found.filter(|(parsed, it)| fits(parsed) && (exact.is_some() || !is_deprecated(it)));
    let (version, entry) = found
        .max_by(|left, right| left.0.cmp(&right.0))
        .ok_or_else(|| format!("it has no version of `{name}` that is `{wanted}`"))?;
    let urls = entry.get("urls").and_then(Value::as_list).unwrap_or_default();
    let url =
        urls.iter().find_map(Value::as_str).ok_or_else(|| format!("it does not say where `{name}` {version} is"))?;
    let digest = text(entry, "digest").and_then(|text| Digest::parse(text.strip_prefix("sha256:").unwrap_or(&text)));
    Ok(Chosen { version: version.to_string().into(), url: url.into(), digest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_of_a_range_is_chosen() {
        let text = "entries:\n  web:\n    - { version: 1.2.0, urls: [web-1.2.0.tgz] }\n    - { version: 1.10.0, urls: [a.tgz] }\n\
                    \x20   - { version: 1.11.0-rc.1, urls: [b.tgz] }\n    - { version: 1.12.0, urls: [c.tgz], deprecated: true }\n\
                    \x20   - { version: v2.0.0, urls: [d.tgz] }\n";
        let index = read_index(text).expect("it is an index");
        let version = |wanted: &str| choose(&index, "web", wanted).map(|chosen| chosen.version.to_string());
        assert_eq!(version("1.x").as_deref(), Ok("1.10.0"), "numbers are compared, not texts");
        assert_eq!(version("^2.0").as_deref(), Ok("2.0.0"), "a `v` is no part of a version");
        assert_eq!(version("1.12.0").as_deref(), Ok("1.12.0"), "what is named exactly is taken");
        assert_eq!(version("1.11.0-rc.1").as_deref(), Ok("1.11.0-rc.1"));
        assert_eq!(version("3.x"), Err("it has no version of `web` that is `3.x`".into()));
        assert_eq!(choose(&index, "db", "1.x"), Err("it has no chart `db`".into()));
        assert!(is_deprecated(&index, "web", "1.12.0") && !is_deprecated(&index, "web", "2.0.0"));
        assert!(read_index("<html>log in</html>").is_err(), "a page is no index");
    }
}
