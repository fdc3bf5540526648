//! In: a pack of a folder, an address in a registry. Out: the pack there, as layers that name it by `registry` take it.
//! Guarantee: what cannot be read as a pack is not pushed, nor under another name or version; equal files are an equal digest.
use super::super::bundle::{PACK, archive, told};
use super::super::{Answer, Failure};
use crate::client::git::fault;
use crate::client::registry::{self, Other, Part, Reference, Which};
use crate::control::pack_trial::Files;
use crate::decide::fleet::name_in;
use crate::decide::value::Owner;
use crate::settings::Settings;
use serde_json::json;
use std::path::Path;

/// What its one part is.
const CONTENT: &str = "application/vnd.stratify.pack.content.v1.tar+gzip";

/// Puts the pack of a folder into a registry.
pub(in crate::cli::command) fn push(
    folder: &Path,
    reference: &Reference,
    other: Other,
    settings: Option<&Path>,
) -> Result<Answer, Failure> {
    let files = Files::read(folder)?;
    let pack = files.pack()?;
    let about = format!("{}@{}", pack.name, pack.version);
    let tag = pack.version.replace('+', "_");
    let is_named = match &reference.which {
        Which::Tag(named) => *named == tag,
        Which::Digest(_) => true,
    };
    if !is_named || name_in(&reference.repository.path) != &*pack.name {
        let message = format!("{reference} is no address for the pack {about}");
        let hint = format!("its address ends with /{}:{tag}", pack.name);
        return Err(fault(Owner::Caller, false, message, &hint).into());
    }
    let contents = files.contents()?;
    let bytes = archive(contents.iter().map(|(path, bytes)| (path.as_str(), *bytes)))?;
    let settings = match settings {
        Some(file) => Settings::read(file)?,
        None => Settings::embedded(Path::new(".")),
    };
    let part = Part { kind: CONTENT.into(), bytes };
    let pushed = registry::push(reference, &settings.sources, PACK, &[part], other)?;
    let mut answer = told(&pushed, reference, &format!("the pack {about}"), contents.len());
    answer.data["pack"] = json!(about);
    Ok(answer)
}
