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
use crate::decide::document::yaml::{Kind, Node};
use crate::decide::document::{File, codes};
use crate::decide::value::{Diagnostic, Fault, Owner};
use crate::name::{BlobId, RepoPath};
use serde_json::json;
use std::ffi::OsStr;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest file: documents of a fleet have a hundredth of it.
const BYTES_MAX: u64 = 1_048_576;

/// Encrypts a file.
pub(super) fn run(options: &Encrypt) -> Result<Answer, Failure> {
    let (name, documents) = read(&options.file)?;
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
            return Err(said(format!("`{}` is encrypted already; `sops` edits it", options.file.display())).into());
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
    if has_comment(&documents) {
        let message = format!("the comments of `{name}` are left out: they may hold what is secret");
        answer.warnings = once(Found::of_all([Diagnostic::warning(codes::SEALED, message)]));
    }
    Ok(answer)
}

/// Whether a file has a comment: a `#` after a space or at the begin of a line, in none of its keys and values.
fn has_comment(documents: &[Arc<File>]) -> bool {
    let Some(first) = documents.first() else { return false };
    let mut scalars = Vec::new();
    for document in documents {
        scalars_into(document.root(), &mut scalars);
    }
    let text: &str = &first.tree.text().0;
    let mut signs = text.match_indices('#').map(|(at, _)| at);
    let begins =
        |at: usize| text.get(..at).is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t', '\n', '\r']));
    signs.any(|at| begins(at) && !scalars.iter().any(|scalar| scalar.contains(&at)))
}

/// Gathers the bytes of all keys and values that have no parts.
fn scalars_into(node: Node<'_>, scalars: &mut Vec<Range<usize>>) {
    match node.kind() {
        Kind::Map => {
            for (key, value) in node.entries() {
                scalars_into(key, scalars);
                scalars_into(value, scalars);
            }
        }
        Kind::List => {
            for item in node.items() {
                scalars_into(item, scalars);
            }
        }
        _ => scalars.push(node.bytes().start as usize..node.bytes().end as usize),
    }
}

fn read(path: &Path) -> Result<(RepoPath, Vec<Arc<File>>), Failure> {
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
    Ok((name, documents))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_told_from_a_sign_in_a_text() {
        let has = |text: &str| {
            let name = RepoPath::new("values.yaml").expect("it is inside");
            has_comment(&File::read_all(&name, BlobId([0; 20]), text.as_bytes()).expect("it is YAML"))
        };
        for text in [
            "a: 'x # y'\n",
            "a: \"x # y\"\n",
            "a: |\n  # of a script\n  b # c\nd: 1\n",
            "a: >-\n  x\n  # y\n",
            "a: x#y\n",
            "'a # b': [ 'c # d' ]\n",
        ] {
            assert!(!has(text), "{text}");
        }
        for text in [
            "# of it\na: 1\n",
            "a: 1 # one\n",
            "a:\n  # of b\n  b: 1\n",
            "a: 1\n# end",
            "a: [ 1, # one\n 2 ]\n",
            "a: 1\n---\nb: 2 # two\n",
        ] {
            assert!(has(text), "{text}");
        }
    }
}
