//! In: contents of blobs. Out: their texts and documents, read when they are first asked for.
//! Guarantee: a blob is read once, however many paths and clusters name it; what is read knows no path.
use super::codes;
use super::file::{File, span};
use super::placeholder::Placeholders;
use super::snapshot::TooLarge;
use super::yaml::{Limits, Stream, YamlError, read};
use crate::decide::value::{Diagnostic, Digest, Origin, Text, Value, canonical};
use crate::name::{BlobId, RepoPath};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, Validator};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// What a blob holds, or why it was not read.
pub type Content = Result<Arc<[u8]>, TooLarge>;

/// The documents of one file.
pub type Files = Arc<[Arc<File>]>;

/// The content of one blob.
#[derive(Debug)]
pub struct Blob {
    id: BlobId,
    content: Content,
    stream: OnceLock<Result<(Text, Stream), Wrong>>,
    /// Its documents as they stand where it was found first; nearly all blobs stand at one place.
    placed: OnceLock<(RepoPath, Option<Origin>, Files)>,
    values: OnceLock<Vec<Value>>,
    placeholders: OnceLock<Vec<Placeholders>>,
    schema: OnceLock<Result<Validator, String>>,
}

#[derive(Clone, Debug)]
enum Wrong {
    TooLarge(TooLarge),
    NotUtf8,
    Yaml(Text, YamlError),
}

impl Blob {
    /// Takes the content of a blob.
    pub fn new(id: BlobId, content: Content) -> Self {
        Self {
            id,
            content,
            stream: OnceLock::new(),
            placed: OnceLock::new(),
            values: OnceLock::new(),
            placeholders: OnceLock::new(),
            schema: OnceLock::new(),
        }
    }

    /// Returns its id.
    pub fn id(&self) -> BlobId {
        self.id
    }

    /// Returns its bytes, if they were read.
    pub fn bytes(&self) -> Option<&Arc<[u8]>> {
        self.content.as_ref().ok()
    }

    /// Returns its documents, as they stand at `path` of `origin`.
    pub fn documents(&self, path: &RepoPath, origin: Option<&Origin>) -> Result<Files, Vec<Diagnostic>> {
        let (_, stream) = self.stream().as_ref().map_err(|wrong| vec![placed(said(path, self, wrong), origin)])?;
        let file = |tree: &Arc<super::yaml::Tree>| {
            Arc::new(File { origin: origin.cloned(), path: path.clone(), blob: self.id, tree: tree.clone() })
        };
        let all = || stream.documents.iter().map(file).collect::<Files>();
        let (at, of, first) = self.placed.get_or_init(|| (path.clone(), origin.cloned(), all()));
        Ok(if at == path && of.as_ref() == origin { first.clone() } else { all() })
    }

    /// Returns its one document, as it stands at `path` of `origin`; none where it is empty.
    pub fn document(&self, path: &RepoPath, origin: Option<&Origin>) -> Result<Option<Arc<File>>, Vec<Diagnostic>> {
        let documents = self.documents(path, origin)?;
        match documents.get(1) {
            Some(second) => Err(vec![
                Diagnostic::error(codes::ONE_DOCUMENT, "the file holds more than one document")
                    .at(second.span(second.root()))
                    .hint("give each document a file of its own"),
            ]),
            None => Ok(documents.first().cloned()),
        }
    }

    /// Returns the map that it is, where it is one document and there is nothing to tell of it.
    pub fn plain_map(&self) -> Option<&Value> {
        let (_, stream) = self.stream().as_ref().ok()?;
        let is_plain = matches!(stream.documents.as_slice(), [tree] if tree.duplicates().next().is_none());
        let value = self.value();
        (is_plain && value.as_map().is_some()).then_some(value)
    }

    /// Returns its one document as a value; null where it is empty or wrong, which [`Self::document`] tells.
    pub fn value(&self) -> &Value {
        self.values().first().unwrap_or(&Value::Null)
    }

    /// Returns its documents as values, in the order of [`Self::documents`]; none where they are wrong.
    pub fn values(&self) -> &[Value] {
        self.values.get_or_init(|| match self.stream() {
            Ok((_, stream)) => stream.documents.iter().map(|tree| tree.root().value()).collect(),
            Err(_) => Vec::new(),
        })
    }

    /// Returns the placeholders of each of [`Self::values`].
    pub fn placeholders(&self) -> &[Placeholders] {
        self.placeholders.get_or_init(|| self.values().iter().map(Placeholders::of).collect())
    }

    /// Returns its document as a compiled JSON Schema, or why it is none; references lead nowhere outside.
    pub fn schema(&self) -> &Result<Validator, String> {
        self.schema.get_or_init(|| {
            let json = serde_json::from_str(&canonical(self.value())).unwrap_or_default();
            let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
            options.build(&json).map_err(|error| match error.kind() {
                ValidationErrorKind::Referencing(_) => {
                    "a reference leads to nothing in it, and other documents are never read".into()
                }
                _ => error.masked().to_string(),
            })
        })
    }

    fn stream(&self) -> &Result<(Text, Stream), Wrong> {
        self.stream.get_or_init(|| {
            let bytes = self.content.as_ref().map_err(|size| Wrong::TooLarge(*size))?;
            let text = std::str::from_utf8(bytes).map_err(|_| Wrong::NotUtf8)?;
            let text = Text(text.strip_prefix('\u{feff}').unwrap_or(text).into());
            match read(&text, &Limits::default()) {
                Ok(stream) => Ok((text, stream)),
                Err(error) => Err(Wrong::Yaml(text, error)),
            }
        })
    }
}

fn said(path: &RepoPath, blob: &Blob, wrong: &Wrong) -> Diagnostic {
    match wrong {
        Wrong::TooLarge(size) => Diagnostic::error(codes::TOO_LARGE, format!("the file has {} bytes", size.bytes))
            .at(span(path, &Text("".into()), 0..0))
            .expected(format!("at most {} bytes", size.bytes_max)),
        Wrong::NotUtf8 => {
            let bytes: &[u8] = blob.bytes().map_or(&[], |bytes| bytes);
            let mut said = super::file::text_of(path, bytes).err().unwrap_or_default();
            said.pop().unwrap_or_else(|| Diagnostic::error(codes::NOT_UTF8, "the file is not UTF-8"))
        }
        Wrong::Yaml(text, error) => {
            let said = Diagnostic::error(error.code, error.message.clone()).at(span(path, text, error.bytes.clone()));
            match error.hint {
                Some(hint) => said.hint(hint),
                None => said,
            }
        }
    }
}

/// Returns a diagnostic at the same places of another revision.
pub fn placed(mut said: Diagnostic, origin: Option<&Origin>) -> Diagnostic {
    let spans = said.at.iter_mut().chain(said.also.iter_mut().map(|(span, _)| span));
    spans.for_each(|span| span.origin = origin.cloned());
    said
}

/// What a sealed file holds, opened: its documents, or why it does not open.
pub type Opened = Result<Vec<Value>, Vec<Diagnostic>>;

/// The key under which SOPS keeps what it needs to open a document.
const SOPS: &str = "sops";

/// Whether a document was sealed by SOPS.
pub fn is_sealed(document: &Value) -> bool {
    let has = |key: &str| document.get(SOPS).is_some_and(|sops| sops.get(key).is_some());
    has("mac") || has("lastmodified")
}

/// Blobs that are at hand, and what sealed files hold: by their paths, too, since a key is for some paths.
#[derive(Clone, Debug, Default)]
pub struct Texts(
    BTreeMap<BlobId, Arc<Blob>>,
    BTreeMap<(RepoPath, BlobId), Arc<Opened>>,
    BTreeMap<BlobId, Arc<Unpacked>>,
    BTreeMap<Digest, ChartTexts>,
);

/// What was read of a chart's archive: its own values, and their schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChartTexts {
    /// The values, if it has some.
    pub values: Option<BlobId>,
    /// The schema, if it has one.
    pub schema: Option<BlobId>,
}

/// What an archive of a package holds, verified: its files, or why it is refused.
pub type Unpacked = Result<BTreeMap<RepoPath, Arc<[u8]>>, String>;

impl Texts {
    /// Takes a blob in, unless it is there.
    pub fn insert(&mut self, id: BlobId, content: Content) {
        self.0.entry(id).or_insert_with(|| Arc::new(Blob::new(id, content)));
    }

    /// Takes a blob in that others share.
    pub fn share(&mut self, blob: Arc<Blob>) {
        self.0.entry(blob.id).or_insert(blob);
    }

    /// Returns a blob, if it is at hand.
    pub fn get(&self, id: BlobId) -> Option<&Arc<Blob>> {
        self.0.get(&id)
    }

    /// Returns a blob that has to be at hand.
    pub fn find(&self, path: &RepoPath, id: BlobId) -> Result<&Arc<Blob>, Vec<Diagnostic>> {
        self.get(id).ok_or_else(|| {
            let at = span(path, &Text("".into()), 0..0);
            vec![Diagnostic::error(codes::NOT_READ, "the file's content was not read").at(at)]
        })
    }

    /// Takes in what a sealed file holds.
    pub fn open(&mut self, path: RepoPath, id: BlobId, opened: Opened) {
        self.1.insert((path, id), Arc::new(opened));
    }

    /// Returns what a sealed file holds; an error where nobody has opened it.
    pub fn opened(&self, path: &RepoPath, id: BlobId) -> Result<&[Value], Vec<Diagnostic>> {
        match self.1.get(&(path.clone(), id)).map(|opened| &**opened) {
            Some(Ok(values)) => Ok(values),
            Some(Err(said)) => Err(said.clone()),
            None => {
                let at = span(path, &Text("".into()), 0..0);
                Err(vec![Diagnostic::error(codes::SEALED, "the file is sealed, and was not opened").at(at)])
            }
        }
    }

    /// Takes in what the archive of a package holds.
    pub fn unpack(&mut self, id: BlobId, unpacked: Arc<Unpacked>) {
        self.2.insert(id, unpacked);
    }

    /// Returns what the archive of a package holds, or why it is refused.
    pub fn package(&self, id: BlobId) -> Result<&BTreeMap<RepoPath, Arc<[u8]>>, String> {
        match self.2.get(&id).map(|unpacked| &**unpacked) {
            Some(unpacked) => unpacked.as_ref().map_err(Clone::clone),
            None => Err("it was not unpacked".into()),
        }
    }

    /// Takes in what was read of a chart's archive, by the digest of the chart; its blobs are shared beside.
    pub fn take_chart(&mut self, chart: Digest, texts: ChartTexts) {
        self.3.insert(chart, texts);
    }

    /// Returns what was read of a chart's archive, if that was at hand.
    pub fn chart(&self, chart: Digest) -> Option<&ChartTexts> {
        self.3.get(&chart)
    }

    /// Whether a blob is at hand.
    pub fn contains(&self, id: BlobId) -> bool {
        self.0.contains_key(&id)
    }
}
