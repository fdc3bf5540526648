//! In: what requests came to. Out: the same in files of the state folder, for the next process.
//! Guarantee: nothing of a request with sensitive values, or with what was made up, is written; a file is put in place whole,
//! and one that cannot be read is as none; the folder's size is bounded.
use crate::decide::render::{Expanded, ExpandedObject, Request};
use crate::decide::value::{Domain, Hasher, Map, Value, canonical};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// The form that is written; another one is not read.
const FORM: &str = "stratify.dev/expanded/v1";

/// The most bytes that are kept: some thousand charts of the usual size.
const BYTES_MAX: u64 = 512 << 20;

/// How many files are written until it is looked again how much there is.
const WRITES: u64 = 64;

/// The folder in which it is kept what requests came to.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    writes: AtomicU64,
    /// One at a time looks for what may go.
    clearing: Mutex<()>,
}

impl Disk {
    /// Takes the state folder; where there is none, nothing is kept.
    pub(super) fn new(state: &Path) -> Self {
        Self { folder: state.join("expanded"), writes: AtomicU64::new(0), clearing: Mutex::new(()) }
    }

    /// Returns what a request came to under a version of its program.
    pub(super) fn read(&self, request: &Request, version: &str) -> Option<Expanded> {
        let file = self.file(request, version);
        let bytes = fs::read(&file).ok()?;
        let expanded = decode(&Value::from_json(&bytes).ok()?)?;
        // What was used last goes last.
        let _ = fs::File::open(&file).and_then(|file| file.set_modified(SystemTime::now()));
        Some(expanded)
    }

    /// Keeps what a request came to; a place in a chart's file is told only by who rendered it.
    pub(super) fn write(&self, request: &Request, version: &str, expanded: &Expanded) {
        let state = self.folder.parent().unwrap_or(&self.folder);
        let Expanded::Objects(objects) = expanded else { return };
        // What is made up is mostly a password.
        let is_secret = request.values.is_tainted() || objects.iter().any(|object| !object.unstable.is_empty());
        if is_secret || !state.is_dir() {
            return;
        }
        let text = canonical(&encode(objects));
        if let Err(error) = self.put(&self.file(request, version), text.as_bytes()) {
            tracing::warn!(folder = %self.folder.display(), %error, "what was rendered could not be kept");
        }
        if self.writes.fetch_add(1, Ordering::Relaxed).is_multiple_of(WRITES) {
            self.clear();
        }
    }

    fn file(&self, request: &Request, version: &str) -> PathBuf {
        let mut hasher = Hasher::new(Domain("expanded-file/1"));
        hasher.bytes(&request.digest.0).bytes(version.as_bytes());
        self.folder.join(format!("{}.json", hasher.finish()))
    }

    fn put(&self, file: &Path, bytes: &[u8]) -> std::io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let count = self.writes.load(Ordering::Relaxed);
        let temporary = file.with_extension(format!("{}-{count}.new", std::process::id()));
        let _ = fs::remove_file(&temporary);
        let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        out.write_all(bytes)?;
        fs::rename(&temporary, file)
    }

    /// Removes what was used longest ago, as far as there is too much.
    fn clear(&self) {
        let Ok(_alone) = self.clearing.try_lock() else { return };
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .filter_map(|entry| {
                let facts = entry.metadata().ok()?;
                Some((facts.modified().ok()?, facts.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut left: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, file) in files {
            if left <= BYTES_MAX {
                break;
            }
            left = left.saturating_sub(bytes);
            let _ = fs::remove_file(file);
        }
    }
}

fn encode(objects: &[ExpandedObject]) -> Value {
    let object = |object: &ExpandedObject| {
        let file = object.file.as_ref().map_or(Value::Null, |file| Value::String(file.clone()));
        [("file", file), ("manifest", object.manifest.clone())].into_iter().collect::<Map>().into()
    };
    let objects = Value::list(objects.iter().map(object).collect());
    [("form", Value::string(FORM)), ("objects", objects)].into_iter().collect::<Map>().into()
}

fn decode(value: &Value) -> Option<Expanded> {
    if value.get("form").and_then(Value::as_str) != Some(FORM) {
        return None;
    }
    let object = |value: &Value| {
        let file = value.get("file").and_then(Value::as_str).map(Into::into);
        Some(ExpandedObject { manifest: value.get("manifest")?.clone(), file, unstable: Vec::new() })
    };
    let objects = value.get("objects")?.as_list()?.iter().map(object).collect::<Option<Vec<_>>>()?;
    Some(Expanded::Objects(objects))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_as_it_was() {
        let manifest: Map =
            [("a", Value::Float(1.0)), ("b", Value::Unsigned(u64::MAX)), ("c", Value::Null)].into_iter().collect();
        let objects = vec![
            ExpandedObject {
                manifest: manifest.into(),
                file: Some("web/templates/a.yaml".into()),
                unstable: Vec::new(),
            },
            ExpandedObject { manifest: Value::string("x"), file: None, unstable: Vec::new() },
        ];
        let text = canonical(&encode(&objects));
        let read = Value::from_json(text.as_bytes()).expect("it is JSON");
        assert_eq!(decode(&read), Some(Expanded::Objects(objects)), "a whole float stays a float");
        let other = Value::from_json(b"{\"form\":\"other\",\"objects\":[]}").expect("it is JSON");
        assert_eq!(decode(&other), None, "another form is not read");
    }
}
