//! In: the working tree. Out: the packs that are not the newest, or not to be used for long, and the charts and packages of
//! other servers of which those have newer ones; on request, a commit that names the newest packs.
//! Guarantee: only versions are edited, each where it stands; what was edited says exactly that, or nothing is written.
use super::current_fleet::{Here, on_large_stack, unknown};
use super::document::by_hand;
use super::{Answer, Failure};
use crate::act::commit::into_work_tree;
use crate::cli::args;
use crate::cli::print::{Table, Text};
use crate::client::git::{fault, in_folder};
use crate::decide::document::{File, Fragment, LockedChart, LockedPackage, edit};
use crate::decide::fleet::{ChartReference, Fleet, PackageReference, name_in};
use crate::decide::lock::{Outdated, outdated};
use crate::decide::report::counted;
use crate::decide::value::Owner;
use crate::name::{BlobId, RepoPath};
use crate::observe::pack::OtherServers;
use serde_json::{Value, json};
use std::collections::BTreeMap;
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
    let mut servers = OtherServers::new(&here.settings);
    let (mut rows, mut silent) = (Vec::new(), Vec::new());
    for other in others.iter().filter(|other| is_asked(&other.name)) {
        match servers.newest(&other.repo, &other.name) {
            Ok(newest) => rows.extend(newest.and_then(|newest| other.outdated(newest))),
            // The packs are told, whoever does not answer.
            Err(fault) => silent.push(fault.to_string()),
        }
    }
    let mut answer = told(&found, &rows);
    silent.dedup();
    answer.text.lines(silent.iter().map(|why| format!("not known: {why}")));
    if options.commit {
        let commit = commit(here.root()?, &found)?;
        answer.text.line(match &commit {
            Some(commit) => format!("committed as {commit}: look at `stratify plan`, then push it"),
            None => "nothing is to be committed".to_owned(),
        });
        answer.data = json!({ "packs": answer.data, "commit": commit });
    }
    Ok(answer)
}

/// A chart or a package of another server, as the lock has it.
struct Locked {
    kind: &'static str,
    repo: Arc<str>,
    name: Arc<str>,
    version: Arc<str>,
    places: Vec<Fragment>,
}

impl Locked {
    /// Returns it as what is outdated, if that is newer.
    fn outdated(&self, newest: Arc<str>) -> Option<(&'static str, Outdated)> {
        let parsed = |text: &str| semver::Version::parse(text).ok();
        let is_newer = parsed(&newest) > parsed(&self.version);
        let (name, version, places) = (self.name.clone(), self.version.clone(), self.places.clone());
        let one = Outdated { name, version, newest: Some(newest), state: None, message: None, places };
        is_newer.then_some((self.kind, one))
    }
}

/// Returns what the lock has of other servers, with the places that name it.
fn locked(fleet: &Fleet) -> Vec<Locked> {
    let Some(lock) = fleet.index.lock() else { return Vec::new() };
    let (charts, packages) = (fleet.index.chart_references(), fleet.index.package_references());
    let of_chart = |chart: &LockedChart| {
        let is_it =
            |it: &&ChartReference| (&it.repo, &it.name, &it.wanted) == (&chart.repo, &chart.name, &chart.wanted);
        let places = charts.iter().filter(is_it).map(|it| it.part.clone()).collect();
        let (repo, name, version) = (chart.repo.clone(), chart.name.clone(), chart.version.clone());
        Locked { kind: "chart", repo, name, version, places }
    };
    let of_package = |package: &LockedPackage| {
        let is_it = |it: &&PackageReference| {
            (&it.oci, &it.architecture, &it.wanted) == (&package.oci, &package.architecture, &package.wanted)
        };
        let places = packages.iter().filter(is_it).map(|it| it.part.clone()).collect();
        let (repo, version) = (package.oci.clone(), package.version.clone());
        Locked { kind: "package", name: name_in(&repo).into(), repo, version, places }
    };
    let all = lock.charts.iter().map(of_chart).chain(lock.packages.iter().map(of_package));
    // What nobody names any more is not looked for.
    all.filter(|one| !one.places.is_empty()).collect()
}

fn told(found: &[Outdated], others: &[(&'static str, Outdated)]) -> Answer {
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
    if !others.is_empty() {
        let mut table = Table::new(&["of other servers", "version", "newest", "state", "named at"]);
        for (_, one) in others {
            table.row(cells(one));
        }
        text.table(table);
        text.line("name the newer version, or a range with it, then run `stratify lock --update NAME`");
    }
    let packs = found.iter().map(|one| data("pack", one));
    Answer::new(text, packs.chain(others.iter().map(|(kind, one)| data(kind, one))).collect())
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

/// Commits the newest versions; nothing where there is none.
fn commit(root: &Path, found: &[Outdated]) -> Result<Option<String>, Failure> {
    let mut edits: BTreeMap<RepoPath, Vec<(&Fragment, String)>> = BTreeMap::new();
    let mut lines = Vec::new();
    for one in found {
        let Some(newest) = &one.newest else { continue };
        lines.push(format!("{}: {} -> {newest}", one.name, one.version));
        for place in &one.places {
            let text = place.text();
            let is_both = text.contains('@');
            let edited = if is_both { format!("{}@{newest}", one.name) } else { newest.to_string() };
            edits.entry(place.file.path.clone()).or_default().push((place, edited));
        }
    }
    let mut files = Vec::new();
    for (path, edits) in &edits {
        files.push((path.clone(), edited(root, path, edits)?));
    }
    if files.is_empty() {
        return Ok(None);
    }
    let message = format!("packs: {} brought up\n\n{}\n", counted(lines.len(), "version"), lines.join("\n"));
    Ok(Some(into_work_tree(root, &files, &message, None)?.to_string()))
}

fn edited(root: &Path, path: &RepoPath, edits: &[(&Fragment, String)]) -> Result<Vec<u8>, Failure> {
    let attempt = format!("could not read {path}");
    let bytes = std::fs::read(root.join(path.as_str())).map_err(in_folder(&attempt))?;
    let file: Arc<File> = File::read_one(path, BlobId([0; 20]), &bytes)?;
    let same = edits.first().is_none_or(|(part, _)| part.file.root().value() == file.root().value());
    if !same {
        let message = format!("{path} has changed while it was read");
        return Err(fault(Owner::Caller, true, message, "run the command again").into());
    }
    let at: Vec<_> = edits.iter().map(|(part, text)| (part.node().bytes(), text.clone())).collect();
    let text = edit::texts(&file, &at).map_err(|at| by_hand(&at, "the newest version"))?;
    let mark = bytes.get(..3).filter(|mark| *mark == "\u{feff}".as_bytes()).unwrap_or_default();
    Ok([mark, text.as_bytes()].concat())
}
