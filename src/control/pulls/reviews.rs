//! In: what was told of pull requests, the reviews that their forge has. Out: who approves which of the changes that were shown.
//! Guarantee: a review is of what was shown by then; where that is planned otherwise since, it needs another one, also where
//! the forge did not answer between.
use super::{Look, Pulled, Told};
use crate::client::forge::Pull;
use crate::decide::value::Fault;
use crate::observe::forge::reviews::reviews;
use std::collections::{BTreeMap, BTreeSet};

/// How many open ones that are approved are asked for again at each look, since a review may be taken back: of more, those
/// alone that are planned anew, so that the forge's budget has room for the others.
const RECHECKED_MAX: usize = 20;

impl Look {
    /// Takes the reviews of what was shown up to now, before any is planned anew: of those that are merged by now too, since
    /// the review may have come a moment before the merge. Returns those that the forge did not tell of.
    pub(super) async fn reviews_of_before(
        &self,
        told: &mut BTreeMap<u64, Told>,
        listed: &[Pull],
        faults: &mut Vec<Fault>,
        tell: &mut impl FnMut(Pulled),
    ) -> BTreeSet<u64> {
        let open: BTreeMap<u64, &Pull> = listed.iter().map(|pull| (pull.number, pull)).collect();
        let is_open = |number: &u64| open.contains_key(number);
        let approved = told.iter().filter(|(number, told)| is_open(number) && told.is_waiting() && told.is_approved());
        let is_few = approved.count() <= RECHECKED_MAX;
        let is_due = |number: &u64, told: &Told| match open.get(number) {
            None => !told.is_approved(),
            Some(pull) => {
                pull.head == told.head.to_string() && (is_few || !told.is_approved() || told.base != self.base)
            }
        };
        let due: BTreeSet<u64> = told.iter().filter(|(number, told)| is_due(number, told)).map(|(it, _)| *it).collect();
        self.reviews(told, due, faults, tell).await
    }

    /// Takes the reviews of these, where something waits for some; returns those that the forge did not tell of.
    pub(super) async fn reviews(
        &self,
        told: &mut BTreeMap<u64, Told>,
        of: BTreeSet<u64>,
        faults: &mut Vec<Fault>,
        tell: &mut impl FnMut(Pulled),
    ) -> BTreeSet<u64> {
        let mut untold = BTreeSet::new();
        if self.approvers.are_none() {
            return untold;
        }
        for number in of {
            let Some(told) = told.get_mut(&number).filter(|told| told.is_waiting()) else { continue };
            match reviews(&self.server, number, &told.head.to_string(), &told.author, &self.approvers).await {
                Ok(reviews) => {
                    let before = (told.is_unread, told.refused.clone());
                    let is_new = !told.take(number, &reviews).is_empty();
                    if is_new || before != (told.is_unread, told.refused.clone()) {
                        tell(Pulled::Reviewed(number, told.head, reviews));
                    }
                }
                Err(error) => {
                    untold.insert(number);
                    faults.push(error.into());
                }
            }
        }
        untold
    }
}
