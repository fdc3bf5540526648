//! In: an error of a write or of a dry-run. Out: the answer or the reason that a plan understands.
//! Guarantee: only what the server itself refused is refused; all else is unknown, or worth another try.
use crate::client::kubernetes::{ApiError, Trouble};
use crate::decide::plan::Why;
use crate::decide::plan::conflict::{Conflict, conflict};
use crate::decide::rollout::Answer;

/// Returns what an error says of a write.
pub(super) fn answer(error: &ApiError) -> Answer {
    if error.is_unknown() { Answer::Unknown } else { Answer::Refused(why(error)) }
}

/// Returns why something was refused.
pub(super) fn why(error: &ApiError) -> Why {
    let text = error.to_string();
    let is_terminating = error.causes().iter().any(|cause| cause.reason == "NamespaceTerminating");
    match error.code() {
        Some(403) if is_terminating => Why::Unavailable(text),
        Some(401 | 403) => Why::Forbidden(text),
        Some(409) => Why::Conflict(text),
        Some(400 | 404 | 405 | 406 | 413 | 415 | 422) => Why::Invalid(text),
        _ if error.is_spurious() => Why::Unavailable(text),
        _ => Why::Invalid(text),
    }
}

/// Whether another version is there than the one that was to be written over; fields that others have are no such case.
pub(super) fn is_stale(error: &ApiError) -> bool {
    error.code() == Some(409) && conflicts(error).is_empty()
}

/// Returns the fields that other managers have and the write would change; none where it was refused for another reason.
pub(super) fn conflicts(error: &ApiError) -> Vec<Conflict> {
    error.causes().iter().filter_map(|cause| conflict(&cause.reason, &cause.message, &cause.field)).collect()
}

/// Whether the object's namespace is not there; the server names the namespace then.
pub(super) fn lacks_namespace(error: &ApiError, namespace: Option<&str>) -> bool {
    match (&error.trouble, namespace) {
        (Trouble::Refused { code: 404, reason, name, message, .. }, Some(namespace)) => {
            reason == "NotFound" && name == namespace && message.contains("namespaces")
        }
        _ => false,
    }
}
