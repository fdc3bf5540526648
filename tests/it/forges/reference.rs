//! In: the users' reference, and what is known of each forge. Out: that the first says what the second does.
//! Guarantee: no row of the table in which forges differ is worded by hand alone.
use std::fs;
use stratify::client::forge::{Capabilities, Forge, Reviews};
use stratify::settings::{self, ForgeKind, TokenAt};

/// As the columns stand.
const KINDS: [ForgeKind; 6] = [
    ForgeKind::GitHub,
    ForgeKind::GitLab,
    ForgeKind::Gitea,
    ForgeKind::BitbucketCloud,
    ForgeKind::BitbucketDataCenter,
    ForgeKind::AzureDevOps,
];

/// Whether the statuses of a commit are read back.
fn reads_back(kind: ForgeKind) -> bool {
    let settings = settings::Forge {
        kind,
        url: "https://forge.acme.example".to_owned(),
        repository: "acme/ops/fleet".to_owned(),
        token: TokenAt::Variable("TOKEN".to_owned()),
        user: None,
        authority: None,
        webhook_secret: None,
        approvers: Vec::new(),
        approver_teams: Vec::new(),
        writes_a_minute: None,
    };
    Forge::new(&settings).statuses("1c7aa060").is_some()
}

#[test]
fn the_reference_says_what_each_forge_can_do() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/example-repo/README.md")).expect("it is there");
    let yes = |is: bool| if is { "yes".to_owned() } else { "no".to_owned() };
    let reviews = |reviews: Reviews| match reviews {
        Reviews::OfCommit => "its commit".to_owned(),
        Reviews::ByTime => "the head by then".to_owned(),
        Reviews::Never => "nothing".to_owned(),
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
    let mut all: Vec<(&str, [String; 6])> =
        rows.map(|(name, cell)| (name, KINDS.map(|kind| cell(Capabilities::of(kind))))).to_vec();
    all.push(("`statuses` reads them back", KINDS.map(|kind| yes(reads_back(kind)))));
    for (name, cells) in all {
        let row = format!("| {name} | {} |", cells.join(" | "));
        assert!(text.contains(&row), "the reference has the row {row}");
    }
}
