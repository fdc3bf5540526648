//! In: an address and a repository to fetch into. Out: the remote's branch and tags, their objects here.
//! Guarantee: refs by their full names; a ref that should have moved has moved, to an object that is here.
use super::address::{Address, Way};
use super::error::{chain, fault, in_local};
use super::transport::{Ended, Guard, authenticate, connect, http_options};
use crate::decide::value::{Fault, Owner};
use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::protocol::handshake::Ref;
use gix::protocol::transport::Service;
use gix::remote::fetch::Tags;
use std::collections::BTreeMap;

/// The refs of a remote that concern us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Advertised {
    /// What the watched branch names, if it is there.
    pub(crate) branch: Option<ObjectId>,
    /// What each tag names, by its full name, unpeeled.
    pub(crate) tags: BTreeMap<String, ObjectId>,
    /// Whether the remote has any branch or tag.
    pub(crate) any: bool,
}

/// The most refs that are looked at: GitHub's largest public repositories have 100,000 tags.
const REFS_MAX: usize = 200_000;

/// Reads the refs of a repository of this machine without a conversation; `None` if the address is another machine's.
pub(crate) fn advertised_here(address: &Address) -> Result<Option<Advertised>, Fault> {
    let (_, Way::Folder(folder)) = address.way()? else { return Ok(None) };
    let attempt = format!("could not read the refs of repository {} at {}", address.name, folder.display());
    let options = gix::open::Options::isolated();
    let source = options.open(&folder).map_err(in_local(&attempt))?.to_thread_local();
    let mut found = Advertised::default();
    let branch = address.full_branch();
    let platform = source.references().map_err(in_local(&attempt))?;
    if let Some(mut found_branch) = source.try_find_reference(branch.as_str()).map_err(in_local(&attempt))? {
        found.branch = Some(found_branch.peel_to_id().map_err(in_local(&attempt))?.detach());
        found.any = true;
    }
    for tag in platform.tags().map_err(in_local(&attempt))?.take(REFS_MAX) {
        let tag = tag.map_err(|error| super::error::local(&attempt, &error))?;
        if let Some(id) = tag.try_id() {
            found.tags.insert(tag.name().as_bstr().to_string(), id.detach());
        }
        found.any = true;
    }
    found.any = found.any || platform.local_branches().map_err(in_local(&attempt))?.next().is_some();
    Ok(Some(found))
}

/// Fetches the branch and all tags into a repository whose refs are those of the last fetch. `known` is what it has;
/// a tip that was `refused` is not received again.
pub(crate) fn fetch(
    into: &gix::Repository,
    address: &Address,
    known: &Advertised,
    refused: Option<ObjectId>,
) -> Result<Advertised, Fault> {
    let attempt = format!("could not fetch repository {}", address.name);
    let branch = address.full_branch();
    let refspecs = [format!("+{branch}:{branch}"), "+refs/tags/*:refs/tags/*".to_owned()];
    let remote = into
        .remote_at_without_url_rewrite(address.url.as_str())
        .and_then(|remote| {
            let specs = refspecs.iter().map(String::as_str);
            remote.with_fetch_tags(Tags::None).with_refspecs(specs, gix::remote::Direction::Fetch)
        })
        .map_err(in_local(&attempt))?;
    let incoming = into.objects.store_ref().path().join("pack");
    let (transport, mut guard) = connect(address, Service::UploadPack, Some(&incoming))?;
    let connection = remote
        .to_connection_with_transport(transport)
        .with_credentials(authenticate(address))
        .with_transport_options(Box::new(http_options(address)?));
    // All heads are asked for, so that a gone branch can be told from an empty repository.
    let options = gix::remote::ref_map::Options {
        prefix_from_spec_as_filter_on_remote: false,
        ..gix::remote::ref_map::Options::default()
    };
    let prepared = match connection.prepare_fetch(gix::progress::Discard, options) {
        Ok(prepared) => prepared,
        Err(error) => return Err(remote_fault(address, &attempt, &error, &mut guard)),
    };
    let found = advertised(&prepared.ref_map().remote_refs, &branch);
    if found.branch.is_none() || found.branch == refused || found == *known {
        return Ok(found);
    }
    let received = prepared.with_write_packed_refs_only(true).receive(gix::progress::Discard, &guard.ended);
    if let Err(error) = received {
        return Err(remote_fault(address, &attempt, &error, &mut guard));
    }
    drop(guard);
    verify(into, &branch, &found, &attempt)?;
    Ok(found)
}

/// Fetches one ref, under its own name, into a repository that may have it already; returns what it names.
pub(crate) fn fetch_one(
    into: &gix::Repository,
    address: &Address,
    reference: &str,
    attempt: &str,
) -> Result<Option<ObjectId>, Fault> {
    let found = fetch_refs(into, address, &[reference], attempt)?;
    Ok(found.into_iter().next().map(|(_, found)| found))
}

/// Fetches refs in one go, each under its own name; returns what those name that are there.
pub(crate) fn fetch_refs<'a>(
    into: &gix::Repository,
    address: &Address,
    references: &[&'a str],
    attempt: &str,
) -> Result<Vec<(&'a str, ObjectId)>, Fault> {
    let refspecs: Vec<String> = references.iter().map(|reference| format!("+{reference}:{reference}")).collect();
    let remote = into
        .remote_at_without_url_rewrite(address.url.as_str())
        .and_then(|remote| {
            let refspecs = refspecs.iter().map(String::as_str);
            remote.with_fetch_tags(Tags::None).with_refspecs(refspecs, gix::remote::Direction::Fetch)
        })
        .map_err(in_local(attempt))?;
    let incoming = into.objects.store_ref().path().join("pack");
    let (transport, mut guard) = connect(address, Service::UploadPack, Some(&incoming))?;
    let connection = remote
        .to_connection_with_transport(transport)
        .with_credentials(authenticate(address))
        .with_transport_options(Box::new(http_options(address)?));
    let prepared = match connection.prepare_fetch(gix::progress::Discard, gix::remote::ref_map::Options::default()) {
        Ok(prepared) => prepared,
        Err(error) => return Err(remote_fault(address, attempt, &error, &mut guard)),
    };
    let named = |reference: &'a str, one: &Ref| match one {
        Ref::Direct { full_ref_name, object } if full_ref_name == reference => Some((reference, *object)),
        Ref::Peeled { full_ref_name, tag, .. } if full_ref_name == reference => Some((reference, *tag)),
        _ => None,
    };
    let remote_refs = &prepared.ref_map().remote_refs;
    let there = |reference: &&'a str| remote_refs.iter().find_map(|one| named(reference, one));
    let found: Vec<(&'a str, ObjectId)> = references.iter().filter_map(there).collect();
    if found.is_empty() {
        return Ok(found);
    }
    let received = prepared.with_write_packed_refs_only(true).receive(gix::progress::Discard, &guard.ended);
    if let Err(error) = received {
        return Err(remote_fault(address, attempt, &error, &mut guard));
    }
    match found.iter().find(|(_, id)| !into.has_object(*id)) {
        None => Ok(found),
        Some((_, id)) => {
            let message = format!("{attempt}: the remote did not send {id}");
            Err(fault(Owner::Outside, true, message, "run `git fsck` on the remote"))
        }
    }
}

fn advertised(refs: &[Ref], branch: &str) -> Advertised {
    let mut found = Advertised::default();
    for one in refs.iter().take(REFS_MAX) {
        let (name, id) = match one {
            Ref::Direct { full_ref_name, object } => (full_ref_name, object),
            Ref::Peeled { full_ref_name, tag, .. } => (full_ref_name, tag),
            Ref::Symbolic { full_ref_name, tag, object, .. } => (full_ref_name, tag.as_ref().unwrap_or(object)),
            Ref::Unborn { .. } => continue,
        };
        let Ok(name) = name.to_str() else { continue };
        found.any = found.any || name.starts_with("refs/heads/") || name.starts_with("refs/tags/");
        if name == branch {
            found.branch = Some(*id);
        } else if name.starts_with("refs/tags/") {
            found.tags.insert(name.to_owned(), *id);
        }
    }
    found
}

/// Checks that the refs moved: a refspec that matches nothing fetches nothing and says nothing.
fn verify(into: &gix::Repository, branch: &str, found: &Advertised, attempt: &str) -> Result<(), Fault> {
    let expected = found.tags.iter().map(|(name, id)| (name.as_str(), *id));
    for (name, id) in expected.chain(found.branch.map(|id| (branch, id))) {
        let moved = into.try_find_reference(name).map_err(in_local(attempt))?;
        let is = moved.and_then(|moved| moved.try_id().map(gix::Id::detach));
        if is != Some(id) {
            let message = format!("{attempt}: {} did not move to {id}", super::tree::readable(name.into()));
            return Err(fault(Owner::Outside, true, message, "it is fetched again at the next poll"));
        }
        if !into.has_object(id) {
            let message = format!("{attempt}: the remote did not send {id}");
            return Err(fault(Owner::Outside, true, message, "run `git fsck` on the remote"));
        }
    }
    Ok(())
}

/// What a server says, in lower case; who has to act, and what to do.
const SAYINGS: &[(&str, Owner, bool, &str)] = &[
    (
        "host key verification failed",
        Owner::Operator,
        false,
        "put the host's key into the known_hosts file of the settings",
    ),
    ("permission denied", Owner::Operator, false, "check the key: its file, its rights, and that the server knows it"),
    ("no such identity", Owner::Operator, false, "check the key's file"),
    ("invalid format", Owner::Operator, false, "check the key's file"),
    ("unprotected private key", Owner::Operator, false, "make the key's file readable by its owner only"),
    ("dubious ownership", Owner::Operator, false, "add the folder to git's `safe.directory`"),
    ("does not appear to be a git repository", Owner::Operator, false, "check the address"),
    ("repository not found", Owner::Operator, false, "check the address, and that the credentials may read it"),
    ("could not resolve", Owner::Outside, true, "check the address and the name server"),
    ("connection refused", Owner::Outside, true, "check that the server runs"),
];

/// Returns the fault of a conversation that went wrong.
pub(crate) fn remote_fault(address: &Address, attempt: &str, error: &gix::Error, guard: &mut Guard) -> Fault {
    let limits = &address.limits;
    let said = guard.said();
    match guard.why_ended() {
        Some(Ended::TooLate) => {
            let message = format!("{attempt}: it took longer than {} s", limits.deadline.as_secs_f32());
            return fault(Owner::Outside, true, message, "check the line, or raise the deadline in the settings");
        }
        Some(Ended::TooMuch) => {
            let message = format!("{attempt}: it sends more than {} bytes", limits.pack_bytes_max);
            return fault(Owner::Author, false, message, "keep large files out of the repository, or raise the limit");
        }
        None => {}
    }
    let said: String = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    let why = chain(error);
    let text = if said.is_empty() { why } else { format!("{why}: the remote says: {said}") };
    let text = without_secret(address, &text.chars().filter(|c| !c.is_control()).take(1000).collect::<String>());
    let message = format!("{attempt}: {text}");
    let lower = text.to_lowercase();
    let class = error.classify();
    if class.is_resource_exhausted() {
        let message = format!("{attempt}: an object is larger than {} bytes", limits.object_bytes_max);
        return fault(Owner::Author, false, message, "take the file out of the history, or raise the limit");
    }
    if error.classify().is_unauthenticated() || error.classify().is_permission_denied() || lower.contains("credentials")
    {
        return fault(Owner::Operator, false, message, "check the repository's credentials in the settings");
    }
    let known = SAYINGS.iter().find(|(saying, ..)| lower.contains(saying));
    match known {
        Some((_, owner, spurious, hint)) => fault(*owner, *spurious, message, hint),
        None => fault(Owner::Outside, true, message, "it is tried again at the next poll"),
    }
}

/// Returns the text without our credential, should a server have sent it back.
pub(crate) fn without_secret(address: &Address, text: &str) -> String {
    use super::address::Credentials;
    use secrecy::ExposeSecret;
    match &address.credentials {
        Credentials::Token(secret) | Credentials::Basic { password: secret, .. }
            if !secret.expose_secret().is_empty() =>
        {
            text.replace(secret.expose_secret(), "<redacted>")
        }
        _ => text.to_owned(),
    }
}
