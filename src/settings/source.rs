//! In: the part of the operator's file that names other servers. Out: from where charts may be fetched, and as whom.
//! Guarantee: what no prefix covers is never fetched; a prefix ends where a part of the path does.
use super::repository::Credentials;
use crate::decide::document::Fragment;
use crate::decide::document::field_types::{Field, Shape, optional, required};
use std::path::{Path, PathBuf};

/// Addresses from which something may be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedSource {
    /// How they begin.
    pub prefix: String,
    /// Whether their host may be on a private network, or this machine.
    pub is_private: bool,
    /// How to prove who we are.
    pub credentials: Credentials,
    /// The file with the one authority (PEM) that the server's certificate must come from.
    pub authority: Option<PathBuf>,
}

pub(super) const FIELDS: &[Field] = &[
    required(
        "prefix",
        Shape::Checked(is_prefix, "an address that begins with https:// or http://, or oci://"),
        "How addresses begin from which something may be fetched.",
    ),
    optional("private", Shape::Bool, "Whether their host may be on a private network, or this machine; default: no."),
    optional("tokenFile", Shape::Text, "A file with a token."),
    optional("user", Shape::Text, "A user."),
    optional("passwordFile", Shape::Text, "A file with the user's password."),
    optional("authorityFile", Shape::Text, "The authority (PEM) that the server's certificate must come from."),
];

fn is_prefix(text: &str) -> bool {
    let rest = ["https://", "http://", "oci://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['@', '?', '#']))
}

/// Reads a checked part.
pub(super) fn read(part: &Fragment, folder: &Path) -> AllowedSource {
    let text = |key: &str| part.get(key).map(|part| part.text().to_owned());
    let file = |key: &str| text(key).map(|path| folder.join(path));
    let credentials = match (file("tokenFile"), text("user").zip(file("passwordFile"))) {
        (Some(file), _) => Credentials::TokenFile(file),
        (_, Some((user, password_file))) => Credentials::Basic { user, password_file },
        _ => Credentials::None,
    };
    AllowedSource {
        prefix: text("prefix").unwrap_or_default(),
        is_private: part.get("private").is_some_and(|part| part.value().as_bool() == Some(true)),
        credentials,
        authority: file("authorityFile"),
    }
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
        let of = |prefix: &str| AllowedSource {
            prefix: prefix.into(),
            is_private: false,
            credentials: Credentials::None,
            authority: None,
        };
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
}
