//! In: an address such as `oci://registry.example.org/fleet/base:1.4.0`. Out: its parts.
//! Guarantee: what is read is what the distribution specification allows; no credential stands in it.
use std::fmt;

/// A repository of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The host, with its port where it has one.
    pub host: String,
    /// Its path.
    pub path: String,
}

/// Something in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The repository.
    pub repository: Repository,
    /// Which of it.
    pub which: Which,
}

/// Which of a repository's contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// What a tag names.
    Tag(String),
    /// What has this digest, `sha256:…`.
    Digest(String),
}

impl Repository {
    /// Reads the address of a repository, without a tag; in words what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let rest = text.strip_prefix("oci://").ok_or("expected an address that begins with `oci://`")?;
        let (host, path) = rest.split_once('/').ok_or("expected `oci://HOST/REPOSITORY`")?;
        let is_part = |part: &str| {
            let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
            !part.is_empty() && part.chars().all(inner) && part.starts_with(|c: char| c.is_ascii_alphanumeric())
        };
        if host.is_empty() || host.contains('@') || !path.split('/').all(is_part) {
            return Err("expected a repository of lower-case letters, digits, `.`, `_` and `-`");
        }
        Ok(Self { host: host.to_owned(), path: path.to_owned() })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oci://{}/{}", self.host, self.path)
    }
}

impl Which {
    /// Returns the digest, if it is one.
    pub fn digest(&self) -> Option<&str> {
        if let Self::Digest(digest) = self { Some(digest) } else { None }
    }

    /// Returns it as a path of a request has it.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Tag(text) | Self::Digest(text) => text,
        }
    }
}

impl Reference {
    /// Reads an address; in words what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let rest = text.strip_prefix("oci://").ok_or("expected an address that begins with `oci://`")?;
        let (host, path) = rest.split_once('/').ok_or("expected `oci://HOST/REPOSITORY:TAG`")?;
        let (path, which) = match path.split_once('@') {
            Some((path, digest)) if is_digest(digest) => (path, Which::Digest(digest.to_owned())),
            Some(_) => return Err("expected a digest of the form `sha256:` and 64 hexadecimal digits"),
            None => match path.split_once(':') {
                Some((path, tag)) if is_tag(tag) => (path, Which::Tag(tag.to_owned())),
                Some(_) => return Err("expected a tag of letters, digits, `_`, `.` and `-`, at most 128"),
                None => return Err("expected a tag or a digest: nothing is taken as `latest`"),
            },
        };
        Ok(Self { repository: Repository::parse(&format!("oci://{host}/{path}"))?, which })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.which {
            Which::Tag(tag) => write!(f, "{}:{tag}", self.repository),
            Which::Digest(digest) => write!(f, "{}@{digest}", self.repository),
        }
    }
}

/// Whether a text is a digest as registries write it.
pub(super) fn is_digest(text: &str) -> bool {
    let digits = text.strip_prefix("sha256:");
    digits.is_some_and(|digits| {
        digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

fn is_tag(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    (1..=128).contains(&text.len()) && text.chars().all(inner) && !text.starts_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_printed_as_it_is_read() {
        let digest = format!("oci://127.0.0.1:5000/fleet/base@sha256:{}", "a".repeat(64));
        for text in ["oci://registry.example.org/base:1.4.0", &digest] {
            assert_eq!(Reference::parse(text).map(|found| found.to_string()).as_deref(), Ok(text));
        }
        for wrong in [
            "https://registry.example.org/base:1",
            "oci://registry.example.org/base",
            "oci://registry.example.org/Base:1",
            "oci://user@registry.example.org/base:1",
            "oci://registry.example.org/base@sha256:12",
            "oci://registry.example.org/../base:1",
        ] {
            assert!(Reference::parse(wrong).is_err(), "{wrong}");
        }
    }
}
