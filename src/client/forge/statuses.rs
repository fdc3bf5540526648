//! In: the status of a commit, as any forge knows it. Out: nothing by itself; each kind words it as it is there.
//! Guarantee: a name that is cut stays apart from others that begin alike.
use super::capabilities::Capabilities;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// What is said of a commit under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitStatus<'a> {
    /// The commit, in 40 digits.
    pub commit: &'a str,
    /// Under which name.
    pub context: &'a str,
    /// How it stands.
    pub stand: Stand,
    /// In a line.
    pub text: &'a str,
    /// Where there is more to read.
    pub link: Option<&'a str>,
    /// The branch or the pull request's ref that the commit is on.
    pub branch: &'a str,
    /// What there is to read after the text, where the forge has a place for it.
    pub detail: Option<&'a str>,
    /// What is to be read at lines of files, where the forge shows it there.
    pub annotations: &'a [Annotation<'a>],
}

/// What is to be read at a line of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Annotation<'a> {
    /// The file, in the repository.
    pub path: &'a str,
    /// The line, from one.
    pub line: u32,
    /// What is wrong there.
    pub text: &'a str,
}

/// How a commit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// It is not over.
    Pending,
    /// All was seen as it is wanted.
    Success,
    /// What is wanted is wrong.
    Failure,
    /// Nobody could find out.
    Error,
    /// A newer commit came first, and nobody will find out.
    Overtaken,
}

/// How many digits keep names apart that are cut alike.
const DIGITS: usize = 12;

/// Returns a name as a forge takes it: where it is too long, its beginning, a hyphen and twelve digits of its digest.
pub(super) fn name(context: &str, capabilities: &Capabilities) -> String {
    let most = capabilities.context_chars_max;
    if context.chars().count() <= most {
        return context.to_owned();
    }
    let mut cut: String = context.chars().take(most - DIGITS - 1).collect();
    cut.push('-');
    for byte in Sha256::digest(context.as_bytes()).iter().take(DIGITS / 2) {
        let _ = write!(cut, "{byte:02x}");
    }
    cut
}

/// Returns a text as a forge takes it: where it is too long, cut between words.
pub(super) fn text(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let cut: String = text.chars().take(chars_max - 1).collect();
    let at_word = cut.rfind(' ').filter(|at| *at > cut.len() / 2);
    format!("{}…", cut[..at_word.unwrap_or(cut.len())].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::ForgeKind;

    #[test]
    fn a_name_is_cut_and_stays_its_own() {
        let of = |context: &str| name(context, &Capabilities::of(ForgeKind::BitbucketCloud));
        assert_eq!(of("stratify/prod"), "stratify/prod", "a short one stays");
        let (one, two) = (of(&format!("stratify/{}1", "ü".repeat(60))), of(&format!("stratify/{}2", "ü".repeat(60))));
        assert_eq!((one.chars().count(), two.chars().count()), (40, 40), "the key's limit");
        assert_ne!(one, two, "they begin alike");
    }

    #[test]
    fn a_text_is_cut_between_words() {
        assert_eq!(text("all of it", 20), "all of it");
        assert_eq!(text("37 of 40 clusters synced", 15), "37 of 40…");
        assert_eq!(text(&"ü".repeat(30), 10).chars().count(), 10, "without words, between characters");
    }
}
