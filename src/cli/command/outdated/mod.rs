//! In: the working tree. Out: the packs that are not the newest, or not to be used for long, and the charts, packages and
//! packs of other servers of which those have newer ones; on request, a commit that brings all of them up.
//! Guarantee: only versions are edited, each where it stands; what was edited says exactly that, or nothing is written.
mod commit;

use super::current_fleet::{Here, on_large_stack, unknown};
use super::lock::{Pinned, Pins, Servers, Wanted, check_read};
use super::{Answer, Failure};
use crate::cli::args;
use crate::cli::print::{Table, Text};
use crate::decide::document::Fragment;
use crate::decide::fleet::Fleet;
use crate::decide::lock::{Outdated, Tagged, is_in, outdated, raised};
use commit::{Edits, commit};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// How many places of one version a table shows.
const PLACES_SHOWN: usize = 2;

/// Lists what is outdated, and brings it up where that is asked for.
pub(super) fn run(options: &args::Outdated, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let preview = here.preview()?;
    let fleet = on_large_stack(async { Ok(preview.fleet(None)?) })?;
    let others = locked(&fleet);
    let of_others = others.iter().map(|other| &*other.name);
    let known: Vec<&str> = fleet.index.pack_names().map(|(name, _)| &**name).chain(of_others).collect();
    if let Some(absent) = options.pack.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(unknown("pack", absent, known.iter().copied()));
    }
    let is_asked = |name: &str| options.pack.is_empty() || options.pack.iter().any(|asked| asked == name);
    let found = outdated(&fleet.index).into_iter().filter(|one| is_asked(&one.name)).collect::<Vec<Outdated>>();
    let mut servers = Servers::new(&here.settings);
    let (mut rows, mut silent) = (Vec::new(), Vec::new());
    for other in others.into_iter().filter(|other| is_asked(&other.name)) {
        match servers.other.newest(&other.repo, &other.name) {
            Ok(newest) => rows.extend(newest.and_then(|newest| Newer::of(other, newest))),
            // The packs are told, whoever does not answer.
            Err(fault) => silent.push(fault.to_string()),
        }
    }
    let mut answer = told(&found, &rows, options.commit);
    silent.dedup();
    answer.text.lines(silent.iter().map(|why| format!("not known: {why}")));
    if options.commit {
        check_read(&fleet)?;
        let edits = Edits::of(&found, &rows);
        answer.text.lines(edits.left.iter().cloned());
        let commit = commit(here.root()?, &fleet, &mut servers, &edits)?;
        answer.text.lines(servers.notes);
        answer.text.line(match &commit {
            Some(commit) => format!("committed as {commit}: look at `stratify plan`, then push it"),
            None => "nothing is to be committed".to_owned(),
        });
        answer.data = json!({ "packs": answer.data, "commit": commit });
    }
    Ok(answer)
}

/// A chart, a package or a pack of another server, as the lock has it.
struct Locked {
    kind: &'static str,
    repo: Arc<str>,
    name: Arc<str>,
    wanted: Arc<str>,
    version: Arc<str>,
    /// The parts that name it.
    places: Vec<Fragment>,
}

/// One of which its server has a newer version.
struct Newer {
    one: Locked,
    newest: Tagged,
}

impl Newer {
    fn of(one: Locked, newest: Tagged) -> Option<Self> {
        let parsed = |text: &str| semver::Version::parse(text).ok();
        (parsed(&newest.version) > parsed(&one.version)).then_some(Self { one, newest })
    }

    /// Returns what is to stand in the place of what is wanted; nothing where a person has to say it.
    fn raised(&self) -> Option<Arc<str>> {
        if is_in(&self.newest.version, &self.one.wanted) {
            return Some(self.one.wanted.clone());
        }
        raised(&self.one.wanted, &self.newest.version, &self.newest.tag).map(Into::into)
    }

    fn row(&self) -> Outdated {
        let Locked { name, version, places, .. } = &self.one;
        let (name, version, places) = (name.clone(), version.clone(), places.clone());
        let newest = Some(self.newest.version.clone());
        Outdated { name, version, newest, state: None, message: None, places }
    }
}

/// Returns what the lock has of other servers, with the places that name it.
fn locked(fleet: &Fleet) -> Vec<Locked> {
    let Some(lock) = fleet.index.lock() else { return Vec::new() };
    let Wanted { charts, packages, packs } = Wanted::of(&fleet.index);
    let Pins { charts: known_charts, packages: known_packages, registry_packs } = Pins::of(lock);
    let mut all = Vec::new();
    gather("chart", &charts, &known_charts, |locked| locked.repo.clone(), &mut all);
    gather("package", &packages, &known_packages, |locked| locked.oci.clone(), &mut all);
    gather("pack", &packs, &registry_packs, |locked| locked.oci.clone(), &mut all);
    all
}

/// Adds what documents still name: what nobody names any more is not looked for.
fn gather<P: Pinned>(
    kind: &'static str,
    references: &[P],
    known: &[P::Locked],
    repo: impl Fn(&P::Locked) -> Arc<str>,
    all: &mut Vec<Locked>,
) {
    for locked in known {
        let of_it: Vec<&P> = references.iter().filter(|reference| reference.is(locked)).collect();
        let Some(first) = of_it.first() else { continue };
        all.push(Locked {
            kind,
            repo: repo(locked),
            name: first.name().into(),
            wanted: first.wanted().into(),
            version: P::version(locked).into(),
            places: of_it.iter().map(|reference| reference.part().clone()).collect(),
        });
    }
}

fn told(found: &[Outdated], others: &[Newer], is_committed: bool) -> Answer {
    let mut text = Text::default();
    if found.is_empty() {
        text.line("all packs that layers name are the newest that may be used");
    } else {
        let mut table = Table::new(&["pack", "version", "newest", "state", "named at"]);
        for one in found {
            table.row(cells(one));
        }
        text.table(table);
    }
    let rows: Vec<(&'static str, Outdated)> = others.iter().map(|newer| (newer.one.kind, newer.row())).collect();
    if !rows.is_empty() {
        let mut table = Table::new(&["of other servers", "version", "newest", "state", "named at"]);
        for (_, one) in &rows {
            table.row(cells(one));
        }
        text.table(table);
        if !is_committed {
            text.line(
                "`stratify outdated --commit` brings them up, with fleet.lock, in one commit; by hand: name the newer",
            );
            text.line("version, or a range with it, then run `stratify lock --update NAME`");
        }
    }
    let packs = found.iter().map(|one| data("pack", one));
    Answer::new(text, packs.chain(rows.iter().map(|(kind, one)| data(kind, one))).collect())
}

fn cells(one: &Outdated) -> Vec<String> {
    let mut places: Vec<String> = one.places.iter().take(PLACES_SHOWN).map(|part| part.span().to_string()).collect();
    let more = one.places.len() - places.len();
    places.extend((more > 0).then(|| format!("and {more} more")));
    let state = match (&one.state, &one.message) {
        (Some(state), Some(message)) => format!("{state}: {message}"),
        (state, _) => state.as_deref().unwrap_or("-").to_owned(),
    };
    let newest = one.newest.as_deref().unwrap_or("-").to_owned();
    vec![one.name.to_string(), one.version.to_string(), newest, state, places.join(", ")]
}

fn data(kind: &str, one: &Outdated) -> Value {
    json!({
        kind: &*one.name,
        "version": &*one.version,
        "newest": one.newest.as_deref(),
        "state": one.state.as_deref(),
        "message": one.message.as_deref(),
        "places": one.places.iter().map(|part| part.span().to_string()).collect::<Vec<_>>(),
    })
}
