//! In: the request that comes. Out: what befalls it.
//! Guarantee: repeatable: a schedule is a function of the requests in their order, and of its seed.
use super::{Fault, Seen};

/// Says what befalls each request.
pub(crate) struct Schedule(Box<Machine>);

type Machine = dyn FnMut(&Seen) -> Option<Fault> + Send;

impl Schedule {
    /// Nothing befalls any.
    pub(crate) fn none() -> Self {
        Self(Box::new(|_| None))
    }

    /// One fault befalls the n-th request, counted from one among those that are as asked.
    pub(crate) fn nth(n: usize, is: impl Fn(&Seen) -> bool + Send + 'static, fault: Fault) -> Self {
        let mut count = 0;
        Self(Box::new(move |seen| {
            count += usize::from(is(seen));
            (count == n && is(seen)).then(|| fault.clone())
        }))
    }

    /// One fault befalls each request that is as asked.
    pub(crate) fn each(is: impl Fn(&Seen) -> bool + Send + 'static, fault: Fault) -> Self {
        Self(Box::new(move |seen| is(seen).then(|| fault.clone())))
    }

    /// One of the faults befalls about one request in so many, by chance that the seed fixes.
    pub(crate) fn seeded(seed: u64, one_in: u64, faults: Vec<Fault>) -> Self {
        let mut count = 0;
        Self(Box::new(move |_| {
            count += 1;
            let chance = mixed(seed ^ mixed(count));
            let which = usize::try_from(chance / one_in % faults.len() as u64).expect("it is an index");
            chance.is_multiple_of(one_in).then(|| faults[which].clone())
        }))
    }

    pub(super) fn next(&mut self, seen: &Seen) -> Option<Fault> {
        (self.0)(seen)
    }
}

/// `SplitMix64`'s finaliser: each bit of the input counts in each bit of the output.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
