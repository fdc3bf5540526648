//! In: texts of documents. Out: whether they keep the rule of their field.
//! Guarantee: each rule has one place and one sentence.
use crate::decide::document::field_types::Shape;
use crate::decide::value::Pointer;
use std::time::Duration;

pub(super) const LABEL: Shape =
    Shape::Checked(is_label, "lower-case letters, digits and inner hyphens, at most 63 characters");
pub(super) const SEMVER: Shape = Shape::Checked(is_semver, "a strict semantic version such as 1.4.0, without \"v\"");
pub(super) const PACK: Shape = Shape::Checked(is_pack, "a pack's name, `@` and a version, such as cilium@1.16.2");
pub(super) const PATH: Shape =
    Shape::Checked(is_path, "a path relative to this file, without `..` above the repository");
pub(super) const DURATION: Shape = Shape::Checked(is_duration, "a duration such as 30s, 10m or 24h, at most 7 days");
pub(super) const POINTER: Shape = Shape::Checked(is_pointer, "a JSON pointer such as /values/ipam/mode");
pub(super) const EXPRESSION: Shape = Shape::Text;
pub(super) const URL: Shape = Shape::Checked(is_url, "an address that begins with https:// or http://, without a user");
pub(super) const OCI: Shape =
    Shape::Checked(is_oci, "oci://, a host and a repository of lower-case letters, without tag and digest");
pub(super) const REGISTRY: Shape =
    Shape::Checked(is_registry, "oci://HOST/PATH, or the name of a source of the operator's settings");
pub(super) const SERVER: Shape =
    Shape::Checked(is_server, "an address that begins with https:// or http://, or oci://, without a user");
pub(super) const CHART_NAME: Shape =
    Shape::Checked(is_chart_name, "letters, digits, `.`, `_` and `-`, at most 250 characters");
pub(super) const RANGE: Shape = Shape::Checked(is_range, "a version such as 1.4.0, or a range such as 1.4.x or ^2.1");
pub(super) const DIGEST: Shape = Shape::Checked(is_digest, "sha256: and 64 hexadecimal digits");

/// Whether a text is a label as Kubernetes has them.
pub fn is_label(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len()) && text.chars().all(allowed) && !text.starts_with('-') && !text.ends_with('-')
}

/// Whether a text is a strict semantic version.
pub fn is_semver(text: &str) -> bool {
    semver::Version::parse(text).is_ok()
}

fn is_pack(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, version)| is_label(name) && !version.is_empty() && !version.contains('/'))
}

fn is_path(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('/') && !text.contains('\0') && text.len() <= 1024
}

fn is_pointer(text: &str) -> bool {
    text.starts_with('/') && Pointer::parse(text).is_some()
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_plain = |c: char| c.is_ascii_graphic() && !"\"'<>\\^`{|}".contains(c);
    rest.is_some_and(|rest| {
        let host = rest.split('/').next().unwrap_or_default();
        !host.is_empty() && !host.contains('@') && text.len() <= 2048 && rest.chars().all(is_plain)
    })
}

/// Whether it is a repository of a registry, as the distribution specification has them.
fn is_oci(text: &str) -> bool {
    let is_part = |part: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        part.chars().all(inner) && part.starts_with(|c: char| c.is_ascii_alphanumeric())
    };
    let is_host = |host: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
        !host.is_empty() && host.chars().all(inner)
    };
    let rest = text.strip_prefix("oci://").filter(|_| text.len() <= 512);
    rest.and_then(|rest| rest.split_once('/')).is_some_and(|(host, path)| is_host(host) && path.split('/').all(is_part))
}

/// Whether it is where packs are: below a repository of a registry, or what the settings call by a name.
fn is_registry(text: &str) -> bool {
    is_oci(text) || is_label(text)
}

/// Whether it is where a lock says that something is: of a registry, with its digest or without.
fn is_server(text: &str) -> bool {
    let (place, digest) = text.split_once('@').map_or((text, None), |(place, digest)| (place, Some(digest)));
    is_url(text) || (is_oci(place) && digest.is_none_or(is_digest))
}

fn is_chart_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=250).contains(&text.len()) && text.chars().all(allowed) && !text.starts_with('.')
}

/// Whether a text is a version or a range of versions.
fn is_range(text: &str) -> bool {
    range(text).is_some()
}

/// Returns the range that a text stands for: `1.16.x` and `^2.1` as Helm reads them; one version alone is that one.
pub fn range(text: &str) -> Option<semver::VersionReq> {
    let text = text.trim();
    if semver::Version::parse(text.strip_prefix('v').unwrap_or(text)).is_ok() {
        return semver::VersionReq::parse(&format!("={}", text.strip_prefix('v').unwrap_or(text))).ok();
    }
    let parts: Vec<String> = text
        .split([',', ' '])
        .filter(|part| !part.is_empty())
        .map(|part| part.replace(['x', 'X'], "*"))
        .map(|part| {
            if part.starts_with(|c: char| c.is_ascii_digit()) && !part.contains('*') {
                format!("~{part}")
            } else {
                part
            }
        })
        .collect();
    if parts.is_empty() { None } else { semver::VersionReq::parse(&parts.join(",")).ok() }
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_duration(text: &str) -> bool {
    duration(text).is_some()
}

/// Returns the duration that a text such as `1h30m` stands for; at most seven days, beyond which no gate is watched.
pub fn duration(text: &str) -> Option<Duration> {
    const MAX: u64 = 7 * 24 * 3600;
    let mut seconds: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        let unit = match rest.get(digits..=digits)? {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 24 * 3600,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = rest.get(digits + 1..)?;
    }
    (!text.is_empty() && seconds <= MAX).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_people_write_them() {
        let takes = |text: &str, version: &str| {
            let version = semver::Version::parse(version).expect("it is a version");
            range(text).is_some_and(|range| range.matches(&version))
        };
        for (text, inside, outside) in [
            ("1.16.x", "1.16.9", "1.17.0"),
            ("^2.1", "2.9.0", "3.0.0"),
            ("~1.2", "1.2.7", "1.3.0"),
            ("1.2.3", "1.2.3", "1.2.4"),
            ("1.2", "1.2.9", "1.3.0"),
            (">=1.2 <2", "1.9.0", "2.0.0"),
            ("v1.2.3", "1.2.3", "1.2.4"),
        ] {
            assert!(takes(text, inside) && !takes(text, outside), "{text}");
        }
        for wrong in ["", "latest", "1..2", "https://x"] {
            assert!(range(wrong).is_none(), "{wrong} is no range");
        }
    }

    #[test]
    fn a_repository_of_a_registry_has_no_tag_and_no_user() {
        for right in ["oci://ghcr.io/acme/charts/web", "oci://127.0.0.1:5000/web", "oci://[::1]:5000/a_b-c.d"] {
            assert!(is_oci(right), "{right}");
        }
        for wrong in [
            "ghcr.io/web",
            "oci://ghcr.io",
            "oci://ghcr.io/",
            "oci://ghcr.io/web:1.0",
            "oci://u@ghcr.io/web",
            "oci://h/../a",
        ] {
            assert!(!is_oci(wrong), "{wrong}");
        }
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(duration("1h30m"), Some(Duration::from_mins(90)));
        assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
        for wrong in ["", "10", "m", "1.5h", "8d", "99999999999999999999h"] {
            assert_eq!(duration(wrong), None, "{wrong} is no duration");
        }
    }
}
