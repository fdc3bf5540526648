//! In: what became of a commit somewhere. Out: a status as forges and Git notes take it, as a line and back.
//! Guarantee: no context, text or detail is longer than what takes it; of a note no line of anybody else is lost.
use crate::decide::value::Timestamp;
use crate::name::{ClusterName, CommitId, EnvironmentName};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::sync::Arc;

/// The form that is written; a line of another one is somebody else's.
const FORM: &str = "stratify.dev/status/v1";

/// The longest name that the forges take; GitHub, GitLab and Gitea all stop here.
const CONTEXT_CHARS_MAX: usize = 255;

/// What stays of a longer name; with `-` and twelve digits it is 255 again.
const CONTEXT_CHARS_KEPT: usize = 242;

/// The longest description that GitHub takes; the others take more.
const TEXT_CHARS_MAX: usize = 140;

/// The most characters of a detail: what a person reads before following the link, and far below a note's line.
const DETAIL_CHARS_MAX: usize = 2_000;

/// The most annotations, as many as one request to a forge may have, and the most characters of all of them: the others
/// are found where they are mended.
const ANNOTATIONS_MAX: usize = 50;
const ANNOTATIONS_CHARS_MAX: usize = 4_000;

/// The longest line that is read: escaped six bytes a character, a detail, a text, a context and annotations stay below.
const LINE_BYTES_MAX: usize = 65_536;

/// The name under which a status stands on a commit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Context(Arc<str>);

impl Context {
    /// Returns the context of lint and plan; `fleet` where its repository has several.
    pub fn plan(fleet: Option<&str>) -> Self {
        Self::cut(&format!("{}/plan", owner(fleet)))
    }

    /// Returns the context of an environment's sync.
    pub fn environment(fleet: Option<&str>, environment: &EnvironmentName) -> Self {
        Self::cut(&format!("{}/{environment}", owner(fleet)))
    }

    /// Returns the context of one cluster's sync.
    pub fn cluster(fleet: Option<&str>, environment: &EnvironmentName, cluster: &ClusterName) -> Self {
        Self::cut(&format!("{}/{environment}/{cluster}", owner(fleet)))
    }

    /// Returns the context that a text names, if it is one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("stratify")?;
        let is_ours = rest.starts_with('/') || rest.starts_with('@');
        let fits = text.chars().count() <= CONTEXT_CHARS_MAX && !text.chars().any(char::is_control);
        (is_ours && fits).then(|| Self(text.into()))
    }

    /// Returns its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn cut(text: &str) -> Self {
        let text = printable(text);
        if text.chars().count() <= CONTEXT_CHARS_MAX {
            return Self(text.into());
        }
        let mut cut: String = text.chars().take(CONTEXT_CHARS_KEPT).collect();
        cut.push('-');
        // Twelve digits keep names apart that begin alike.
        for byte in Sha256::digest(text.as_bytes()).iter().take(6) {
            let _ = write!(cut, "{byte:02x}");
        }
        Self(cut.into())
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn owner(fleet: Option<&str>) -> String {
    fleet.map_or_else(|| "stratify".to_owned(), |fleet| format!("stratify@{fleet}"))
}

/// How it stands, as all forges know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is not over.
    Pending,
    /// All was seen as it is wanted.
    Success,
    /// What is wanted is wrong.
    Failure,
    /// Nobody could find out, or a newer commit came first.
    Error,
}

impl State {
    /// Whether it is an end.
    pub fn is_verdict(self) -> bool {
        self != Self::Pending
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
        })
    }
}

/// What is said of a commit under one context, with a date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The commit.
    pub commit: CommitId,
    /// Under which name.
    pub context: Context,
    /// How it stands.
    pub state: State,
    text: Arc<str>,
    detail: Option<Arc<str>>,
    annotations: Arc<[Annotation]>,
    /// Since when that is so.
    pub at: Timestamp,
}

/// What is wrong at a line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Annotation {
    /// The file, in the folder of the fleet.
    pub path: String,
    /// The line, from one.
    pub line: u32,
    /// What it is.
    pub text: String,
}

impl Status {
    /// Returns a status; a text that is too long is cut.
    pub fn new(commit: CommitId, context: Context, state: State, text: &str, at: Timestamp) -> Self {
        let text = cut(&printable(text), TEXT_CHARS_MAX);
        Self { commit, context, state, text, detail: None, annotations: Arc::default(), at }
    }

    /// Adds what a person may want to read after the text; what is too long is cut.
    #[must_use]
    pub fn detail(mut self, detail: &str) -> Self {
        self.detail = (!detail.is_empty()).then(|| cut(detail, DETAIL_CHARS_MAX));
        self
    }

    /// Adds what is wrong at lines of files; what is too much is left out, each as a whole.
    #[must_use]
    pub fn annotated(mut self, all: impl IntoIterator<Item = Annotation>) -> Self {
        let all: BTreeSet<Annotation> = all.into_iter().collect();
        let mut left = ANNOTATIONS_CHARS_MAX;
        let fits = all.into_iter().filter(|one| {
            let chars = one.path.chars().count() + one.text.chars().count();
            let is_fitting = chars <= left;
            left -= if is_fitting { chars } else { 0 };
            is_fitting
        });
        self.annotations = fits.take(ANNOTATIONS_MAX).collect();
        self
    }

    /// Returns what is wrong at lines of files.
    pub fn annotations(&self) -> &[Annotation] {
        &self.annotations
    }

    /// Returns its text: one line of at most 140 characters.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it ended because a newer commit came first, and nobody saw how it stood.
    pub fn is_overtaken(&self) -> bool {
        self.state == State::Error && self.text.starts_with("overtaken by ")
    }

    /// Returns what there is to read after the text.
    pub fn try_detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// Whether it says the same as another one, whatever their dates.
    pub fn says(&self, other: &Self) -> bool {
        (self.state, &self.text, &self.detail) == (other.state, &other.text, &other.detail)
    }

    /// Returns it as one line of JSON, without a line break.
    pub fn encode(&self) -> String {
        let wire = Wire {
            form: FORM.into(),
            commit: self.commit.to_string(),
            context: self.context.to_string(),
            state: self.state,
            text: self.text.to_string(),
            detail: self.detail.as_ref().map(ToString::to_string),
            annotations: self.annotations.to_vec(),
            at: self.at.0,
        };
        serde_json::to_string(&wire).expect("its keys are texts")
    }

    /// Reads what [`Self::encode`] wrote; the error says what was expected.
    pub fn decode(line: &str) -> Result<Self, String> {
        if line.len() > LINE_BYTES_MAX {
            return Err(format!("expected a status of at most {LINE_BYTES_MAX} bytes"));
        }
        let wire: Wire = serde_json::from_str(line).map_err(|error| format!("expected a status: {error}"))?;
        if wire.form != FORM {
            return Err(format!("expected a status of the form {FORM}"));
        }
        let commit = CommitId::parse(&wire.commit).ok_or("expected a commit of 40 hexadecimal digits")?;
        let context = Context::parse(&wire.context).ok_or("expected a context that begins with `stratify`")?;
        let status = Self::new(commit, context, wire.state, &wire.text, Timestamp(wire.at));
        Ok(status.detail(wire.detail.as_deref().unwrap_or_default()).annotated(wire.annotations))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    form: String,
    context: String,
    commit: String,
    state: State,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    annotations: Vec<Annotation>,
    at: u64,
}

/// Returns the note with this status in the place of the one it follows: first the lines that are not ours, as they
/// were, then ours by context.
pub fn upsert(note: &str, status: &Status) -> String {
    let mut others = Vec::new();
    let mut ours: BTreeMap<(Context, CommitId), Status> = BTreeMap::new();
    for line in note.lines() {
        match Status::decode(line) {
            Ok(known) => keep_latest(&mut ours, known),
            Err(_) => others.push(line),
        }
    }
    ours.insert((status.context.clone(), status.commit), status.clone());
    let lines = others.into_iter().map(str::to_owned).chain(ours.values().map(Status::encode));
    lines.flat_map(|line| [line, "\n".to_owned()]).collect()
}

/// Returns one note out of two that were written apart: the lines of both, and of two statuses of one context the
/// later one.
pub fn union(theirs: &str, ours: &str) -> String {
    let is_other = |line: &&str| Status::decode(line).is_err();
    // Theirs stand as they were; of ours, those that are not among them.
    let mut others: Vec<&str> = theirs.lines().filter(is_other).collect();
    let known: BTreeSet<&str> = others.iter().copied().collect();
    others.extend(ours.lines().filter(is_other).filter(|line| !known.contains(line)));
    let mut statuses = BTreeMap::new();
    let both = theirs.lines().chain(ours.lines());
    both.filter_map(|line| Status::decode(line).ok()).for_each(|status| keep_latest(&mut statuses, status));
    let lines = others.into_iter().map(str::to_owned).chain(statuses.values().map(Status::encode));
    lines.flat_map(|line| [line, "\n".to_owned()]).collect()
}

/// Returns the statuses of a note, by context; of two of one context the later one. Lines of anybody else are skipped.
///
/// A rewritten commit may have taken its note along, so each status names its commit.
pub fn parse(note: &str) -> Vec<Status> {
    let mut ours = BTreeMap::new();
    note.lines().filter_map(|line| Status::decode(line).ok()).for_each(|status| keep_latest(&mut ours, status));
    ours.into_values().collect()
}

/// Two of one context stand in a note that Git has merged from two.
fn keep_latest(ours: &mut BTreeMap<(Context, CommitId), Status>, status: Status) {
    let key = (status.context.clone(), status.commit);
    if ours.get(&key).is_none_or(|known| known.at <= status.at) {
        ours.insert(key, status);
    }
}

/// Returns a text in one line: forges refuse or mangle control characters.
fn printable(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Cuts between characters, and says so.
fn cut(text: &str, chars_max: usize) -> Arc<str> {
    if text.chars().count() <= chars_max {
        return text.into();
    }
    let mut cut: String = text.chars().take(chars_max - 1).collect();
    cut.push('…');
    cut.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(context: Context, text: &str, at: u64) -> Status {
        Status::new(CommitId([7; 20]), context, State::Pending, text, Timestamp(at))
    }

    fn dev() -> Context {
        Context::environment(None, &EnvironmentName::new("dev").expect("it is a label"))
    }

    #[test]
    fn a_long_context_is_cut_and_stays_its_own() {
        let named = |fleet: &str| Context::plan(Some(fleet));
        let (one, two) = (named(&format!("{}1", "ü".repeat(300))), named(&format!("{}2", "ü".repeat(300))));
        assert_eq!(one.as_str().chars().count(), 255, "that is what forges take");
        assert_ne!(one, two, "names that begin alike stay apart");
        assert_eq!(Context::parse(one.as_str()), Some(one), "it is read back");
        assert_eq!(named("blue").as_str(), "stratify@blue/plan", "a short one stays");
        assert_eq!(dev().as_str(), "stratify/dev", "with one fleet it is not named");
        assert_eq!(Context::parse("ci/build"), None, "others' contexts are not ours");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        let long = status(dev(), &"ü".repeat(141), 1);
        assert_eq!(long.text().chars().count(), 140, "GitHub refuses more");
        assert!(long.text().ends_with('…'), "it says that it was cut");
        assert_eq!(status(dev(), "a\nb", 1).text(), "a b", "it is one line");
    }

    #[test]
    fn a_status_is_read_as_it_was_written() {
        let written = status(dev(), "37/40 \"clusters\"", 5).detail("first\nsecond");
        assert_eq!(Status::decode(&written.encode()), Ok(written.clone()), "nothing is lost");
        assert!(!written.encode().contains('\n'), "it is one line");
        let widest = status(Context::plan(Some(&"\u{10ffff}".repeat(300))), &"\u{10ffff}".repeat(200), u64::MAX)
            .detail(&"\"\u{1}".repeat(2_000));
        let widest = widest.annotated((0..60).map(|line| Annotation {
            path: "\u{1}".repeat(70),
            line,
            text: "\u{1}".repeat(20),
        }));
        assert_eq!(widest.annotations().len(), 44, "what is too much is left out");
        assert_eq!(Status::decode(&widest.encode()), Ok(widest), "the bound on a line is above every status");
        assert!(Status::decode("{}").is_err(), "another form is refused");
    }

    #[test]
    fn a_note_keeps_the_lines_of_others() {
        let plan = status(Context::plan(None), "plans", 1);
        let note = upsert("reviewed by Ada\n{\"form\":\"another\"}", &plan);
        let note = upsert(&note, &status(dev(), "waits", 2));
        let note = upsert(&note, &status(dev(), "syncs", 3));
        assert!(note.starts_with("reviewed by Ada\n{\"form\":\"another\"}\n"), "they stand as they were: {note}");
        assert_eq!(parse(&note), [status(dev(), "syncs", 3), plan], "one line a context, by context");
    }

    #[test]
    fn two_notes_become_one_with_the_lines_of_both() {
        let plan = status(Context::plan(None), "plans", 1);
        let (late, early) = (status(dev(), "syncs", 3), status(dev(), "waits", 2));
        let theirs = format!("reviewed by Ada\n\nas agreed\n{}\n", late.encode());
        let ours = format!("reviewed by Ada\nby hand\n{}\n{}\n", early.encode(), plan.encode());
        let note = union(&theirs, &ours);
        assert!(note.starts_with("reviewed by Ada\n\nas agreed\nby hand\n"), "theirs as they were, then ours: {note}");
        assert_eq!(parse(&note), [late, plan], "the later status of a context");
        assert_eq!(union(&note, &ours), note, "once more changes nothing");
    }

    #[test]
    fn of_a_merged_note_the_later_status_counts() {
        let (late, early) = (status(dev(), "syncs", 3), status(dev(), "waits", 2));
        let note = format!("{}\n{}\n", late.encode(), early.encode());
        assert_eq!(parse(&note), [late], "Git merges notes by their lines");
    }
}
