//! In: what is asked of Bitbucket Cloud. Out: its requests.
//! Guarantee: as its API 2.0; a status with the same key takes the place of the one before.
use super::call::{Call, Method, part, parts};
use super::kind::Forge;
use super::statuses::{CommitStatus, Stand, name, text};
use serde_json::json;

/// Returns the base of the API: of bitbucket.org a host of its own.
pub(super) fn base(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, "bitbucket.org")) => format!("{scheme}://api.bitbucket.org/2.0"),
        _ if url.ends_with("/2.0") => url.to_owned(),
        _ => format!("{url}/2.0"),
    }
}

/// The page of a commit, for a status that must have a link.
fn page(forge: &Forge, commit: &str) -> String {
    format!("https://bitbucket.org/{}/commits/{commit}", forge.repository())
}

pub(super) fn status(forge: &Forge, attempt: &str, status: &CommitStatus<'_>) -> Call {
    let capabilities = forge.capabilities();
    let state = match status.stand {
        Stand::Pending => "INPROGRESS",
        Stand::Success => "SUCCESSFUL",
        Stand::Failure | Stand::Error => "FAILED",
        Stand::Overtaken => "STOPPED",
    };
    let body = json!({
        "key": name(status.context, &capabilities),
        "state": state,
        "name": status.context,
        "description": text(status.text, capabilities.text_chars_max),
        "url": status.link.map_or_else(|| page(forge, status.commit), str::to_owned),
        "refname": status.branch,
    });
    let path = format!("/repositories/{}/commit/{}/statuses/build", parts(forge.repository()), part(status.commit));
    Call::write(attempt, Method::Post, path, body, &[200, 201])
}
