//! In: charts and packages as documents name them. Out: what other servers have of them now, for the lock.
//! Guarantee: an index is asked for once; the digest is that of the archive that was fetched, and that of the index, if it
//! states one.
use super::remote::{ARCHIVE_BYTES_MAX, Remotes, digest_of};
use super::{registry, registry_pack, zarf};
use crate::client::http::download;
use crate::decide::document::{LockedChart, LockedPackage, LockedRegistryPack, nearest};
use crate::decide::fleet::{ChartReference, PackReference, PackageReference};
use crate::decide::lock::{Chosen, INDEX_BYTES_MAX, Tagged, charts_of, choose, is_deprecated, read_index, versions_of};
use crate::decide::value::{Fault, Value};
use crate::settings::Settings;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The range of all versions that are no pre-release.
pub(super) const ANY: &str = "*";

/// Why what a document names cannot be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// What was found.
    pub message: String,
    /// What there is that is most like what is named.
    pub nearest: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl From<String> for Unresolved {
    fn from(message: String) -> Self {
        Self { message, nearest: None, hint: None }
    }
}

/// Chart repositories over HTTP, and registries.
pub struct OtherServers {
    remotes: Remotes,
    indexes: BTreeMap<Arc<str>, Value>,
}

impl OtherServers {
    /// Takes what the settings allow.
    pub fn new(settings: &Settings) -> Self {
        Self { remotes: Remotes::new(settings), indexes: BTreeMap::new() }
    }

    /// Returns what a package is now, or what is wrong with who names it.
    pub fn resolve_package(&self, reference: &PackageReference) -> Result<Result<LockedPackage, Unresolved>, Fault> {
        zarf::locked(&self.remotes, reference)
    }

    /// Returns what a pack of a registry is now, or what is wrong with who names it.
    pub fn resolve_pack(&self, reference: &PackReference) -> Result<Result<LockedRegistryPack, Unresolved>, Fault> {
        registry_pack::locked(&self.remotes, reference)
    }

    /// Returns the newest version of a chart, a package or a pack that its server has; in words why that is not known.
    pub fn newest(&mut self, repo: &Arc<str>, name: &str) -> Result<Tagged, String> {
        if repo.starts_with("oci://") {
            return registry::newest_of(&self.remotes, repo);
        }
        let index = self.index(repo).map_err(|fault| fault.to_string())?;
        let chosen = index.and_then(|index| choose(index, name, ANY));
        let chosen = chosen.map_err(|why| format!("the index of {repo}: {why}"))?;
        Ok(Tagged { tag: chosen.version.to_string(), version: chosen.version })
    }

    /// Whether the index of a repository over HTTP, as it was read last, says that a version of a chart is deprecated.
    pub fn is_deprecated(&self, repo: &str, name: &str, version: &str) -> bool {
        self.indexes.get(repo).is_some_and(|index| is_deprecated(index, name, version))
    }

    /// Returns what a chart is now, or what is wrong with who names it.
    pub fn resolve(&mut self, reference: &ChartReference) -> Result<Result<LockedChart, Unresolved>, Fault> {
        let ChartReference { repo, name, wanted, .. } = reference;
        if repo.starts_with("oci://") {
            return registry::locked(&self.remotes, reference);
        }
        let chosen = match self.index(repo)? {
            Ok(index) => choose(index, name, wanted),
            Err(why) => Err(why),
        };
        let Chosen { version, url, digest: stated } = match chosen {
            Ok(chosen) => chosen,
            Err(why) => return Ok(Err(self.unresolved(repo, name, &why))),
        };
        let url = absolute(repo, &url);
        let bytes = download(&url, self.remotes.allowed(), ARCHIVE_BYTES_MAX)?;
        let digest = digest_of(&bytes);
        if stated.is_some_and(|stated| stated != digest) {
            return Ok(Err(format!("{url} has the digest sha256:{digest}, which is not that of its index").into()));
        }
        let (repo, name, wanted) = (repo.clone(), name.clone(), wanted.clone());
        Ok(Ok(LockedChart { repo, name, wanted, version, url: url.into(), digest, images: Vec::new() }))
    }

    /// Says what the index of a repository has in the place of what is named.
    fn unresolved(&self, repo: &Arc<str>, name: &str, why: &str) -> Unresolved {
        let message = format!("the index of {repo}: {why}");
        let Some(index) = self.indexes.get(repo) else { return message.into() };
        let (names, versions) = (charts_of(index), versions_of(index, name));
        let nearest = if versions.is_empty() { nearest(name, names.iter().copied()).map(str::to_owned) } else { None };
        let newest = versions.get(..versions.len().min(registry::TAGS_SHOWN)).unwrap_or_default();
        let hint = (!newest.is_empty()).then(|| format!("its newest versions are {}", newest.join(", ")));
        Unresolved { message, nearest, hint }
    }

    fn index(&mut self, repo: &Arc<str>) -> Result<Result<&Value, String>, Fault> {
        if !self.indexes.contains_key(repo) {
            let address = format!("{}/index.yaml", repo.trim_end_matches('/'));
            let bytes = download(&address, self.remotes.allowed(), INDEX_BYTES_MAX as u64)?;
            match read_index(&String::from_utf8_lossy(&bytes)) {
                Ok(index) => drop(self.indexes.insert(repo.clone(), index)),
                Err(why) => return Ok(Err(why)),
            }
        }
        Ok(self.indexes.get(repo).ok_or_else(|| "it was just read".to_owned()))
    }
}

/// An index mostly says where an archive is as seen from it.
fn absolute(repo: &str, url: &str) -> String {
    if url.contains("://") {
        return url.to_owned();
    }
    let base = reqwest::Url::parse(&format!("{}/", repo.trim_end_matches('/')));
    base.and_then(|base| base.join(url)).map_or_else(|_| url.to_owned(), Into::into)
}
