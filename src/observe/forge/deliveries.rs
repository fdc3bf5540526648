//! In: a forge that sends each delivery once. Out: those that were not taken, and are to be asked for again.
//! Guarantee: only of the webhook that sends to us; one that fails again and again is given up.
use crate::client::forge::{Delivered, ForgeError, Server};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// How often a delivery is tried: what it would tell is seen by polling anyway.
const ATTEMPTS_MAX: usize = 3;

/// How many are asked for at once: one look serves all of them.
const AT_ONCE_MAX: usize = 10;

/// Returns the deliveries that were not taken by who listens at an address that ends so: each with its webhook.
pub async fn failed(server: &Server, ends_with: &str) -> Result<Vec<(String, u64)>, ForgeError> {
    let forge = server.forge();
    if !forge.repeats_on_request() {
        return Ok(Vec::new());
    }
    let hooks = forge.read_hooks(&server.send(&forge.hooks()).await?.body, &Json::Null);
    let mut found = Vec::new();
    for hook in hooks.iter().filter(|hook| hook.url.trim_end_matches('/').ends_with(ends_with)) {
        let delivered = forge.read_deliveries(&server.send(&forge.deliveries(&hook.id)).await?.body);
        found.extend(again(&delivered).into_iter().map(|attempt| (hook.id.clone(), attempt)));
    }
    Ok(found)
}

/// Returns the newest attempt at each delivery that was never taken; the newest come first.
fn again(delivered: &[Delivered]) -> Vec<u64> {
    let taken: BTreeSet<&str> = delivered.iter().filter(|one| one.is_taken).map(|one| one.delivery.as_str()).collect();
    let mut attempts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in delivered {
        *attempts.entry(&one.delivery).or_default() += 1;
    }
    let mut found: BTreeMap<&str, u64> = BTreeMap::new();
    for one in delivered {
        let delivery = one.delivery.as_str();
        let is_tried = attempts.get(delivery).is_none_or(|of_it| *of_it < ATTEMPTS_MAX);
        if !taken.contains(delivery) && is_tried {
            found.entry(delivery).or_insert(one.id);
        }
    }
    found.into_values().take(AT_ONCE_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_taken_is_asked_for_again_and_not_for_ever() {
        let one = |id, delivery: &str, is_taken| Delivered { id, delivery: delivery.to_owned(), is_taken };
        let all = [
            one(9, "late", true),
            one(8, "gone", false),
            one(7, "late", false),
            one(6, "gone", false),
            one(5, "never", false),
            one(4, "never", false),
            one(3, "never", false),
            one(2, "fine", true),
        ];
        assert_eq!(again(&all), [8], "the newest attempt at the one that may still come");
        let many: Vec<Delivered> = (0..30).map(|id| one(id, &id.to_string(), false)).collect();
        assert_eq!(again(&many).len(), AT_ONCE_MAX, "no more at once");
    }
}
