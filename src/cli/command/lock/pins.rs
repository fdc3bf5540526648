//! In: the charts, packages and packs of other servers that documents name, the lock. Out: what each is pinned to.
//! Guarantee: what the lock has stays, unless it is to be resolved anew or cannot be what is named; a check asks nobody.
use super::super::Failure;
use super::images::Servers;
use crate::decide::document::{Fragment, Lock, LockedChart, LockedPackage, LockedRegistryPack};
use crate::decide::fleet::{ChartReference, Index, PackReference, PackageReference, name_in};
use crate::decide::lock::is_in;
use crate::decide::profile::codes;
use crate::decide::value::{Diagnostic, Fault, Owner, Source};
use crate::observe::pack::Unresolved;

/// What documents name of other servers.
pub(in crate::cli::command) struct Wanted {
    pub(in crate::cli::command) charts: Vec<ChartReference>,
    pub(in crate::cli::command) packages: Vec<PackageReference>,
    pub(in crate::cli::command) packs: Vec<PackReference>,
}

impl Wanted {
    /// Returns what the documents of a tree name.
    pub(in crate::cli::command) fn of(index: &Index) -> Self {
        let (charts, packages) = (index.chart_references(), index.package_references());
        Self { charts, packages, packs: index.pack_references() }
    }

    /// Returns the names by which all that can be updated.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.charts.iter().map(Pinned::name).collect();
        names.extend(self.packages.iter().map(Pinned::name));
        names.extend(self.packs.iter().map(Pinned::name));
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// What all that is pinned to.
#[derive(Default)]
pub(in crate::cli::command) struct Pins {
    pub(in crate::cli::command) charts: Vec<LockedChart>,
    pub(in crate::cli::command) packages: Vec<LockedPackage>,
    pub(in crate::cli::command) registry_packs: Vec<LockedRegistryPack>,
}

impl Pins {
    /// Returns what the lock says.
    pub(in crate::cli::command) fn of(lock: &Lock) -> Self {
        let (charts, packages) = (lock.charts.clone(), lock.packages.clone());
        Self { charts, packages, registry_packs: lock.registry_packs.clone() }
    }
}

/// What is asked of other servers.
#[derive(Clone, Copy)]
pub(in crate::cli::command) enum Mode<'a> {
    /// Nothing: what the lock lacks is wrong.
    Check,
    /// What the lock lacks, and what has one of these names; what stays is looked at again.
    Update(&'a [String]),
    /// What the lock lacks alone.
    Add,
}

/// Something of another server, as a document names it.
pub(in crate::cli::command) trait Pinned {
    /// What the lock has of it.
    type Locked: Clone;
    /// Whether that is it.
    fn is(&self, locked: &Self::Locked) -> bool;
    /// Returns the name by which it is updated.
    fn name(&self) -> &str;
    /// Returns what it is, in words.
    fn what(&self) -> String;
    /// Returns the version or range.
    fn wanted(&self) -> &str;
    /// Returns its server, as documents name it.
    fn server(&self) -> &str;
    /// Returns where it is named.
    fn part(&self) -> &Fragment;
    /// Returns the version that the lock has of it.
    fn version(locked: &Self::Locked) -> &str;
    /// Asks its server.
    fn resolve(&self, servers: &mut Servers) -> Result<Result<Self::Locked, Unresolved>, Fault>;
    /// Says in words where what the lock has is not of the server that is named.
    fn misplaced(locked: &Self::Locked, servers: &Servers) -> Option<String>;
    /// Looks at what the lock has, with what it says beside the digest mended; in words why it is another one.
    fn again(locked: Self::Locked, servers: &mut Servers) -> Result<Result<Self::Locked, String>, Fault>;
}

impl Pinned for ChartReference {
    type Locked = LockedChart;

    fn is(&self, it: &LockedChart) -> bool {
        (&it.repo, &it.name, &it.wanted) == (&self.repo, &self.name, &self.wanted)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn what(&self) -> String {
        format!("the chart `{}` at `{}`", self.name, self.wanted)
    }

    fn wanted(&self) -> &str {
        &self.wanted
    }

    fn server(&self) -> &str {
        &self.repo
    }

    fn part(&self) -> &Fragment {
        &self.part
    }

    fn version(locked: &LockedChart) -> &str {
        &locked.version
    }

    fn resolve(&self, servers: &mut Servers) -> Result<Result<LockedChart, Unresolved>, Fault> {
        Ok(servers.other.resolve(self)?.map(|locked| servers.of_chart(locked)))
    }

    fn misplaced(locked: &LockedChart, _: &Servers) -> Option<String> {
        let LockedChart { repo, url, .. } = locked;
        let is_there =
            !repo.starts_with("oci://") || url.strip_prefix(&**repo).is_some_and(|it| it.starts_with("@sha256:"));
        (!is_there).then(|| format!("it has the address {url}, expected {repo}@sha256:…"))
    }

    fn again(locked: LockedChart, servers: &mut Servers) -> Result<Result<LockedChart, String>, Fault> {
        servers.chart_again(locked)
    }
}

impl Pinned for PackageReference {
    type Locked = LockedPackage;

    fn is(&self, it: &LockedPackage) -> bool {
        (&it.oci, &it.architecture, &it.wanted) == (&self.oci, &self.architecture, &self.wanted)
    }

    fn name(&self) -> &str {
        name_in(&self.oci)
    }

    fn what(&self) -> String {
        format!("the package {} at `{}`", self.oci, self.wanted)
    }

    fn wanted(&self) -> &str {
        &self.wanted
    }

    fn server(&self) -> &str {
        &self.oci
    }

    fn part(&self) -> &Fragment {
        &self.part
    }

    fn version(locked: &LockedPackage) -> &str {
        &locked.version
    }

    fn resolve(&self, servers: &mut Servers) -> Result<Result<LockedPackage, Unresolved>, Fault> {
        servers.other.resolve_package(self)
    }

    fn misplaced(_: &LockedPackage, _: &Servers) -> Option<String> {
        None
    }

    fn again(locked: LockedPackage, servers: &mut Servers) -> Result<Result<LockedPackage, String>, Fault> {
        servers.package_again(locked)
    }
}

impl Pinned for PackReference {
    type Locked = LockedRegistryPack;

    fn is(&self, it: &LockedRegistryPack) -> bool {
        (&it.registry, &it.name, &it.wanted) == (&self.registry, &self.name, &self.wanted)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn what(&self) -> String {
        format!("the pack `{}` of {} at `{}`", self.name, self.registry, self.wanted)
    }

    fn wanted(&self) -> &str {
        &self.wanted
    }

    fn server(&self) -> &str {
        &self.registry
    }

    fn part(&self) -> &Fragment {
        &self.part
    }

    fn version(locked: &LockedRegistryPack) -> &str {
        &locked.version
    }

    fn resolve(&self, servers: &mut Servers) -> Result<Result<LockedRegistryPack, Unresolved>, Fault> {
        Ok(servers.other.resolve_pack(self)?.map(|locked| servers.of_pack(locked)))
    }

    fn misplaced(locked: &LockedRegistryPack, servers: &Servers) -> Option<String> {
        servers.misplaced(locked)
    }

    fn again(locked: LockedRegistryPack, servers: &mut Servers) -> Result<Result<LockedRegistryPack, String>, Fault> {
        servers.pack_again(locked)
    }
}

/// Pins all that documents name; what is wrong stands where it is named.
pub(in crate::cli::command) fn pins(
    servers: &mut Servers,
    known: &Pins,
    wanted: &Wanted,
    mode: Mode<'_>,
) -> Result<(Pins, Vec<Diagnostic>), Failure> {
    let mut wrong = Vec::new();
    let charts = settled(servers, &wanted.charts, &known.charts, mode, &mut wrong)?;
    let packages = settled(servers, &wanted.packages, &known.packages, mode, &mut wrong)?;
    let registry_packs = settled(servers, &wanted.packs, &known.registry_packs, mode, &mut wrong)?;
    Ok((Pins { charts, packages, registry_packs }, wrong))
}

fn settled<P: Pinned>(
    servers: &mut Servers,
    references: &[P],
    known: &[P::Locked],
    mode: Mode<'_>,
    wrong: &mut Vec<Diagnostic>,
) -> Result<Vec<P::Locked>, Failure> {
    let mut settled: Vec<P::Locked> = Vec::new();
    for reference in references {
        if settled.iter().any(|locked| reference.is(locked)) {
            continue;
        }
        let part = reference.part();
        let place = part.get("version").unwrap_or_else(|| part.clone()).span();
        let said = |message: String| Diagnostic::error(codes::NOT_LOCKED, message).at(place.clone());
        let found = known.iter().find(|locked| reference.is(locked));
        let is_it = |locked: &&P::Locked| is_in(P::version(locked), reference.wanted());
        let stays = match mode {
            Mode::Check | Mode::Add => true,
            Mode::Update(names) => !names.iter().any(|name| name == reference.name()),
        };
        if let Some(locked) = found.filter(is_it).filter(|_| stays) {
            match looked_at::<P>(servers, locked, mode, &reference.what()) {
                Ok(locked) => settled.push(locked),
                Err(why) => {
                    let (what, name) = (reference.what(), reference.name());
                    let hint =
                        "fleet.lock was edited by hand, or its server has it no longer: run `stratify lock --update";
                    let message = format!("fleet.lock has {what} otherwise than it is: {why}");
                    wrong.push(said(message).hint(format!("{hint} {name}` and commit it")));
                }
            }
            continue;
        }
        if let Mode::Check = mode {
            let (what, name) = (reference.what(), reference.name());
            wrong.push(match found {
                Some(locked) => said(format!("{what} is `{}` in fleet.lock, which it cannot be", P::version(locked)))
                    .hint(format!("fleet.lock was edited by hand: run `stratify lock --update {name}` and commit it")),
                None => said(format!("{what} is not in fleet.lock")).hint("run `stratify lock` and commit it"),
            });
            continue;
        }
        match reference.resolve(servers) {
            Ok(Ok(locked)) => settled.push(locked),
            Ok(Err(Unresolved { message, nearest, hint })) => {
                let said = said(message).nearest(nearest.as_deref());
                wrong.push(match hint {
                    Some(hint) => said.hint(hint),
                    None => said,
                });
            }
            Err(fault) => {
                let message = format!("{} at {place} cannot be resolved: {fault}", reference.what());
                return Err(Fault { source: Source::Error(message.into()), ..fault.repeated() }.into());
            }
        }
    }
    Ok(settled)
}

/// Looks at what stays as the lock has it; in words why it cannot. A server that does not answer keeps nothing from staying.
fn looked_at<P: Pinned>(
    servers: &mut Servers,
    locked: &P::Locked,
    mode: Mode<'_>,
    what: &str,
) -> Result<P::Locked, String> {
    if let Some(why) = P::misplaced(locked, servers) {
        return Err(why);
    }
    if let Mode::Check | Mode::Add = mode {
        return Ok(locked.clone());
    }
    match P::again(locked.clone(), servers) {
        Ok(looked) => looked,
        Err(fault) if fault.owner == Owner::Outside && !fault.spurious => Err(fault.to_string()),
        Err(fault) => {
            servers.not_looked_at(what, &fault);
            Ok(locked.clone())
        }
    }
}
