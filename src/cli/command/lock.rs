//! In: the tags that environments name. Out: fleet.lock, with the commit that each of them is.
//! Guarantee: only here is a tag resolved; a sync takes what the lock says, or holds.
use super::here::Here;
use super::{Answer, Failure};
use crate::cli::args::Lock;
use crate::cli::print::Text;
use crate::client::git::{fault, in_folder};
use crate::decide::document::Tag;
use crate::decide::lock;
use crate::decide::value::Owner;
use serde_json::json;
use std::fs;
use std::path::Path;

/// Writes fleet.lock, or says whether it is right.
pub(super) fn run(options: &Lock, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let preview = here.preview()?;
    let fleet = preview.fleet(None)?;
    let local = here.local()?;
    let mut tags = Vec::new();
    for name in fleet.index.tags() {
        let commit = local.objects().resolve_tag(&name)?.ok_or_else(|| {
            fault(Owner::Author, false, format!("there is no tag {name}"), "fetch it, or name another revision")
        })?;
        tags.push(Tag { name, repository: None, commit });
    }
    let lines = lock::encode(&tags);
    let locked: Vec<_> =
        tags.iter().map(|tag| json!({ "name": &*tag.name, "commit": tag.commit.to_string() })).collect();
    let file = here.root()?.join("fleet.lock");
    let is_right = fs::read_to_string(&file).is_ok_and(|text| text == lines) || (tags.is_empty() && !file.exists());
    if options.check && !is_right {
        return Err(fault(
            Owner::Author,
            false,
            "fleet.lock is not what the documents need",
            "run `stratify lock` and commit it",
        )
        .into());
    }
    if !options.check && !is_right {
        fs::write(&file, &lines).map_err(in_folder("could not write fleet.lock"))?;
    }
    let text = if is_right { "fleet.lock is right" } else { "fleet.lock is written: commit it" };
    Ok(Answer::new(
        Text::of(format!("{text} ({} tags)", locked.len())),
        json!({ "tags": locked, "changed": !is_right }),
    ))
}
