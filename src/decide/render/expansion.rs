//! In: full profiles, and packs that were expanded already. Out: what has still to be expanded outside.
//! Guarantee: equal requests have equal answers; asked again until nothing is left, since charts see the kinds of others.
use crate::decide::fleet::Capabilities;
use crate::decide::profile::{FullProfile, ResolvedSource};
use crate::decide::value::{Digest, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What has to be expanded outside: a chart, a package, a kustomization.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What is expanded.
    pub source: ResolvedSource,
    /// With which values.
    pub values: Value,
    /// Under which release name.
    pub release_name: Arc<str>,
    /// In which namespace.
    pub namespace: Option<Arc<str>>,
    /// What it may ask about the API server.
    pub capabilities: Capabilities,
    /// The digest of all that.
    pub digest: Digest,
}

/// What a request expanded to.
#[derive(Clone, Debug)]
pub struct ExpandedPack {
    /// The digest of the request.
    pub request: Digest,
    /// The objects, in their order.
    pub objects: Vec<Value>,
}

/// Expanded packs by the digest of their request.
pub type ExpandedPacks = BTreeMap<Digest, ExpandedPack>;

/// Returns what has to be expanded before these profiles can be rendered.
///
/// Packs with manifests and plain manifests need nothing; sources that need programs outside add their requests here.
pub fn expansion(profiles: &[&FullProfile], known: &ExpandedPacks) -> Vec<Request> {
    let sources = profiles.iter().flat_map(|profile| &profile.layers).map(|layer| &layer.source);
    let needed = sources.filter_map(|source| match source {
        ResolvedSource::Pack { .. } | ResolvedSource::Manifests => None::<Request>,
    });
    needed.filter(|request| !known.contains_key(&request.digest)).collect()
}
