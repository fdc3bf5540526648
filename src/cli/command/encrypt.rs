//! In: a file of YAML, recipients of age. Out: the file as SOPS encrypts it, printed or in its place.
//! Guarantee: the file is replaced as a whole, or stays; what is encrypted already is an error; comments, which may hold
//! what is secret too, are left out, and that is told.
use super::{Answer, Failure, Found, once};
use crate::cli::args::Encrypt;
use crate::cli::print::Text;
use crate::client::clock::now;
use crate::client::directory::Directory;
use crate::client::git::fault;
use crate::client::secret::sops::{Sealing, seal};
use crate::decide::document::yaml::Kind;
use crate::decide::document::{File, codes};
use crate::decide::value::{Diagnostic, Fault, Owner};
use crate::name::{BlobId, RepoPath};
use serde_json::json;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest file: documents of a fleet have a hundredth of it.
const BYTES_MAX: u64 = 1_048_576;

/// Encrypts a file.
pub(super) fn run(options: &Encrypt) -> Result<Answer, Failure> {
    let (name, documents, text) = read(&options.file)?;
    for document in &documents {
        let twice: Vec<Diagnostic> = document.duplicate_warnings().into_iter().collect();
        if !twice.is_empty() {
            let message = format!("`{name}` has a key twice, of which one would be lost");
            return Err([vec![Diagnostic::error(codes::SEALED, message)], twice].concat().into());
        }
        let root = document.root();
        let said = |message: String| vec![Diagnostic::error(codes::SEALED, message).at(document.span(root))];
        if root.kind() != Kind::Map {
            return Err(said(format!("`{name}` is no map, and SOPS encrypts nothing else")).into());
        }
        if root.get("sops").is_some() {
            return Err(said(format!("`{name}` is encrypted already; `sops` edits it")).into());
        }
    }
    let moment = jiff::Timestamp::from_second(i64::try_from(now().0 / 1000).unwrap_or_default()).map_err(Fault::bug)?;
    let moment = moment.to_string();
    let (recipients, pattern) = (&options.age, options.encrypted_regex.as_deref());
    let sealed = seal(&documents, &Sealing { recipients, pattern, now: &moment })?;
    let names: Vec<String> = recipients.iter().map(crate::client::secret::age::Recipient::name).collect();
    let shown = options.file.display().to_string();
    let mut answer = if options.in_place {
        replace(&options.file, sealed.as_bytes())?;
        let text = Text::of(format!("{shown} is encrypted to {}; `sops {shown}` edits it", names.join(", ")));
        Answer::new(text, json!({ "file": shown, "recipients": names }))
    } else {
        Answer::new(Text::raw(sealed.clone()), json!({ "file": shown, "recipients": names, "text": sealed }))
    };
    let is_comment = |line: &str| line.trim_start().starts_with('#') || line.contains(" #");
    if text.lines().any(is_comment) {
        let message = format!("the comments of `{name}` are left out: they may hold what is secret");
        answer.warnings = once(Found::of_all([Diagnostic::warning(codes::SEALED, message)]));
    }
    Ok(answer)
}

fn read(path: &Path) -> Result<(RepoPath, Vec<Arc<File>>, String), Failure> {
    let fail = |why: String| {
        let message = format!("could not read {}: {why}", path.display());
        Failure::from(fault(Owner::Caller, false, message, "name a file of YAML"))
    };
    let size = fs::metadata(path).map_err(|error| fail(error.to_string()))?.len();
    if size > BYTES_MAX {
        return Err(fail(format!("expected at most {BYTES_MAX} bytes, found {size}")));
    }
    let bytes = fs::read(path).map_err(|error| fail(error.to_string()))?;
    let name = path.file_name().and_then(OsStr::to_str).ok_or_else(|| fail("its name is no text".into()))?;
    let name = RepoPath::new(name).map_err(|error| fail(error.to_string()))?;
    let documents = File::read_all(&name, BlobId([0; 20]), &bytes)?;
    if documents.is_empty() {
        return Err(fail("it is empty".into()));
    }
    Ok((name, documents, String::from_utf8_lossy(&bytes).into_owned()))
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let whole = fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
    let done = match (whole.parent(), whole.file_name().and_then(OsStr::to_str)) {
        (Some(folder), Some(name)) => Directory::make(folder).and_then(|folder| folder.replace(name, bytes)),
        _ => return Err(fault(Owner::Caller, false, format!("{} is no file", path.display()), "name a file").into()),
    };
    done.map_err(|error| {
        let message = format!("could not write {}: {error}", path.display());
        fault(Owner::Caller, false, message, "look at the rights of its folder, and the space left").into()
    })
}
