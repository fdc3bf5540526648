//! In: the part of the operator's file that names other servers. Out: from where charts may be fetched, and as whom.
//! Guarantee: what no prefix covers is never fetched; a prefix ends where a part of the path does.
use super::repository::Credentials;
use crate::decide::document::Fragment;
use crate::decide::document::field_types::{Field, Shape, optional, required};
use crate::decide::document::kind::is_label;
use std::path::{Path, PathBuf};

/// Addresses from which something may be fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedSource {
    /// What documents may call it.
    pub name: Option<String>,
    /// How they begin.
    pub prefix: String,
    /// Whether their host may be on a private network, or this machine.
    pub is_private: bool,
    /// How to prove who we are.
    pub credentials: Credentials,
    /// The file with the one authority (PEM) that the server's certificate must come from.
    pub authority: Option<PathBuf>,
    /// The prefix that is asked in the place of this one.
    pub mirror: Option<String>,
    /// The file with the public key (PEM) of whom what is taken from a registry has to be signed by.
    pub key: Option<PathBuf>,
}

pub(super) const FIELDS: &[Field] = &[
    required(
        "prefix",
        Shape::Checked(is_prefix, "an address that begins with https:// or http://, or oci://"),
        "How addresses begin from which something may be fetched.",
    ),
    optional(
        "name",
        Shape::Checked(is_label, "lower-case letters, digits and inner hyphens, at most 63 characters"),
        "What `registry` of a pack may call it.",
    ),
    optional("private", Shape::Bool, "Whether their host may be on a private network, or this machine; default: no."),
    optional("tokenFile", Shape::Text, "A file with a token."),
    optional("user", Shape::Text, "A user."),
    optional("passwordFile", Shape::Text, "A file with the user's password."),
    optional(
        "dockerConfigFile",
        Shape::Text,
        "A file as `docker login` writes it; only what it has of the host is used.",
    ),
    optional("authorityFile", Shape::Text, "The authority (PEM) that the server's certificate must come from."),
    optional(
        "cosignKeyFile",
        Shape::Text,
        "The public key (PEM) by which cosign has to have signed what is taken from a registry.",
    ),
    optional(
        "mirror",
        Shape::Checked(is_prefix, "an address that begins with https:// or http://, or oci://"),
        "What is asked in the place of the prefix; it has to be covered by an entry of its own.",
    ),
];

fn is_prefix(text: &str) -> bool {
    let rest = ["https://", "http://", "oci://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['@', '?', '#']))
}

/// Reads a checked part.
pub(super) fn read(part: &Fragment, folder: &Path) -> AllowedSource {
    let text = |key: &str| part.get(key).map(|part| part.text().to_owned());
    let file = |key: &str| text(key).map(|path| folder.join(path));
    let basic = text("user").zip(file("passwordFile"));
    let credentials = match (file("tokenFile"), basic, file("dockerConfigFile")) {
        (Some(file), ..) => Credentials::TokenFile(file),
        (_, Some((user, password_file)), _) => Credentials::Basic { user, password_file },
        (.., Some(file)) => Credentials::DockerConfig(file),
        _ => Credentials::None,
    };
    AllowedSource {
        name: text("name"),
        prefix: text("prefix").unwrap_or_default(),
        is_private: part.get("private").is_some_and(|part| part.value().as_bool() == Some(true)),
        credentials,
        authority: file("authorityFile"),
        mirror: text("mirror"),
        key: file("cosignKeyFile"),
    }
}

/// Returns the key by which what stands at an address of a registry has to be signed, wherever it is mirrored.
pub fn key_for<'a>(allowed: &'a [AllowedSource], address: &str) -> Option<&'a Path> {
    let named = longest(allowed, address)?;
    named.key.as_deref().or_else(|| covering(allowed, address)?.1.key.as_deref())
}

fn longest<'a>(allowed: &'a [AllowedSource], address: &str) -> Option<&'a AllowedSource> {
    allowed.iter().filter(|source| source.covers(address)).max_by_key(|source| source.prefix.len())
}

/// Returns what is asked for an address, and as which source; nothing where no prefix covers it, or its mirror.
pub fn covering<'a>(allowed: &'a [AllowedSource], address: &str) -> Option<(String, &'a AllowedSource)> {
    let source = longest(allowed, address)?;
    let Some(mirror) = &source.mirror else { return Some((address.to_owned(), source)) };
    let rest = address.strip_prefix(source.prefix.trim_end_matches('/'))?;
    let place = format!("{}{rest}", mirror.trim_end_matches('/'));
    // A mirror of a mirror would be a ring before long.
    let own = longest(allowed, &place).filter(|own| own.mirror.is_none())?;
    Some((place, own))
}

impl AllowedSource {
    /// Whether an address is one of those.
    pub fn covers(&self, address: &str) -> bool {
        let prefix = self.prefix.trim_end_matches('/');
        let rest = address.strip_prefix(prefix);
        let is_inside = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        // A path that goes back is another one.
        is_inside && !address.split(['/', '?']).any(|part| part == ".." || part.eq_ignore_ascii_case("%2e%2e"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_a_part_does() {
        let of = |prefix: &str| AllowedSource { prefix: prefix.into(), ..AllowedSource::default() };
        for (prefix, address, expected) in [
            ("https://charts.example.org/", "https://charts.example.org/index.yaml", true),
            ("https://charts.example.org", "https://charts.example.org.evil.org/index.yaml", false),
            ("https://charts.example.org/stable", "https://charts.example.org/stable-2/a.tgz", false),
            ("https://charts.example.org/stable", "https://charts.example.org/stable/../secret", false),
            ("https://charts.example.org/", "http://charts.example.org/index.yaml", false),
            ("https://charts.example.org/", "https://user@charts.example.org/index.yaml", false),
        ] {
            assert_eq!(of(prefix).covers(address), expected, "{prefix} covers {address}");
        }
    }

    #[test]
    fn a_mirror_is_asked_where_it_is_allowed_itself() {
        let source = |prefix: &str, mirror: Option<&str>| AllowedSource {
            prefix: prefix.into(),
            mirror: mirror.map(Into::into),
            ..AllowedSource::default()
        };
        let (far, near) = ("oci://ghcr.io/acme", "oci://mirror.example.org/ghcr/acme");
        let asked = |allowed: &[AllowedSource], address: &str| covering(allowed, address).map(|(place, _)| place);
        let both = [source(far, Some(near)), source("oci://mirror.example.org/", None)];
        let place = asked(&both, "oci://ghcr.io/acme/charts/web");
        assert_eq!(place.as_deref(), Some("oci://mirror.example.org/ghcr/acme/charts/web"));
        assert_eq!(asked(&both, "oci://ghcr.io/other/web"), None, "it is not covered");
        assert_eq!(asked(&[source(far, Some(near))], "oci://ghcr.io/acme/web"), None, "the mirror is not allowed");
        let ring = [source(far, Some(near)), source(near, Some(far))];
        assert_eq!(asked(&ring, "oci://ghcr.io/acme/web"), None, "a ring of mirrors is none");
    }
}
