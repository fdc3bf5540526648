//! In: a pin that names a tag, its commit in fleet.lock, the tag as it is now. Out: why what reads it is held, if it is.
//! Guarantee: a tag in use that moved or went holds its clusters until it is back, locked anew or accepted where it was.
use super::codes;
use super::pins::{Fleet, named};
use crate::decide::document::PinReference;
use crate::decide::value::Diagnostic;
use crate::name::CommitId;

impl Fleet {
    pub(super) fn check_tag(&self, pin: &PinReference, locked: CommitId) -> Result<(), Diagnostic> {
        let tag = self.tags.get(&named(pin)).copied().unwrap_or_default();
        if tag.now == Some(locked) || tag.accepted == Some(locked) {
            return Ok(());
        }
        let message = match tag.now {
            Some(now) => format!("the tag moved from {locked} to {now}"),
            None => format!("the tag is gone; it was {locked}"),
        };
        let repository = pin.repository.as_ref().map(|name| format!(" --repository {name}")).unwrap_or_default();
        Err(Diagnostic::error(codes::TAG_MOVED, message).at(pin.part.span()).hint(format!(
            "move it back, or run `stratify lock` and commit fleet.lock, or stay where it was by `stratify accept {locked} --tag {}{repository}`",
            pin.revision
        )))
    }
}
