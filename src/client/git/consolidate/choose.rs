//! In: packs with their indexes, ids of loose objects. Out: each object once, in the form in which it is written.
//! Guarantee: what an object is a delta of stands before it; no row of deltas is longer than the limit.
//!
//! Why: a fetch sends new trees as deltas of old ones, and each pack gets a whole copy of what its deltas begin with. Of
//! the tree of ten thousand clusters that is most of the pack; taken as the delta that it is elsewhere, it is some bytes.
use crate::client::git::error::{in_folder, in_local};
use crate::decide::value::Fault;
use gix::ObjectId;
use gix_pack::data::entry::Header;
use std::path::{Path, PathBuf};

/// The longest row of deltas: Git's own limit, beyond which reading costs more than the bytes are worth.
const DEPTH_MAX: u32 = 50;

/// A pack with its index.
pub(super) struct Source {
    index: gix_pack::index::File,
    pub(super) data: gix_pack::data::File,
}

impl Source {
    pub(super) fn open(pack: &Path, attempt: &str) -> Result<Self, Fault> {
        let hash = gix::hash::Kind::Sha1;
        let index = gix_pack::index::File::at(pack.with_extension("idx"), hash).map_err(in_local(attempt))?;
        let data = gix_pack::data::File::at(pack, hash).map_err(in_local(attempt))?;
        Ok(Self { index, data })
    }
}

/// Where an object is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) source: usize,
    pub(super) start: u64,
    pub(super) end: u64,
}

/// An object to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) id: ObjectId,
    pub(super) form: Form,
}

/// How an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is packed.
    Whole(Place),
    /// As it is packed, upon the object that was written as this one, counted from zero.
    Delta(Place, usize),
    /// Unpacked and packed anew.
    Anew,
}

/// An object, and how it is at hand.
struct Node {
    id: ObjectId,
    whole: Option<Place>,
    delta: Option<(Place, ObjectId)>,
}

/// Opens packs.
pub(super) fn open(packs: &[PathBuf], attempt: &str) -> Result<Vec<Source>, Fault> {
    packs.iter().map(|pack| Source::open(pack, attempt)).collect()
}

/// Chooses how each object is written, in the order of writing.
pub(super) fn choose(sources: &[Source], loose: &[ObjectId], attempt: &str) -> Result<Vec<Chosen>, Fault> {
    let mut found: Vec<Node> = loose.iter().map(|id| Node { id: *id, whole: None, delta: None }).collect();
    let mut order: Vec<ObjectId> = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        for node in nodes(at, source, attempt)? {
            order.push(node.id);
            found.push(node);
        }
    }
    order.extend(loose);
    Ok(ordered(&order, &merged(found)))
}

/// Returns the objects of a pack, in the order in which they stand.
fn nodes(at: usize, source: &Source, attempt: &str) -> Result<Vec<Node>, Fault> {
    let mut entries: Vec<(u64, ObjectId)> = source.index.iter().map(|entry| (entry.pack_offset, entry.oid)).collect();
    entries.sort_unstable();
    let ends = entries.iter().skip(1).map(|(start, _)| *start).chain(std::iter::once(source.data.pack_end() as u64));
    let node = |((start, id), end): (&(u64, ObjectId), u64)| {
        let place = Place { source: at, start: *start, end };
        let header = source.data.entry(*start).map_err(in_local(attempt))?;
        let base = match header.header {
            Header::OfsDelta { base_distance } => {
                let base = header.checked_base_pack_offset(base_distance);
                let found = base.and_then(|base| entries.binary_search_by_key(&base, |(start, _)| *start).ok());
                let damaged = || in_folder(attempt)(std::io::Error::other("a delta of nothing"));
                Some(found.and_then(|found| entries.get(found)).map(|(_, id)| *id).ok_or_else(damaged)?)
            }
            Header::RefDelta { base_id } => Some(base_id),
            _ => None,
        };
        Ok(match base {
            Some(base) => Node { id: *id, whole: None, delta: Some((place, base)) },
            None => Node { id: *id, whole: Some(place), delta: None },
        })
    };
    entries.iter().zip(ends).map(node).collect()
}

/// Puts all forms of one object together, in the order of the ids.
fn merged(mut found: Vec<Node>) -> Vec<Node> {
    found.sort_by_key(|node| node.id);
    found.dedup_by(|next, node| {
        let is_same = next.id == node.id;
        if is_same {
            node.whole = node.whole.or(next.whole);
            node.delta = node.delta.or(next.delta);
        }
        is_same
    });
    found
}

/// Puts objects in order, each after the one that it is a delta of.
fn ordered(order: &[ObjectId], nodes: &[Node]) -> Vec<Chosen> {
    let find = |id: &ObjectId| nodes.binary_search_by_key(id, |node| node.id).ok();
    // The place in what was chosen, and the length of the row of deltas up to there.
    let mut written: Vec<Option<(usize, u32)>> = vec![None; nodes.len()];
    let mut chosen: Vec<Chosen> = Vec::with_capacity(nodes.len());
    for id in order {
        let mut row: Vec<usize> = Vec::new();
        let mut next = find(id);
        while let Some(at) = next.filter(|at| written.get(*at).is_some_and(Option::is_none)) {
            // A circle over two packs: it begins here, and this one is written whole.
            if row.contains(&at) {
                break;
            }
            row.push(at);
            next = nodes.get(at).and_then(|node| find(&node.delta?.1));
        }
        for at in row.into_iter().rev() {
            let (Some(node), Some(is_written)) = (nodes.get(at), written.get(at)) else { continue };
            if is_written.is_some() {
                continue;
            }
            let base = node.delta.and_then(|(place, base)| {
                Some((place, find(&base).and_then(|base| written.get(base).copied().flatten())?))
            });
            let (form, depth) = match base {
                Some((place, (base, depth))) if depth < DEPTH_MAX => (Form::Delta(place, base), depth + 1),
                _ => (node.whole.map_or(Form::Anew, Form::Whole), 0),
            };
            if let Some(slot) = written.get_mut(at) {
                *slot = Some((chosen.len(), depth));
            }
            chosen.push(Chosen { id: node.id, form });
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> ObjectId {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        ObjectId::Sha1(bytes)
    }

    fn place(source: usize, start: u64) -> Place {
        Place { source, start, end: start + 1 }
    }

    fn forms(nodes: Vec<Node>) -> Vec<(u32, &'static str)> {
        let order: Vec<ObjectId> = nodes.iter().map(|node| node.id).collect();
        let chosen = ordered(&order, &merged(nodes));
        for (at, chosen) in chosen.iter().enumerate() {
            assert!(!matches!(chosen.form, Form::Delta(_, base) if base >= at), "a base stands before its delta");
        }
        let number = |id: ObjectId| u32::from_be_bytes(id.as_bytes()[..4].try_into().expect("four bytes"));
        let form = |chosen: &Chosen| match chosen.form {
            Form::Whole(_) => "whole",
            Form::Delta(..) => "delta",
            Form::Anew => "anew",
        };
        chosen.iter().map(|chosen| (number(chosen.id), form(chosen))).collect()
    }

    #[test]
    fn a_copy_for_deltas_is_the_delta_that_it_is_elsewhere() {
        let whole = |number, source| Node { id: id(number), whole: Some(place(source, 0)), delta: None };
        let delta =
            |number, base, source| Node { id: id(number), whole: None, delta: Some((place(source, 1), id(base))) };
        let packs = vec![whole(1, 0), delta(2, 1, 0), whole(2, 1), delta(3, 2, 1), whole(3, 2), delta(4, 3, 2)];
        assert_eq!(forms(packs), [(1, "whole"), (2, "delta"), (3, "delta"), (4, "delta")]);
    }

    #[test]
    fn a_long_row_and_a_circle_are_broken() {
        let delta = |number, base| Node { id: id(number), whole: None, delta: Some((place(0, 1), id(base))) };
        let mut row = vec![Node { id: id(0), whole: Some(place(0, 0)), delta: None }];
        row.extend((1..=120).map(|number| delta(number, number - 1)));
        row.reverse();
        let forms_of_row = forms(row);
        let anew: Vec<u32> = forms_of_row.iter().filter(|(_, form)| *form == "anew").map(|(id, _)| *id).collect();
        assert_eq!((forms_of_row.len(), anew), (121, vec![51, 102]), "each is written once, and rows are short");
        assert_eq!(forms(vec![delta(1, 2), delta(2, 1)]).len(), 2, "a circle ends");
        assert_eq!(forms(vec![delta(1, 9)]), [(1, "anew")], "what is a delta of something elsewhere");
    }
}
