//! In: a commit, and the commits that the other side has. Out: the objects that it lacks, as a pack or in its folder.
//! Guarantee: an object is written after it was read whole; what is there already is not written again.
use super::consolidate::write_entries;
use super::error::in_local;
use crate::decide::value::Fault;
use gix::ObjectId;
use gix::objs::Write;
use gix::parallel::InOrderIter;
use gix::progress::Discard;
use gix_pack::data::output::Count;
use gix_pack::data::output::count::objects::ObjectExpansion;
use gix_pack::data::output::count::objects_unthreaded;
use gix_pack::data::output::entry::iter_from_counts;
use std::sync::atomic::AtomicBool;

/// Returns the objects of `tip` and its past, without those that come with `there`.
fn lacking(
    repository: &gix::Repository,
    tip: ObjectId,
    there: &[ObjectId],
    attempt: &str,
) -> Result<Vec<Count>, Fault> {
    let walk = repository.rev_walk([tip]).with_hidden(there.iter().copied());
    let commits = walk.all().map_err(in_local(attempt))?;
    let mut commits = commits.map(|commit| commit.map(|commit| commit.id));
    let never = AtomicBool::new(false);
    let expansion = ObjectExpansion::TreeAdditionsComparedToAncestor;
    let objects = repository.objects.store().to_cache_arc();
    let counted = objects_unthreaded(&objects, &mut commits, &Discard, &never, expansion);
    Ok(counted.map_err(in_local(attempt))?.0)
}

/// Returns a pack of what the other side lacks. It stands in memory: what Stratify writes is small.
pub(crate) fn pack(
    repository: &gix::Repository,
    tip: ObjectId,
    there: &[ObjectId],
    attempt: &str,
) -> Result<Vec<u8>, Fault> {
    let counts = lacking(repository, tip, there, attempt)?;
    let mut objects = repository.objects.store().to_cache_arc();
    // A pack is known by its place among those that are open, so none of them may be closed in between.
    objects.prevent_pack_unload();
    let count = counts.len();
    let options = iter_from_counts::Options { thread_limit: Some(1), ..iter_from_counts::Options::default() };
    let entries = iter_from_counts(counts, objects, Box::new(Discard), options).map_err(in_local(attempt))?;
    let mut pack = Vec::new();
    write_entries(InOrderIter::from(entries), count, &mut pack, attempt)?;
    Ok(pack)
}

/// Writes what another repository of this machine lacks into it.
pub(crate) fn copy(
    from: &gix::Repository,
    to: &gix::Repository,
    tip: ObjectId,
    there: &[ObjectId],
    attempt: &str,
) -> Result<(), Fault> {
    // From the last one on: a commit comes after the trees and blobs that it needs.
    for count in lacking(from, tip, there, attempt)?.iter().rev() {
        if to.has_object(count.id) {
            continue;
        }
        let object = from.find_object(count.id).map_err(in_local(attempt))?;
        to.objects.write_buf(object.kind, &object.data).map_err(in_local(attempt))?;
    }
    Ok(())
}
