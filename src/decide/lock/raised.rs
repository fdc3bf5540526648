//! In: a version or a range as a document names it, a newer version. Out: the same form of it with the newer version.
//! Guarantee: what comes out has the newer version in it, and says no more of it than what was there; a range of several
//! parts has no such form.
use super::tags::is_in;
use semver::Version;

/// Returns what is to stand in the place of what is wanted, so that a newer version is it; `tag` is how its server calls it.
pub fn raised(wanted: &str, newest: &str, tag: &str) -> Option<String> {
    if Version::parse(wanted.strip_prefix('v').unwrap_or(wanted)).is_ok() {
        return Some(tag.replace('_', "+"));
    }
    let version = Version::parse(newest).ok()?;
    let text = wanted.trim();
    let (operator, numbers) = match text.strip_prefix(['^', '~']) {
        Some(numbers) => (text.get(..1)?, numbers),
        None => ("", text),
    };
    let now = [version.major, version.minor, version.patch];
    let parts: Vec<&str> = numbers.split('.').collect();
    let is_wild = |part: &&str| matches!(*part, "x" | "X" | "*");
    let is_plain = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() > now.len() || !parts.iter().all(|part| is_wild(part) || is_plain(part)) {
        return None;
    }
    let part = |(part, number): (&&str, u64)| if is_wild(part) { (*part).to_owned() } else { number.to_string() };
    let parts: Vec<String> = parts.iter().zip(now).map(part).collect();
    let raised = format!("{operator}{}", parts.join("."));
    is_in(newest, &raised).then_some(raised)
}

#[cfg(test)]
mod tests {
    use super::raised;

    #[test]
    fn the_form_of_what_stands_there_stays() {
        for (wanted, newest, tag, expected) in [
            ("1.4.0", "1.5.2", "1.5.2", Some("1.5.2")),
            ("v1.4.0", "1.5.2", "v1.5.2", Some("v1.5.2")),
            ("1.4.0", "1.5.2+a", "1.5.2_a", Some("1.5.2+a")),
            ("1.4.x", "1.5.2", "1.5.2", Some("1.5.x")),
            ("1.x", "2.0.1", "2.0.1", Some("2.x")),
            ("^1.4", "2.3.1", "2.3.1", Some("^2.3")),
            ("~1.4.2", "1.5.0", "1.5.0", Some("~1.5.0")),
            ("1.4", "1.5.2", "1.5.2", Some("1.5")),
            (">=1.2 <2", "2.0.0", "2.0.0", None),
            ("1.2 || 1.3", "2.0.0", "2.0.0", None),
        ] {
            assert_eq!(raised(wanted, newest, tag).as_deref(), expected, "{wanted}");
        }
    }
}
