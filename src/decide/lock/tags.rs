//! In: the tags of a repository of a registry, a version or a range. Out: the newest tag in it.
//! Guarantee: tags are read as helm and Zarf write them; what is a pre-release is taken only where it is named exactly.
use crate::decide::document::kind::range;
use semver::Version;
use std::sync::Arc;

/// A tag that is a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// The version.
    pub version: Arc<str>,
    /// The tag.
    pub tag: String,
}

/// Returns the tag of what is named exactly; nothing of a range.
pub fn tag_of(wanted: &str) -> Option<Tagged> {
    let version = Version::parse(wanted.strip_prefix('v').unwrap_or(wanted)).ok()?;
    // A tag cannot have a plus sign: helm writes an underscore for it.
    Some(Tagged { version: version.to_string().into(), tag: wanted.replace('+', "_") })
}

/// Returns the newest of tags in a range; in words why there is none.
pub fn newest<'a>(tags: impl Iterator<Item = &'a str>, wanted: &str) -> Result<Tagged, String> {
    let range = range(wanted).ok_or_else(|| format!("`{wanted}` is no range of versions"))?;
    let fits = |(version, _): &(Version, &str)| version.pre.is_empty() && range.matches(version);
    let newest = tags.filter_map(parsed).filter(fits).max();
    let (version, tag) = newest.ok_or_else(|| format!("it has no tag that is `{wanted}`"))?;
    Ok(Tagged { version: version.to_string().into(), tag: tag.to_owned() })
}

/// Returns the tags that are versions, the newest first.
pub fn versions<'a>(tags: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut versions: Vec<(Version, &str)> = tags.filter_map(parsed).collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, tag)| tag).collect()
}

fn parsed(tag: &str) -> Option<(Version, &str)> {
    let text = tag.strip_prefix('v').unwrap_or(tag).replace('_', "+");
    Some((Version::parse(&text).ok()?, tag))
}

/// Whether a version is one that is asked for.
pub fn is_in(version: &str, wanted: &str) -> bool {
    Version::parse(version).ok().zip(range(wanted)).is_some_and(|(version, range)| range.matches(&version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_tag_of_a_range_is_chosen() {
        let tags = ["latest", "1.2.0", "1.10.0", "1.11.0-rc.1", "v2.0.0", "1.10.0_build.7", "sha256-ab.sig"];
        let newest = |wanted: &str| newest(tags.into_iter(), wanted).map(|it| (it.version.to_string(), it.tag));
        let of = |version: &str, tag: &str| Ok((version.to_owned(), tag.to_owned()));
        assert_eq!(newest("1.2.x"), of("1.2.0", "1.2.0"));
        assert_eq!(newest("^1.2"), of("1.10.0+build.7", "1.10.0_build.7"), "numbers are compared, not texts");
        assert_eq!(newest("2.x"), of("2.0.0", "v2.0.0"), "a `v` is no part of a version");
        assert_eq!(newest("3.x"), Err("it has no tag that is `3.x`".into()));
        let tag = |wanted: &str| tag_of(wanted).map(|it| (it.version.to_string(), it.tag));
        assert_eq!(tag("v1.2.3+a"), Some(("1.2.3+a".into(), "v1.2.3_a".into())));
        assert_eq!(tag("1.x"), None, "a range is no tag");
    }
}
