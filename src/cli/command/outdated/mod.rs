//! In: the working tree. Out: the packs that are not the newest, or not to be used for long, and the charts, packages and
//! packs of other servers of which those have newer ones; on request, a commit that brings all of them up.
//! Guarantee: only versions are edited, each where it stands; what was edited says exactly that, or nothing is written; what
//! could not be asked is never told as the newest, and is an error.
mod told;
mod commit;

use super::current_fleet::{Here, on_large_stack, unknown};
use super::lock::{Pinned, Pins, Servers, Wanted, check_read};
use super::{Answer, Exit, Failure};
use crate::cli::args;
use crate::decide::document::{Fragment, LockedPackage, LockedRegistryPack};
use crate::decide::fleet::Fleet;
use crate::decide::lock::{Outdated, Tagged, is_in, outdated, raised};
use commit::{Edits, commit};
use std::path::Path;
use std::sync::Arc;

/// Lists what is outdated, and brings it up where that is asked for.
pub(super) fn run(options: &args::Outdated, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let preview = here.preview()?;
    let fleet = on_large_stack(async { Ok(preview.fleet(None)?) })?;
    if let Some(wrong) = fleet.index.broken_lock() {
        return Err(wrong.into());
    }
    let (others, unlocked) = locked(&fleet);
    let of_others = others.iter().map(|other| &*other.name).chain(unlocked.iter().map(|one| &*one.name));
    let known: Vec<&str> = fleet.index.pack_names().map(|(name, _)| &**name).chain(of_others).collect();
    if let Some(absent) = options.pack.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(unknown("pack", absent, known.iter().copied()));
    }
    let is_asked = |name: &str| options.pack.is_empty() || options.pack.iter().any(|asked| asked == name);
    let mut servers = Servers::new(&here.settings);
    let mut found = Findings::default();
    found.packs.extend(outdated(&fleet.index).into_iter().filter(|one| is_asked(&one.name)));
    for other in others.into_iter().filter(|other| is_asked(&other.name)) {
        found.ask(&mut servers, other);
    }
    let not_locked = |one: Locked| (one, "it is not in fleet.lock: run `stratify lock`".to_owned());
    found.unknown.extend(unlocked.into_iter().filter(|one| is_asked(&one.name)).map(not_locked));
    let mut text = found.text(options.commit);
    let mut committed = None;
    if options.commit {
        check_read(&fleet)?;
        let edits = Edits::of(&found.packs, &found.newer);
        text.lines(edits.left.iter().cloned());
        committed = commit(here.root()?, &fleet, &mut servers, &edits)?;
        text.lines(servers.notes);
        text.line(match &committed {
            Some(commit) => format!("committed as {commit}: look at `stratify plan`, then push it"),
            None => "nothing is to be committed".to_owned(),
        });
    }
    let exit = if found.unknown.is_empty() { Exit::Done } else { Exit::Failed };
    Ok(Answer { exit, ..Answer::new(text, found.data(committed.as_deref())) })
}

/// A chart, a package or a pack of another server, as the lock has it.
struct Locked {
    kind: &'static str,
    repo: Arc<str>,
    /// Where exactly this version of it is.
    address: String,
    name: Arc<str>,
    wanted: Arc<str>,
    version: Arc<str>,
    /// The parts that name it.
    places: Vec<Fragment>,
}

/// One that its server has newer, or that is not to be used for long.
struct Newer {
    one: Locked,
    /// The newest one, where it is newer.
    newest: Option<Tagged>,
    /// What it is, where it is not active, and what it says of that.
    state: (Option<Arc<str>>, Option<Arc<str>>),
}

impl Newer {
    /// Returns what is to stand in the place of what is wanted; nothing where a person has to say it.
    fn raised(&self, newest: &Tagged) -> Option<Arc<str>> {
        if is_in(&newest.version, &self.one.wanted) {
            return Some(self.one.wanted.clone());
        }
        raised(&self.one.wanted, &newest.version, &newest.tag).map(Into::into)
    }

    fn row(&self) -> Outdated {
        let Locked { name, version, places, .. } = &self.one;
        let (name, version, places) = (name.clone(), version.clone(), places.clone());
        let newest = self.newest.as_ref().map(|newest| newest.version.clone());
        let (state, message) = self.state.clone();
        Outdated { name, version, newest, state, message, places }
    }
}

/// What was found of all that layers name.
#[derive(Default)]
struct Findings {
    /// The packs of the repository, outdated or not.
    packs: Vec<Outdated>,
    /// What other servers have newer, or is not to be used for long.
    newer: Vec<Newer>,
    /// Of what other servers have nothing newer.
    newest: Vec<Locked>,
    /// Of what that is not known, and why.
    unknown: Vec<(Locked, String)>,
}

impl Findings {
    /// Asks a server for what is newer; the others are told, whichever does not answer.
    fn ask(&mut self, servers: &mut Servers, one: Locked) {
        let parsed = |text: &str| semver::Version::parse(text).ok();
        let newest = match servers.other.newest(&one.repo, &one.name) {
            Ok(newest) => Some(newest).filter(|newest| parsed(&newest.version) > parsed(&one.version)),
            Err(why) => return self.unknown.push((one, why)),
        };
        let state = match one.kind {
            "pack" => servers.state_of(&one.address),
            _ if servers.other.is_deprecated(&one.repo, &one.name, &one.version) => (Some("deprecated".into()), None),
            _ => (None, None),
        };
        if newest.is_some() || state.0.is_some() {
            self.newer.push(Newer { one, newest, state });
        } else {
            self.newest.push(one);
        }
    }
}

/// Returns what the lock has of other servers, with the places that name it; then what is named and is not in the lock.
fn locked(fleet: &Fleet) -> (Vec<Locked>, Vec<Locked>) {
    let known = fleet.index.lock().map(|lock| Pins::of(lock)).unwrap_or_default();
    let Wanted { charts, packages, packs } = Wanted::of(&fleet.index);
    let mut all = (Vec::new(), Vec::new());
    let of_digest = |oci: &str, digest| format!("{oci}@sha256:{digest}");
    gather("chart", &charts, &known.charts, |it| (it.repo.clone(), it.url.to_string()), &mut all);
    let of_package = |it: &LockedPackage| (it.oci.clone(), of_digest(&it.oci, it.digest));
    gather("package", &packages, &known.packages, of_package, &mut all);
    let of_pack = |it: &LockedRegistryPack| (it.oci.clone(), of_digest(&it.oci, it.digest));
    gather("pack", &packs, &known.registry_packs, of_pack, &mut all);
    all
}

/// Adds what documents still name: what nobody names any more is not looked for.
fn gather<P: Pinned>(
    kind: &'static str,
    references: &[P],
    known: &[P::Locked],
    place: impl Fn(&P::Locked) -> (Arc<str>, String),
    (all, unlocked): &mut (Vec<Locked>, Vec<Locked>),
) {
    let named = |of_it: &[&P], first: &P, (repo, address), version: &str| Locked {
        kind,
        repo,
        address,
        name: first.name().into(),
        wanted: first.wanted().into(),
        version: version.into(),
        places: of_it.iter().map(|reference| reference.part().clone()).collect(),
    };
    for locked in known {
        let of_it: Vec<&P> = references.iter().filter(|reference| reference.is(locked)).collect();
        let Some(first) = of_it.first() else { continue };
        all.push(named(&of_it, first, place(locked), P::version(locked)));
    }
    let is_unlocked = |reference: &&P| !known.iter().any(|locked| reference.is(locked));
    for one in references.iter().filter(is_unlocked) {
        unlocked.push(named(&[one], one, (one.server().into(), String::new()), one.wanted()));
    }
}
