//! In: the tags, charts, packages and packs that documents name, the packs for Kubernetes. Out: fleet.lock, with the commit
//! that each tag is, what other servers have of all else, and the versions over which Kubernetes goes up.
//! Guarantee: only here is anything resolved; a sync takes what the lock says, or holds.
mod tags;
mod pins;
mod differences;
mod images;

pub(super) use images::Servers;
pub(super) use pins::{Mode, Pinned, Pins, Wanted, pins};

use super::current_fleet::{Here, unknown};
use super::{Answer, Failure};
use crate::cli::args::Lock;
use crate::cli::print::Text;
use crate::client::directory::Directory;
use crate::client::git::fault;
use crate::decide::document::{LockedChart, LockedPack, LockedPackage, LockedRegistryPack, Tag};
use crate::decide::fleet::Fleet;
use crate::decide::lock::{self, Resolved};
use crate::decide::value::{Diagnostic, Fault, Owner, counted};
use crate::name::RepoName;
use crate::observe::pack::Packs;
use differences::differences;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tags::Remotes;

/// What renders, whose versions the lock may have.
const RENDERERS: [&str; 2] = ["helm", "kustomize"];

/// Writes fleet.lock, or says whether it is right.
pub(super) fn run(options: &Lock, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let fleet = here.preview()?.fleet(None)?;
    check_read(&fleet)?;
    let wanted = Wanted::of(&fleet.index);
    let names: Vec<&str> = wanted.names().into_iter().chain(RENDERERS).collect();
    if let Some(absent) = options.update.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(unknown("chart, package or pack of another server", absent, names.iter().copied()));
    }
    let mut remotes = Remotes::new(&here)?;
    let (mut tags, mut wrong) = (Vec::new(), Vec::new());
    for named in fleet.index.tags() {
        match remotes.resolve(&fleet, &named)? {
            Ok(commit) => tags.push(Tag { name: named.1, repository: named.0, commit }),
            Err(said) => wrong.push(said),
        }
    }
    let known = fleet.index.lock().map(|lock| Pins::of(lock)).unwrap_or_default();
    let mode = if options.check { Mode::Check } else { Mode::Update(&options.update) };
    let mut servers = Servers::new(&here.settings);
    let (found, more) = pins(&mut servers, &known, &wanted, mode)?;
    wrong.extend(more);
    let Pins { charts, packages, registry_packs } = found;
    let (packs, renderers) = (lock::kubernetes(&fleet.index), renderers(&here, &fleet, options));
    let resolved = Resolved { tags, packs, charts, packages, registry_packs, renderers };
    if options.check && wrong.is_empty() {
        wrong.extend(differences(fleet.index.lock(), &resolved));
    }
    if !wrong.is_empty() {
        return Err(wrong.into());
    }
    let lines = lock::encode(&resolved);
    let file = here.root()?.join("fleet.lock");
    let is_right = fs::read_to_string(&file).is_ok_and(|text| text == lines) || (resolved.is_empty() && !file.exists());
    if options.check && !is_right {
        return Err(vec![differences::written_otherwise(fleet.index.lock())].into());
    }
    if !is_right {
        write(here.root()?, &lines)?;
    }
    let mut answer = answer(&resolved, is_right, &remotes);
    answer.text.lines(servers.notes);
    Ok(answer)
}

/// Puts the lock there as a whole, so that who reads it meanwhile has the old one or this one, also after a crash.
fn write(root: &Path, lines: &str) -> Result<(), Fault> {
    let done = Directory::make(root).and_then(|folder| folder.replace("fleet.lock", lines.as_bytes()));
    done.map_err(|error| {
        let hint = "look at the rights of the folder, and the space left";
        fault(Owner::Operator, false, format!("could not write fleet.lock: {error}"), hint)
    })
}

/// A document that cannot be read names nothing: what the lock has for it would go.
pub(super) fn check_read(fleet: &Fleet) -> Result<(), Failure> {
    let unread: Vec<Diagnostic> = fleet.index.said().into_iter().filter(Diagnostic::is_error).collect();
    if unread.is_empty() { Ok(()) } else { Err(unread.into()) }
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
    let Resolved { tags, packs, charts, packages, registry_packs, .. } = resolved;
    let mut text = Text::default();
    for name in remotes.seen_by_others() {
        text.line(format!("the repository {name} is read as the process that serves saw it last"));
    }
    let said = if is_right { "fleet.lock is right" } else { "fleet.lock is written: commit it" };
    let of = |count: usize, what: &str| {
        if count == 0 { String::new() } else { format!(", {}", counted(count, what)) }
    };
    let versions = of(packs.len(), "version");
    let others = [of(charts.len(), "chart"), of(packages.len(), "package"), of(registry_packs.len(), "pack")].concat();
    text.line(format!("{said} ({}{versions}{others})", counted(tags.len(), "tag")));
    let data = json!({
        "tags": tags.iter().map(tag).collect::<Vec<_>>(),
        "packs": packs.iter().map(pack).collect::<Vec<_>>(),
        "charts": charts.iter().map(chart).collect::<Vec<_>>(),
        "packages": packages.iter().map(package).collect::<Vec<_>>(),
        "registryPacks": registry_packs.iter().map(registry_pack).collect::<Vec<_>>(),
        "changed": !is_right,
    });
    Answer::new(text, data)
}

fn tag(tag: &Tag) -> Value {
    let repository = tag.repository.as_ref().map(RepoName::as_str);
    json!({ "name": &*tag.name, "repository": repository, "commit": tag.commit.to_string() })
}

fn pack(pack: &LockedPack) -> Value {
    json!({ "name": &*pack.name, "version": &*pack.version })
}

fn chart(chart: &LockedChart) -> Value {
    json!({
        "repo": &*chart.repo,
        "name": &*chart.name,
        "wanted": &*chart.wanted,
        "version": &*chart.version,
        "url": &*chart.url,
        "digest": format!("sha256:{}", chart.digest),
        "images": names(&chart.images),
    })
}

fn package(package: &LockedPackage) -> Value {
    json!({
        "oci": &*package.oci,
        "architecture": &*package.architecture,
        "wanted": &*package.wanted,
        "version": &*package.version,
        "digest": format!("sha256:{}", package.digest),
        "images": names(&package.images),
    })
}

fn registry_pack(pack: &LockedRegistryPack) -> Value {
    json!({
        "registry": &*pack.registry,
        "name": &*pack.name,
        "wanted": &*pack.wanted,
        "version": &*pack.version,
        "oci": &*pack.oci,
        "digest": format!("sha256:{}", pack.digest),
        "images": names(&pack.images),
    })
}

fn names(images: &[Arc<str>]) -> Vec<&str> {
    images.iter().map(|image| &**image).collect()
}
