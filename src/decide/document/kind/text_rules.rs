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
    fn durations_are_read_as_people_write_them() {
        assert_eq!(duration("1h30m"), Some(Duration::from_mins(90)));
        assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
        for wrong in ["", "10", "m", "1.5h", "8d", "99999999999999999999h"] {
            assert_eq!(duration(wrong), None, "{wrong} is no duration");
        }
    }
}
