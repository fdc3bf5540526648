//! In: the users' reference, and what is known of each forge. Out: that the first says what the second does.
//! Guarantee: no row of the table in which forges differ is worded by hand alone.
use std::fs;
use stratify::client::forge::{Capabilities, Reviews};
use stratify::settings::ForgeKind;

/// As the columns stand.
const KINDS: [ForgeKind; 6] = [
    ForgeKind::GitHub,
    ForgeKind::GitLab,
    ForgeKind::Gitea,
    ForgeKind::BitbucketCloud,
    ForgeKind::BitbucketDataCenter,
    ForgeKind::AzureDevOps,
];

#[test]
fn the_reference_says_what_each_forge_can_do() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/example-repo/README.md")).expect("it is there");
    let yes = |is: bool| if is { "yes".to_owned() } else { "no".to_owned() };
    let reviews = |reviews: Reviews| match reviews {
        Reviews::OfCommit => "its commit".to_owned(),
        Reviews::ByTime => "the head by then".to_owned(),
    };
    let rows: [(&str, &dyn Fn(Capabilities) -> String); 8] = [
        ("those of forks planned", &|it| yes(it.has_forks)),
        ("a review is of", &|it| reviews(it.reviews)),
        ("teams approve", &|it| yes(it.has_teams)),
        ("merge queue planned", &|it| yes(it.has_queue)),
        ("`forge check` sees whether a webhook has a secret", &|it| yes(it.tells_secrets)),
        ("`forge check` sees that its deliveries fail", &|it| yes(it.tells_failures)),
        ("longest name of a status", &|it| it.context_chars_max.to_string()),
        ("longest comment", &|it| it.comment_chars_max.to_string()),
    ];
    for (name, cell) in rows {
        let cells = KINDS.map(|kind| cell(Capabilities::of(kind)));
        let row = format!("| {name} | {} |", cells.join(" | "));
        assert!(text.contains(&row), "the reference has the row {row}");
    }
}
