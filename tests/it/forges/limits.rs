//! In: more statuses than a forge takes at once. Out: no request beyond the budget of the token.
//! Guarantee: the enforcing stand-in counts; none of its limits is met.
use super::client::Client;
use super::github::GitHub;
use stratify::client::forge::{Meaning, Stand, Trouble};

#[test]
fn a_burst_stays_within_the_budget_of_the_token() {
    let github = GitHub::start();
    let client = Client::github(&github.http.url());
    let posted = (0..100).map(|at| client.post(Stand::Pending, &format!("stratify/{at}"), "syncing"));
    let refused: Vec<_> = posted.filter_map(Result::err).collect();
    assert!(!refused.is_empty(), "a hundred in a row are more than it may");
    for error in &refused {
        assert!(matches!((&error.trouble, error.meaning), (Trouble::Spent, Meaning::Limited(_))), "{error}");
    }
    assert_eq!(github.http.seen().len() + refused.len(), 100, "what is beyond it was never sent");
}
