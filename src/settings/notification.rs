//! In: the part of the operator's file that says who is notified. Out: each receiver: where it is, in which form, of what.
//! Guarantee: no secret stands here; an address that is one stands in a file.
use super::address::is_address_with_query;
use crate::decide::document::Fragment;
use crate::decide::document::field_types::{Field, Shape, optional, required};
use crate::decide::report::Occasion;
use crate::decide::value::{Code, Diagnostic};
use crate::name::EnvironmentName;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Who is notified of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The name: what waits for it is kept under it.
    pub name: Arc<str>,
    /// In which form it is told.
    pub kind: NotificationKind,
    /// Where it is.
    pub url: UrlAt,
    /// The file with the secret that signs what it is told.
    pub secret: Option<PathBuf>,
    /// The file with the one authority (PEM) that its certificate must come from.
    pub authority: Option<PathBuf>,
    /// Of what it is told.
    pub occasions: Vec<Occasion>,
    /// The environments that it is told of; all, where none is named.
    pub environments: Vec<EnvironmentName>,
}

/// In which form a receiver is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationKind {
    /// A message of a Slack incoming webhook.
    Slack,
    /// JSON of our own, signed.
    Webhook,
    /// `CloudEvents` 1.0, structured, in JSON.
    CloudEvents,
}

/// Where the address of a receiver stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UrlAt {
    /// In the settings.
    Text(String),
    /// In a file, which is read for each post: Slack's addresses are secrets.
    File(PathBuf),
}

const WORDS: &[&str] = &["slack", "webhook", "cloudevents"];

const OCCASIONS: &[&str] = &["failed", "held", "synced", "overtaken"];

/// What somebody has to look at.
const DEFAULT: [Occasion; 2] = [Occasion::Failed, Occasion::Held];

pub(super) const FIELDS: &[Field] = &[
    required("name", Shape::Checked(is_label, "a label, such as ops"), "The name of the receiver."),
    required("kind", Shape::Word(WORDS), "In which form it is told."),
    optional(
        "url",
        Shape::Checked(is_address_with_query, "http:// or https:// and a host, without user or fragment"),
        "Its address.",
    ),
    optional("urlFile", Shape::Text, "A file with its address, where that is a secret, as Slack's is."),
    optional("secretFile", Shape::Text, "A file with the secret that signs what it is told; `webhook` needs one."),
    optional("authorityFile", Shape::Text, "The authority (PEM) that its certificate must come from."),
    optional("events", Shape::List(&Shape::Word(OCCASIONS)), "Of what it is told; default: failed and held."),
    optional(
        "environments",
        Shape::List(&Shape::Checked(is_label, "the name of an environment")),
        "The environments that it is told of; default: all, and plans that fail.",
    ),
];

/// A receiver without an address, or with two.
const ONE_ADDRESS: Code = Code(906);

/// A receiver that needs a secret and has none, or has one that its form has no place for.
const SECRET: Code = Code(907);

fn is_label(text: &str) -> bool {
    EnvironmentName::new(text).is_ok()
}

fn kind(part: &Fragment) -> Option<NotificationKind> {
    match part.get("kind")?.text() {
        "slack" => Some(NotificationKind::Slack),
        "webhook" => Some(NotificationKind::Webhook),
        "cloudevents" => Some(NotificationKind::CloudEvents),
        _ => None,
    }
}

/// Returns what is wrong with the receivers beyond their fields.
pub(super) fn check(all: &Fragment) -> Vec<Diagnostic> {
    let mut said = Vec::new();
    for part in all.items() {
        let addresses = ["url", "urlFile"].into_iter().filter(|key| part.get(key).is_some()).count();
        if addresses != 1 {
            let found = if addresses == 0 { "the receiver has no address" } else { "the receiver has two addresses" };
            said.push(Diagnostic::error(ONE_ADDRESS, found).at(part.span()).expected("exactly one of: url, urlFile"));
        }
        match (kind(&part), part.get("secretFile")) {
            (Some(NotificationKind::Webhook), None) => {
                let found = "what a webhook is told is signed, and there is no secret";
                said.push(Diagnostic::error(SECRET, found).at(part.span()).expected("`secretFile`"));
            }
            (Some(NotificationKind::Slack), Some(secret)) => {
                let found = "Slack checks no signature: its address is the secret";
                let hint = "put the address into a file, and name it as `urlFile`";
                said.push(Diagnostic::error(SECRET, found).at(secret.span()).hint(hint));
            }
            _ => {}
        }
    }
    said
}

/// Reads checked receivers.
pub(super) fn read(all: &Fragment, folder: &Path) -> Vec<Notification> {
    all.items().filter_map(|part| read_one(&part, folder)).collect()
}

fn read_one(part: &Fragment, folder: &Path) -> Option<Notification> {
    let text = |key: &str| part.get(key).map(|part| part.text().to_owned());
    let file = |key: &str| text(key).map(|path| folder.join(path));
    let all = |key: &str| -> Option<Vec<String>> {
        Some(part.get(key)?.items().map(|item| item.text().to_owned()).collect())
    };
    let occasions = all("events").map(|words| words.iter().filter_map(|word| Occasion::parse(word)).collect());
    let environments = all("environments").unwrap_or_default();
    Some(Notification {
        name: text("name")?.into(),
        kind: kind(part)?,
        url: text("url").map(UrlAt::Text).or_else(|| file("urlFile").map(UrlAt::File))?,
        secret: file("secretFile"),
        authority: file("authorityFile"),
        occasions: occasions.unwrap_or_else(|| DEFAULT.to_vec()),
        environments: environments.iter().filter_map(|name| EnvironmentName::new(name).ok()).collect(),
    })
}
