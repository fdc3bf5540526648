//! In: what the lock has of a chart, a package or a pack. Out: why it is not that, looked at again.
//! Guarantee: of a digest nothing is resolved: what is said is of exactly what a sync would take; what cannot be asked is a
//! fault, and no mistake of the lock.
use super::{Packs, chart, registry_pack, zarf};
use crate::decide::document::{LockedChart, LockedPackage, LockedRegistryPack, Texts};
use crate::decide::fleet::CHART;
use crate::decide::profile::{Content, Remote, What};
use crate::decide::value::{Fault, Value};
use semver::Version;
use std::sync::Arc;

/// What was looked at, or why it is not what the lock says.
type Looked<T> = Result<Result<T, String>, Fault>;

impl Packs {
    /// Checks that a chart is the one that the lock names.
    pub fn is_chart(&self, locked: &LockedChart) -> Looked<()> {
        let LockedChart { name, version, url, digest, .. } = locked;
        let called = format!("{name}-{version}").into();
        let remote = Remote { name: called, entry: name.clone(), url: url.clone(), digest: *digest };
        let chart = match chart::chart(self, &What::Chart(Content::Remote(remote)), &Texts::default())? {
            Ok(chart) => chart,
            Err(refusal) => return Ok(Err(refusal.message)),
        };
        let about = chart.file(CHART).map(|bytes| super::chart_images::value(bytes)).unwrap_or_default();
        let text = |key: &str| about.get(key).and_then(Value::as_str).unwrap_or_default();
        let parsed = |text: &str| Version::parse(text.strip_prefix('v').unwrap_or(text)).ok();
        if text("name") != &**name || parsed(text("version")) != parsed(version) {
            return Ok(Err(format!("it has {version}, and its digest is of `{}` {}", text("name"), text("version"))));
        }
        Ok(Ok(()))
    }

    /// Checks that a package is the one that the lock names, and returns the images that its components name.
    pub fn is_package(&self, locked: &LockedPackage) -> Looked<Vec<Arc<str>>> {
        zarf::again(&self.remotes, locked)
    }

    /// Checks that a pack is the one that the lock names.
    pub fn is_pack(&self, locked: &LockedRegistryPack) -> Looked<()> {
        registry_pack::again(&self.remotes, locked)
    }
}
