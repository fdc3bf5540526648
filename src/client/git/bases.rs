//! In: objects as they were unpacked. Out: the same again, while they are among the recent ones.
//! Guarantee: bounded; lives with one reader of one state of the packs, so that a place in a pack stays what it was.
//!
//! Why: a packed blob is up to fifty deltas away from a whole one, and walking there took ten times as long as all else.
use gix::objs::Kind;
use gix_pack::cache::DecodeEntry;
use std::collections::HashMap;
use std::mem;

/// The most bytes of one reader, which stand twice at most: two readers stay far below a plan's memory.
const BYTES_MAX: usize = 16 << 20;

/// What keeping one object costs beside its bytes.
const ENTRY_BYTES: usize = 96;

/// Recently unpacked objects, by their place in the packs; the older half goes as a whole.
#[derive(Default)]
pub(super) struct Bases {
    young: HashMap<(u32, u64), Base>,
    old: HashMap<(u32, u64), Base>,
    young_bytes: usize,
}

struct Base {
    kind: Kind,
    packed_bytes: usize,
    data: Box<[u8]>,
}

impl Bases {
    fn keep(&mut self, place: (u32, u64), base: Base) {
        let bytes = base.data.len() + ENTRY_BYTES;
        if bytes > BYTES_MAX / 16 {
            return;
        }
        if self.young_bytes + bytes > BYTES_MAX / 2 {
            self.old = mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += bytes;
        self.young.insert(place, base);
    }
}

impl DecodeEntry for Bases {
    fn put(&mut self, pack: u32, offset: u64, data: &[u8], kind: Kind, packed_bytes: usize) {
        self.keep((pack, offset), Base { kind, packed_bytes, data: data.into() });
    }

    fn get(&mut self, pack: u32, offset: u64, out: &mut Vec<u8>) -> Option<(Kind, usize)> {
        let place = (pack, offset);
        if let Some(base) = self.old.remove(&place) {
            self.keep(place, base);
        }
        let base = self.young.get(&place)?;
        out.clear();
        out.extend_from_slice(&base.data);
        Some((base.kind, base.packed_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_what_is_used_stays() {
        let mut bases = Bases::default();
        let data = vec![7; 64 << 10];
        for offset in 0..1000 {
            bases.put(1, offset, &data, Kind::Blob, 9);
            assert_eq!(bases.get(1, 0, &mut Vec::new()), Some((Kind::Blob, 9)), "what is used stays");
            let bytes: usize = bases.young.values().chain(bases.old.values()).map(|base| base.data.len()).sum();
            assert!(bytes <= BYTES_MAX, "it is bounded");
        }
        assert_eq!(bases.get(1, 1, &mut Vec::new()), None, "what is not used goes");
    }
}
