//! In: a cluster profile that Palette exported, or a Profile of the fleet. Out: the other one, and what it does not hold.
//! Guarantee: nothing that exists is overwritten; where one file exists none is written.
use super::current_fleet::{Here, on_large_stack, unknown};
use super::{Answer, Failure};
use crate::cli::args::{ExportPalette, ImportPalette};
use crate::cli::print::{Text, Tone};
use crate::client::git::{fault, in_folder};
use crate::decide::document::{File, Fragment, Imported, Registries, export_palette, import_palette};
use crate::decide::fleet::Index;
use crate::decide::value::{Fault, Owner};
use crate::name::{BlobId, ProfileName, RepoPath};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The most bytes of an exported profile: those of a profile with the values of 50 large packs.
const BYTES_MAX: u64 = 16 << 20;

/// Writes an exported profile as a Profile of the fleet.
pub(super) fn import(options: &ImportPalette, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let root = here.root()?;
    let imported = import_palette(&read(&options.file)?, &registries(&options.registry)?)?;
    let folder = root.join("profiles").join(&imported.name);
    if folder.symlink_metadata().is_ok() {
        let message = format!("could not write profiles/{}: it is there already", imported.name);
        return Err(
            fault(Owner::Caller, false, message, "move it away, or give the exported profile another name").into()
        );
    }
    for (path, text) in &imported.files {
        let path = folder.join(path);
        let attempt = format!("could not write {}", path.display());
        fs::create_dir_all(path.parent().unwrap_or(&folder)).map_err(in_folder(&attempt))?;
        fs::write(&path, text).map_err(in_folder(&attempt))?;
    }
    Ok(told(imported, root))
}

fn told(imported: Imported, root: &Path) -> Answer {
    let mut text = Text::default();
    for (path, _) in &imported.files {
        text.pieces([(Tone::Good, "+ ".to_owned()), (Tone::Plain, format!("profiles/{}/{path}", imported.name))]);
    }
    let is_there = |pack: &str| {
        pack.split_once('@').is_some_and(|(name, version)| root.join("packs").join(name).join(version).is_dir())
    };
    let missing: Vec<(String, Option<String>)> =
        imported.packs.iter().filter(|(pack, _)| !is_there(pack)).cloned().collect();
    for (pack, registry) in &missing {
        let from = registry.as_ref().map_or_else(String::new, |registry| format!(", from the registry {registry}"));
        text.line(format!("missing: the pack {pack}{from}: it belongs into packs/{}", pack.replace('@', "/")));
    }
    for name in &imported.asked {
        text.line(format!("asked for: a value of the sensitive variable {name}: set it where the profile is used"));
    }
    text.line("next: `stratify lint`, then commit it");
    let data = json!({
        "profile": imported.name,
        "files": imported.files.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
        "missingPacks": missing.iter().map(|(pack, registry)| json!({ "pack": pack, "registry": registry })).collect::<Vec<_>>(),
        "askedFor": imported.asked,
        "notKept": imported.lost.iter().map(crate::cli::print::data).collect::<Vec<_>>(),
    });
    let mut answer = Answer::new(text, data);
    answer.warnings = imported.lost;
    answer
}

/// Prints a Profile of the fleet as Palette imports it.
pub(super) fn export(options: &ExportPalette, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let root = here.root()?;
    let preview = here.preview()?;
    let fleet = on_large_stack(async { Ok(preview.fleet(None)?) })?;
    let index = &fleet.index;
    let absent = || unknown("profile", &options.profile, index.profile_names().map(ProfileName::as_str));
    let name = ProfileName::new(&options.profile).map_err(|_| absent())?;
    let profile = index.profile(&name)?.ok_or_else(absent)?;
    let exported = export_palette(profile, &|part| text_of(root, index, part), &|part| texts_of(root, index, part));
    let text = serde_json::to_string_pretty(&exported.profile).map_err(Fault::bug)?;
    let mut answer = Answer::new(Text::raw(format!("{text}\n")), exported.profile);
    answer.warnings = exported.lost;
    Ok(answer)
}

/// Returns the text of a file that a profile names.
fn text_of(root: &Path, index: &Index, part: &Fragment) -> Option<String> {
    let found = index.file(part).ok()?;
    fs::read_to_string(root.join(found.path.as_str())).ok()
}

/// Returns the files of a glob, each by its name.
fn texts_of(root: &Path, index: &Index, part: &Fragment) -> Vec<(String, String)> {
    let found = index.files(part).unwrap_or_default().into_iter();
    let named = |path: &RepoPath| {
        let name = path.as_str().rsplit('/').next().unwrap_or_default();
        name.trim_end_matches(".yaml").trim_end_matches(".yml").to_owned()
    };
    found
        .filter_map(|found| Some((named(&found.path), fs::read_to_string(root.join(found.path.as_str())).ok()?)))
        .collect()
}

/// Reads an exported profile; JSON is YAML, so that its mistakes have lines.
fn read(path: &Path) -> Result<std::sync::Arc<File>, Failure> {
    let attempt = format!("could not read {}", path.display());
    let not_read = |why: String, hint: &str| fault(Owner::Caller, false, format!("{attempt}: {why}"), hint);
    let size =
        fs::metadata(path).map_err(|error| not_read(error.to_string(), "name the file that Palette exported"))?.len();
    if size > BYTES_MAX {
        return Err(not_read(format!("it has {size} bytes, of {BYTES_MAX} at most"), "is it a cluster profile?").into());
    }
    let bytes = fs::read(path).map_err(|error| not_read(error.to_string(), "name the file that Palette exported"))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = RepoPath::new(&name).map_err(|error| not_read(error.to_string(), "give it a plain name"))?;
    Ok(File::read_one(&name, BlobId([0; 20]), &bytes)?)
}

fn registries(given: &[String]) -> Result<Registries, Failure> {
    let mut registries = BTreeMap::new();
    for one in given {
        let Some((name, address)) = one.split_once('=') else {
            let message = format!("`{one}` is no registry with its address");
            return Err(fault(
                Owner::Caller,
                false,
                message,
                "write NAME=https://…, with the name that Palette has of it",
            )
            .into());
        };
        registries.insert(name.to_owned(), address.to_owned());
    }
    Ok(registries)
}
