//! In: what requests came to. Out: the same in files of the state folder, for the next process.
//! Guarantee: nothing of a request with sensitive values, or with what was made up, is written; a file is put in place whole,
//! and one that cannot be read is as none; the folder's size is bounded.
use super::bounded_folder::BoundedFolder;
use crate::decide::render::{Expanded, ExpandedObject, Request};
use crate::decide::value::{Domain, Hasher, Map, Value, canonical};
use std::io::ErrorKind;
use std::path::Path;

/// The form that is written; another one is not read.
const FORM: &str = "stratify.dev/expanded/v1";

/// The most bytes that are kept: some thousand charts of the usual size.
const BYTES_MAX: u64 = 512 << 20;

/// The folder in which it is kept what requests came to.
#[derive(Debug)]
pub(super) struct Disk(BoundedFolder);

impl Disk {
    /// Takes the state folder; where there is none, nothing is kept.
    pub(super) fn new(state: &Path) -> Self {
        Self(BoundedFolder::new(state.join("expanded"), BYTES_MAX))
    }

    /// Returns what a request came to under a version of its program.
    pub(super) fn read(&self, request: &Request, version: &str) -> Option<Expanded> {
        let name = name(request, version);
        let expanded = decode(&Value::from_json(&self.0.read(&name)?).ok()?)?;
        self.0.used(&name);
        Some(expanded)
    }

    /// Keeps what a request came to; a place in a chart's file is told only by who rendered it.
    pub(super) fn write(&self, request: &Request, version: &str, expanded: &Expanded) {
        let Expanded::Objects(objects) = expanded else { return };
        // What is made up is mostly a password.
        let is_secret = request.values.is_tainted() || objects.iter().any(|object| !object.unstable.is_empty());
        if is_secret {
            return;
        }
        let text = canonical(&encode(objects));
        match self.0.write(&name(request, version), text.as_bytes()) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!(folder = %self.0.path().display(), %error, "what was rendered could not be kept");
            }
            _ => {}
        }
    }
}

/// Returns the name of the file of a request.
fn name(request: &Request, version: &str) -> String {
    let mut hasher = Hasher::new(Domain("expanded-file/1"));
    hasher.bytes(&request.digest.0).bytes(version.as_bytes());
    format!("{}.json", hasher.finish())
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
