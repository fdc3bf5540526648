//! In: which forge it is. Out: what it can do and how much it takes, as data.
//! Guarantee: every number bears its source.
use crate::settings::ForgeKind;

/// What a forge can do and how much it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
                ..COMMON
            },
            // Description and link change only together with a transition (gitlab-foss#25807).
            ForgeKind::GitLab => Self { rewords_pending: false, comment_chars_max: 1_000_000, ..COMMON },
            // The key of a status; a longer one is refused. Comments: 32 KiB.
            ForgeKind::BitbucketCloud => {
                Self { context_chars_max: 40, writes_a_minute: 60, comment_chars_max: 32_000, ..COMMON }
            }
            ForgeKind::BitbucketDataCenter => Self { comment_chars_max: 32_000, ..COMMON },
            ForgeKind::Gitea => COMMON,
            ForgeKind::AzureDevOps => Self { comment_chars_max: 150_000, ..COMMON },
        }
    }
}
