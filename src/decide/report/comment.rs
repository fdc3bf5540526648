//! In: what a pull request would change in each cluster. Out: the text of the one comment that says so.
//! Guarantee: what the repository says stands in code only, whose fence is longer than any in it: no mention, link or HTML
//! of it has an effect; where it is too long, whole clusters are left out and counted.
use crate::decide::plan::Disruption;
use crate::decide::value::{counted, is_invisible};
use crate::name::{ChangeId, ClusterName, CommitId, EnvironmentName};
use std::fmt::Write as _;

/// By this line our comment is found again; it is not shown.
const MARK: &str = "<!-- stratify/plan -->";

/// The same where HTML is shown as it stands: a definition of a link that nothing links to.
const PLAIN_MARK: &str = "[//]: # (stratify/plan)";

/// How many digits of a commit, and of a change, people are shown.
const COMMIT_DIGITS: usize = 7;
const CHANGE_DIGITS: usize = 12;

/// How many clusters that change alike are named.
const NAMED_MAX: usize = 5;

/// How many clusters the table lists: more are in the groups below it, or only counted.
const ROWS_MAX: usize = 40;

/// Room for what is said of clusters that are left out.
const TAIL_CHARS: usize = 200;

/// What a pull request would change in one cluster.
#[derive(Clone, Debug)]
pub struct Reviewed {
    /// The cluster.
    pub cluster: ClusterName,
    /// Its environment.
    pub environment: EnvironmentName,
    /// What would change, or why that cannot be told.
    pub change: Result<Review, String>,
}

/// A change, as people review it.
#[derive(Clone, Debug)]
pub struct Review {
    /// Its id.
    pub id: ChangeId,
    /// How many layers change.
    pub layers: usize,
    /// How many objects go.
    pub deletions: usize,
    /// How much it disturbs what runs.
    pub disruption: Disruption,
    /// Why it would wait for approval.
    pub waits: Option<String>,
    /// The plan, in lines; the first one names the cluster.
    pub lines: Vec<String>,
}

/// What a comment is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The head of the pull request.
    pub head: CommitId,
    /// The head of the branch that it is merged into.
    pub base: CommitId,
    /// The branch.
    pub branch: &'a str,
    /// Whether it comes from a fork.
    pub is_fork: bool,
    /// What the forge shows.
    pub markup: Markup,
    /// What is to be said beside the plan, a sentence each.
    pub notes: &'a [String],
}

/// What a forge shows of a comment's markup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Markup {
    /// Markdown, with HTML in it.
    Html,
    /// Markdown alone: tags are shown as they stand.
    Plain,
}

/// Returns whether a comment bears our mark.
pub fn is_ours(text: &str) -> bool {
    text.starts_with(MARK) || text.starts_with(PLAIN_MARK)
}

/// A comment, and whether clusters are left out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Its text.
    pub text: String,
    /// Whether there is more to tell.
    pub is_cut: bool,
}

/// Returns the whole plan, for people who follow the link of a comment that has no room for it: plain text.
pub fn whole(about: &About<'_>, all: &[Reviewed]) -> String {
    let (head, base) = (about.head, about.base);
    let mut text = format!("plan of {head}, merged into {} at {base}\n", about.branch);
    for one in all {
        let _ = write!(text, "\n{} ({})\n", one.cluster, one.environment);
        match &one.change {
            Err(why) => text.push_str(why),
            Ok(review) if review.layers == 0 => text.push_str("nothing changes"),
            Ok(review) => text.push_str(&review.lines.join("\n")),
        }
        text.push('\n');
    }
    text
}

/// Returns the comment, of at most so many characters; `link` leads to the whole plan.
pub fn comment(about: &About<'_>, all: &[Reviewed], chars_max: usize, link: Option<&str>) -> Comment {
    let mut text = header(about, all);
    let tail = TAIL_CHARS + link.map_or(0, str::len);
    let groups = groups(all);
    let mut left = 0;
    for group in &groups {
        let part = part(group, about.markup);
        if left > 0 || text.chars().count() + part.chars().count() + tail > chars_max {
            left += group.names.len();
        } else {
            text.push_str(&part);
        }
    }
    if left > 0 {
        let whole = link.map_or_else(|| "`stratify plan`".to_owned(), |link| format!("[the whole plan]({link})"));
        let _ = write!(text, "\n{} more: see {whole}.\n", counted(left, "cluster"));
    }
    Comment { text, is_cut: left > 0 }
}

/// Returns the comment of a pull request that cannot be planned.
pub fn refusal(about: &About<'_>, why: &str) -> String {
    format!("{}\nIt cannot be planned:\n\n{}", title(about), fenced(why))
}

fn title(about: &About<'_>) -> String {
    let short = |commit: CommitId| commit.to_string().chars().take(COMMIT_DIGITS).collect::<String>();
    let branch: String = about.branch.chars().filter(|c| *c != '`' && !c.is_control() && !is_invisible(*c)).collect();
    let mark = match about.markup {
        Markup::Html => MARK.to_owned(),
        Markup::Plain => format!("{PLAIN_MARK}\n"),
    };
    format!("{mark}\n**Stratify** plans `{}`, merged into `{branch}` at `{}`.\n", short(about.head), short(about.base))
}

fn header(about: &About<'_>, all: &[Reviewed]) -> String {
    let mut text = title(about);
    let changed: Vec<(&Reviewed, &Review)> =
        all.iter().filter_map(|one| Some((one, one.change.as_ref().ok()?))).filter(|(_, it)| it.layers > 0).collect();
    let wrong = all.iter().filter(|one| one.change.is_err()).count();
    let sum = |of: fn(&Review) -> usize| changed.iter().map(|(_, review)| of(review)).sum::<usize>();
    let waiting = changed.iter().filter(|(_, review)| review.waits.is_some()).count();
    text.push('\n');
    if wrong > 0 {
        let _ = writeln!(text, "**{} cannot be brought to it.**", counted(wrong, "cluster"));
    }
    if changed.is_empty() && wrong == 0 {
        text.push_str("Nothing changes.\n");
    } else if !changed.is_empty() {
        let (layers, deletions) = (counted(sum(|it| it.layers), "layer"), counted(sum(|it| it.deletions), "object"));
        let _ = writeln!(text, "{layers} of {} to change, {deletions} to delete.", counted(changed.len(), "cluster"));
    }
    if waiting > 0 {
        let _ = writeln!(text, "{} would wait for approval.", counted(waiting, "cluster"));
    }
    for note in about.notes {
        let _ = writeln!(text, "\n{note}");
    }
    if about.is_fork {
        text.push_str(
            "\nIt comes from a fork, so the plan is partial: from Git alone, without a look at any cluster, and not to be approved here.\n",
        );
    }
    if !changed.is_empty() {
        text.push_str("\n| cluster | change | layers | deletions | disruption | |\n|---|---|---|---|---|---|\n");
        for (one, review) in changed.iter().take(ROWS_MAX) {
            let id: String = review.id.to_string().chars().take(CHANGE_DIGITS).collect();
            let waits = if review.waits.is_some() { "waits for approval" } else { "" };
            let class = crate::decide::plan::disruption_name(review.disruption);
            let (layers, deletions) = (review.layers, review.deletions);
            let _ = writeln!(
                text,
                "| {} ({}) | `{id}` | {layers} | {deletions} | {class} | {waits} |",
                one.cluster, one.environment
            );
        }
        let more = changed.len().saturating_sub(ROWS_MAX);
        if more > 0 {
            let _ = writeln!(text, "\nand {}.", counted(more, "more cluster"));
        }
    }
    text
}

/// Clusters that change alike.
struct Group<'a> {
    names: Vec<&'a ClusterName>,
    disruption: Disruption,
    body: String,
}

/// Returns what is to be said, the same once; what is wrong first, then what disturbs most.
fn groups(all: &[Reviewed]) -> Vec<Group<'_>> {
    let mut wrong: Vec<Group<'_>> = Vec::new();
    let mut right: Vec<Group<'_>> = Vec::new();
    for one in all {
        let (groups, disruption, body) = match &one.change {
            Err(why) => (&mut wrong, Disruption::None, why.clone()),
            Ok(review) if review.layers == 0 => continue,
            // The first line names the cluster and its change, which the table has.
            Ok(review) => (&mut right, review.disruption, review.lines.get(1..).unwrap_or_default().join("\n")),
        };
        match groups.iter_mut().find(|group| group.body == body) {
            Some(group) => group.names.push(&one.cluster),
            None => groups.push(Group { names: vec![&one.cluster], disruption, body }),
        }
    }
    right.sort_by_key(|group| std::cmp::Reverse(group.disruption));
    wrong.extend(right);
    wrong
}

fn part(group: &Group<'_>, markup: Markup) -> String {
    let names: Vec<&str> = group.names.iter().take(NAMED_MAX).map(|name| name.as_str()).collect();
    let more = group.names.len() - names.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more, the same") };
    let (names, body) = (names.join(", "), fenced(&group.body));
    match markup {
        Markup::Html => format!("\n<details><summary>{names}{more}</summary>\n\n{body}\n</details>\n"),
        Markup::Plain => format!("\n**{names}{more}**\n\n{body}"),
    }
}

/// Returns a text as code, in a fence that nothing in it can end.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    // Only line breaks of ours: a carriage return would begin a line, and bidirectional marks would show another text.
    let shown: String = text.chars().filter(|c| *c == '\n' || !(c.is_control() || is_invisible(*c))).collect();
    format!("{fence}text\n{shown}\n{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: About<'static> = About {
        head: CommitId([1; 20]),
        base: CommitId([2; 20]),
        branch: "main",
        is_fork: false,
        markup: Markup::Html,
        notes: &[],
    };

    fn reviewed(cluster: &str, lines: &[&str]) -> Reviewed {
        let review = Review {
            id: ChangeId([7; 32]),
            layers: 1,
            deletions: 0,
            disruption: Disruption::Reload,
            waits: None,
            lines: lines.iter().map(ToString::to_string).collect(),
        };
        let environment = EnvironmentName::new("prod").expect("it is a label");
        Reviewed { cluster: ClusterName::new(cluster).expect("it is a label"), environment, change: Ok(review) }
    }

    #[test]
    fn clusters_that_change_alike_are_said_once() {
        let all: Vec<Reviewed> =
            (0..40).map(|at| reviewed(&format!("eu-{at}"), &[&format!("eu-{at}: …"), "  ~ shop"])).collect();
        let text = comment(&ABOUT, &all, 65_000, None).text;
        assert!(text.starts_with(MARK), "it is found again");
        assert_eq!(text.matches("~ shop").count(), 1, "{text}");
        assert!(
            text.contains("eu-4 and 35 more, the same") && text.contains("| eu-39 (prod) | `070707070707` |"),
            "{text}"
        );
        assert!(text.contains("40 layers of 40 clusters to change"), "{text}");
        assert!(comment(&ABOUT, &[], 65_000, None).text.contains("Nothing changes."), "that is said, too");
    }

    #[test]
    fn where_tags_are_shown_there_are_none() {
        let about = About { markup: Markup::Plain, ..ABOUT };
        let text = comment(&about, &[reviewed("eu-1", &["", "~ shop"])], 65_000, None).text;
        assert!(is_ours(&text) && is_ours(&refusal(&about, "why")), "it is found again: {text}");
        assert!(!text.contains('<') && text.contains("**eu-1**\n\n```text\n~ shop\n```\n"), "{text}");
    }

    #[test]
    fn nothing_of_the_repository_breaks_out() {
        let hostile = "```\n@everyone <img src=x> [a](http://x) ````` \u{202e}\r\u{1b}[31m";
        let mut wrong = reviewed("us-1", &[]);
        wrong.change = Err(hostile.to_owned());
        let text = comment(&ABOUT, &[reviewed("eu-1", &["eu-1", hostile]), wrong], 65_000, None).text;
        assert_eq!(text.matches("``````text\n").count(), 2, "the fence is longer than any inside: {text}");
        assert_eq!(text.matches("\n``````\n").count(), 2, "and each ends: {text}");
        assert!(!text.contains(['\u{202e}', '\r', '\u{1b}']), "what shows another text is left out: {text:?}");
        assert!(refusal(&ABOUT, hostile).contains("``````text\n"), "so is a refusal");
        let about = About { branch: "ma`in\u{202e}\u{200b}\u{7}<b>@all", ..ABOUT };
        assert!(refusal(&about, "why").contains("into `main<b>@all` at"), "a branch stands in code, as it is shown");
    }

    #[test]
    fn what_is_too_long_is_left_out_whole_and_counted() {
        let long = "x".repeat(3_000);
        let all: Vec<Reviewed> =
            (0..30).map(|at| reviewed(&format!("eu-{at}"), &["", &format!("{at} {long}")])).collect();
        let text = comment(&ABOUT, &all, 32_000, None).text;
        assert!(text.chars().count() <= 32_000, "it fits: {}", text.chars().count());
        assert_eq!(text.matches("```text").count() * 2, text.matches("```").count(), "no fence is cut");
        assert!(text.contains("clusters more: see `stratify plan`"), "{text}");
        let link = format!("https://stratify.example.org/{}", "x".repeat(2_000));
        let linked = comment(&ABOUT, &all, 32_000, Some(&link));
        assert!(linked.is_cut && linked.text.chars().count() <= 32_000, "it fits with its link");
        assert!(linked.text.contains(&format!("clusters more: see [the whole plan]({link})")), "{}", linked.text);
        assert!(!comment(&ABOUT, &all[..2], 32_000, Some(&link)).text.contains(&link), "where all is there, no link");
        assert_eq!(whole(&ABOUT, &all).matches(&long).count(), 30, "there all of it is told");
    }
}
