//! In: which forge it is. Out: what it can do and how much it takes, as data.
//! Guarantee: every number bears its source.
use crate::settings::ForgeKind;

/// What a forge can do and how much it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one row of a table")]
pub struct Capabilities {
    /// The longest name of a status, in characters.
    pub context_chars_max: usize,
    /// The longest text of a status, in characters.
    pub text_chars_max: usize,
    /// Whether a status that is pending can be worded anew.
    pub rewords_pending: bool,
    /// How many requests that write it may get in a minute.
    pub writes_a_minute: u32,
    /// How many comments it may get, where that is bounded apart.
    pub comments: Option<Comments>,
    /// How many statuses one commit may have under one name, where that is bounded.
    pub statuses_a_context: Option<u32>,
    /// The longest comment, in characters.
    pub comment_chars_max: usize,
    /// Whether its comments may fold what is long, and hold what is not shown, as HTML does.
    pub shows_html: bool,
    /// Whether pull requests from forks can be fetched from the repository itself.
    pub has_forks: bool,
    /// How reviews of pull requests say what they are of.
    pub reviews: Reviews,
    /// Whether it says who is in a team.
    pub has_teams: bool,
    /// Whether it has a merge queue whose heads it lists.
    pub has_queue: bool,
    /// Whether it tells whether a webhook has a secret.
    pub tells_secrets: bool,
    /// Whether it tells that deliveries of a webhook fail.
    pub tells_failures: bool,
}

/// How a forge says what a review is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reviews {
    /// It bears its commit.
    OfCommit,
    /// Its time says which head was there.
    ByTime,
}

/// How many comments a forge takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comments {
    /// In a minute, after the first ones.
    pub a_minute: u32,
    /// In a minute on the long run, after an hour's first ones.
    pub on_the_long_run: u32,
    /// The first ones of an hour.
    pub an_hour: u32,
}

/// What most of them have in common.
const COMMON: Capabilities = Capabilities {
    context_chars_max: 255,
    text_chars_max: 140, // what our own texts have at most
    rewords_pending: true,
    writes_a_minute: 300, // below what any of them was seen to refuse; their operators may set less, and say so by 429
    comments: None,
    statuses_a_context: None,
    comment_chars_max: 65_000,
    shows_html: true,
    has_forks: true,
    reviews: Reviews::OfCommit,
    has_teams: true,
    has_queue: false,
    tells_secrets: false,
    tells_failures: false,
};

/// What both of Atlassian's have in common.
const BITBUCKET: Capabilities = Capabilities {
    comment_chars_max: 32_000, // 32 KiB
    shows_html: false,         // it shows the tags
    has_teams: false,
    ..COMMON
};

impl Capabilities {
    /// Returns those of a kind.
    pub fn of(kind: ForgeKind) -> Self {
        match kind {
            ForgeKind::GitHub => Self {
                // 900 points a minute, of which a write takes 5 and a read 1: the first minute has 30 more, which makes 750,
                // and leaves 150 reads.
                writes_a_minute: 120,
                // 80 contents in a minute, of which the first has 30 more; 500 in an hour: 200 and then 240.
                comments: Some(Comments { a_minute: 50, on_the_long_run: 4, an_hour: 200 }),
                statuses_a_context: Some(1_000), // then 422, "has reached the maximum number of statuses"
                comment_chars_max: 65_536,       // the body of a comment
                has_queue: true,
                tells_secrets: true,
                tells_failures: true,
                ..COMMON
            },
            // Description and link change only together with a transition (gitlab-foss#25807).
            ForgeKind::GitLab => Self {
                rewords_pending: false,
                comment_chars_max: 1_000_000,
                reviews: Reviews::ByTime,
                tells_failures: true,
                ..COMMON
            },
            ForgeKind::BitbucketCloud => Self {
                context_chars_max: 40, // the key of a status; a longer one is refused
                writes_a_minute: 60,
                has_forks: false, // it has no refs of pull requests (BCLOUD-5814)
                reviews: Reviews::ByTime,
                tells_secrets: true,
                ..BITBUCKET
            },
            ForgeKind::BitbucketDataCenter => BITBUCKET,
            ForgeKind::Gitea => COMMON,
            ForgeKind::AzureDevOps => Self {
                comment_chars_max: 150_000,
                reviews: Reviews::ByTime,
                has_teams: false,
                tells_secrets: true,
                tells_failures: true,
                ..COMMON
            },
        }
    }
}
