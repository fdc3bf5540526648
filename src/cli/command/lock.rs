//! In: the tags and charts that documents name, the packs for Kubernetes. Out: fleet.lock, with the commit that each tag
//! is, the archive that each chart is, and the versions over which Kubernetes goes up.
//! Guarantee: only here is anything resolved; a sync takes what the lock says, or holds.
use super::current_fleet::Here;
use super::{Answer, Failure};
use crate::cli::args::Lock;
use crate::cli::print::Text;
use crate::client::git::{fault, in_folder};
use crate::decide::document::{LockedChart, LockedPack, LockedPackage, Tag};
use crate::decide::fleet::{Fleet, Named, name_in};
use crate::decide::lock::{self, Resolved};
use crate::decide::profile::codes;
use crate::decide::report::counted;
use crate::decide::value::{Diagnostic, Fault, Owner};
use crate::name::{CommitId, RepoName};
use crate::observe::mirror::{Mirror, View};
use crate::observe::pack::{OtherServers, Packs};
use crate::observe::worktree::Local;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Writes fleet.lock, or says whether it is right.
pub(super) fn run(options: &Lock, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let fleet = here.preview()?.fleet(None)?;
    // A document that cannot be read names nothing: what the lock has for it would go.
    let unread: Vec<Diagnostic> = fleet.index.said().into_iter().filter(Diagnostic::is_error).collect();
    if !unread.is_empty() {
        return Err(unread.into());
    }
    let mut remotes = Remotes { here: &here, local: here.local()?, others: BTreeMap::new() };
    let (mut tags, mut wrong) = (Vec::new(), Vec::new());
    for named in fleet.index.tags() {
        match remotes.resolve(&fleet, &named)? {
            Ok(commit) => tags.push(Tag { name: named.1, repository: named.0, commit }),
            Err(said) => wrong.push(said),
        }
    }
    let mut servers = OtherServers::new(&here.settings);
    let (charts, more) = charts(&mut servers, &fleet, options)?;
    wrong.extend(more);
    let (packages, more) = packages(&servers, &fleet, options)?;
    wrong.extend(more);
    if !wrong.is_empty() {
        return Err(wrong.into());
    }
    let packs = lock::kubernetes(&fleet.index);
    let renderers = renderers(&here, &fleet, options);
    let resolved = Resolved { tags, packs, charts, packages, renderers };
    let lines = lock::encode(&resolved);
    let file = here.root()?.join("fleet.lock");
    let is_right = fs::read_to_string(&file).is_ok_and(|text| text == lines) || (resolved.is_empty() && !file.exists());
    if options.check && !is_right {
        return Err(fault(
            Owner::Author,
            false,
            "fleet.lock is not what the documents need",
            "run `stratify lock` and commit it",
        )
        .into());
    }
    if !options.check && !is_right {
        fs::write(&file, &lines).map_err(in_folder("could not write fleet.lock"))?;
    }
    Ok(answer(&resolved, is_right, &remotes))
}

/// Returns the charts of other servers: what the lock has stays, unless it is to be resolved anew.
fn charts(
    servers: &mut OtherServers,
    fleet: &Fleet,
    options: &Lock,
) -> Result<(Vec<LockedChart>, Vec<Diagnostic>), Failure> {
    let known = fleet.index.lock().map(|lock| lock.charts.clone()).unwrap_or_default();
    let (mut charts, mut wrong): (Vec<LockedChart>, Vec<Diagnostic>) = (Vec::new(), Vec::new());
    for reference in fleet.index.chart_references() {
        let is_it = |it: &&LockedChart| {
            (&it.repo, &it.name, &it.wanted) == (&reference.repo, &reference.name, &reference.wanted)
        };
        if charts.iter().any(|chart| is_it(&chart)) {
            continue;
        }
        let stays = !options.update.iter().any(|name| **name == *reference.name);
        if let Some(chart) = known.iter().find(is_it).filter(|_| stays) {
            charts.push(chart.clone());
            continue;
        }
        let said = |message: String| Diagnostic::error(codes::NOT_LOCKED, message).at(reference.part.span());
        if options.check {
            let message = format!("the chart `{}` at `{}` is not in fleet.lock", reference.name, reference.wanted);
            wrong.push(said(message).hint("run `stratify lock` and commit it"));
            continue;
        }
        match servers.resolve(&reference)? {
            Ok(chart) => charts.push(chart),
            Err(why) => wrong.push(said(why)),
        }
    }
    Ok((charts, wrong))
}

/// Returns the packages of registries: what the lock has stays, unless it is to be resolved anew.
fn packages(
    servers: &OtherServers,
    fleet: &Fleet,
    options: &Lock,
) -> Result<(Vec<LockedPackage>, Vec<Diagnostic>), Failure> {
    let known = fleet.index.lock().map(|lock| lock.packages.clone()).unwrap_or_default();
    let (mut packages, mut wrong): (Vec<LockedPackage>, Vec<Diagnostic>) = (Vec::new(), Vec::new());
    for reference in fleet.index.package_references() {
        let is_it = |it: &&LockedPackage| {
            (&it.oci, &it.architecture, &it.wanted) == (&reference.oci, &reference.architecture, &reference.wanted)
        };
        if packages.iter().any(|package| is_it(&package)) {
            continue;
        }
        let stays = !options.update.iter().any(|name| name == name_in(&reference.oci));
        if let Some(package) = known.iter().find(is_it).filter(|_| stays) {
            packages.push(package.clone());
            continue;
        }
        let said = |message: String| Diagnostic::error(codes::NOT_LOCKED, message).at(reference.part.span());
        if options.check {
            let message = format!("the package {} at `{}` is not in fleet.lock", reference.oci, reference.wanted);
            wrong.push(said(message).hint("run `stratify lock` and commit it"));
            continue;
        }
        match servers.resolve_package(&reference)? {
            Ok(package) => packages.push(package),
            Err(why) => wrong.push(said(why)),
        }
    }
    Ok((packages, wrong))
}

/// Returns the versions of renderers: what the lock has stays; that of a program that is to be updated is the one here.
fn renderers(here: &Here, fleet: &Fleet, options: &Lock) -> BTreeMap<Arc<str>, Arc<str>> {
    let mut renderers = fleet.index.lock().map(|lock| lock.renderers.clone()).unwrap_or_default();
    let packs = Packs::new(&here.settings);
    let is_asked = |program: &str| options.update.iter().any(|name| name == program);
    if is_asked("helm") {
        renderers.extend(packs.helm_version().map(|version| ("helm".into(), version)));
    }
    if is_asked("kustomize") {
        renderers.extend(packs.kustomize_version().map(|version| ("kustomize".into(), version)));
    }
    renderers
}

fn answer(resolved: &Resolved, is_right: bool, remotes: &Remotes) -> Answer {
    let Resolved { tags, packs, charts, packages, .. } = resolved;
    let mut text = Text::default();
    for name in remotes.seen_by_others() {
        text.line(format!("the repository {name} is read as the process that serves saw it last"));
    }
    let said = if is_right { "fleet.lock is right" } else { "fleet.lock is written: commit it" };
    let versions = if packs.is_empty() { String::new() } else { format!(", {}", counted(packs.len(), "version")) };
    let of = |count: usize, what: &str| {
        if count == 0 { String::new() } else { format!(", {}", counted(count, what)) }
    };
    let others = format!("{}{}", of(charts.len(), "chart"), of(packages.len(), "package"));
    text.line(format!("{said} ({}{versions}{others})", counted(tags.len(), "tag")));
    let tag = |tag: &Tag| {
        let repository = tag.repository.as_ref().map(RepoName::as_str);
        json!({ "name": &*tag.name, "repository": repository, "commit": tag.commit.to_string() })
    };
    let locked: Vec<_> = tags.iter().map(tag).collect();
    let pack = |pack: &LockedPack| json!({ "name": &*pack.name, "version": &*pack.version });
    let packs: Vec<_> = packs.iter().map(pack).collect();
    let chart = |chart: &LockedChart| {
        json!({
            "repo": &*chart.repo,
            "name": &*chart.name,
            "wanted": &*chart.wanted,
            "version": &*chart.version,
            "url": &*chart.url,
            "digest": format!("sha256:{}", chart.digest),
        })
    };
    let charts: Vec<_> = charts.iter().map(chart).collect();
    let package = |package: &LockedPackage| {
        json!({
            "oci": &*package.oci,
            "architecture": &*package.architecture,
            "wanted": &*package.wanted,
            "version": &*package.version,
            "digest": format!("sha256:{}", package.digest),
            "images": package.images.iter().map(|image| &**image).collect::<Vec<_>>(),
        })
    };
    let packages: Vec<_> = packages.iter().map(package).collect();
    let data = json!({ "tags": locked, "packs": packs, "charts": charts, "packages": packages, "changed": !is_right });
    Answer::new(text, data)
}

/// The repositories in which tags are looked for.
struct Remotes<'a> {
    here: &'a Here,
    local: Local,
    others: BTreeMap<RepoName, Remote>,
}

/// Another repository.
enum Remote {
    /// Its mirror, fetched just now.
    Fetched(Arc<Mirror>),
    /// Its mirror, which another process keeps.
    Kept(Box<View>),
}

impl Remotes<'_> {
    /// Returns the commit that a tag is, or what is wrong with who names it.
    fn resolve(&mut self, fleet: &Fleet, named: &Named) -> Result<Result<CommitId, Diagnostic>, Fault> {
        let (repository, name) = named;
        let found = match repository {
            None => self.local.objects().resolve_tag(name)?,
            Some(repository) if !fleet.repositories.contains_key(repository) => {
                return Ok(Err(fleet.unresolved(named, "the settings have no repository of that name")));
            }
            Some(repository) => match self.other(repository)? {
                Remote::Fetched(mirror) => mirror.resolve_tag(name)?,
                Remote::Kept(view) => view.objects().resolve_tag(name)?,
            },
        };
        let place = repository.as_ref().map_or_else(String::new, |name| format!(" in the repository `{name}`"));
        Ok(found.ok_or_else(|| fleet.unresolved(named, &format!("there is no tag `{name}`{place}"))))
    }

    fn other(&mut self, name: &RepoName) -> Result<&Remote, Fault> {
        if !self.others.contains_key(name) {
            let remote = self.open(name)?;
            self.others.insert(name.clone(), remote);
        }
        self.others.get(name).ok_or_else(|| Fault::bug("it was just opened"))
    }

    fn open(&self, name: &RepoName) -> Result<Remote, Fault> {
        match self.here.other_mirror(name) {
            Ok(mirror) => {
                mirror.fetch()?;
                Ok(Remote::Fetched(mirror))
            }
            // Another process has it open.
            Err(fault) if fault.spurious => {
                self.here.other_view(name)?.map(|view| Remote::Kept(Box::new(view))).ok_or(fault)
            }
            Err(fault) => Err(fault),
        }
    }

    fn seen_by_others(&self) -> impl Iterator<Item = &RepoName> {
        self.others.iter().filter(|(_, remote)| matches!(remote, Remote::Kept(_))).map(|(name, _)| name)
    }
}
