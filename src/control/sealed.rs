//! In: the files that a cluster reads, the keys of the settings. Out: what the sealed ones among them hold.
//! Guarantee: keys are read when there is something to open, and forgotten after; what is opened stays in memory.
use crate::client::secret::identities;
use crate::client::secret::sops::{self, Key, Keys};
use crate::decide::document::Texts;
use crate::decide::fleet::Found;
use crate::decide::value::{Fault, Origin, Seal, Source};
use crate::settings::AgeKeys;

/// Says which files need a key that cannot be read; one that is for none of them is not missed.
fn missing(fault: Fault, named: &AgeKeys, files: &[Found]) -> Result<(), Fault> {
    let is_for = |found: &&Found| {
        let repository = found.origin.as_ref().and_then(Origin::repository);
        named.is_for(&found.path, repository)
    };
    let mut needed = files.iter().filter(is_for);
    let Some(first) = needed.next() else { return Ok(()) };
    let more = match needed.count() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let message = format!("{fault}; it is to open `{}`{more}", first.path);
    Err(Fault { source: Source::Error(message.into()), ..fault })
}

/// Opens sealed files; what is wrong with one is told where it is read.
pub(super) fn open(files: &[Found], texts: &mut Texts, keys: &[AgeKeys], seal: &Seal) -> Result<(), Fault> {
    if files.is_empty() {
        return Ok(());
    }
    let mut all = Vec::new();
    for named in keys {
        let key = |identity| Key { identity, paths: named.paths.clone(), repository: named.repository.clone() };
        match identities(&named.file) {
            Ok(found) => all.extend(found.into_iter().map(key)),
            Err(fault) => missing(fault, named, files)?,
        }
    }
    let all = Keys::new(all);
    for Found { path, blob, origin } in files {
        let documents = texts.find(path, *blob)?.documents(path, origin.as_ref());
        let repository = origin.as_ref().and_then(Origin::repository);
        let opened = documents.and_then(|documents| sops::open(&documents, path, repository, &all, seal));
        texts.open(path.clone(), *blob, opened);
    }
    Ok(())
}
