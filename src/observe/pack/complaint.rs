//! In: what helm complained of, the chart's files. Out: what its author is told: file, line and reason.
//! Guarantee: none of the values: what stands in quotes may be one, and where sensitive ones were given, the file, the line
//! and the kind of mistake are all that is told.
use super::chart::Chart;
use crate::decide::document::span;
use crate::decide::render::{Refusal, Request};
use crate::decide::value::{Span, Text};
use crate::name::RepoPath;
use regex::Regex;
use std::sync::LazyLock;

/// The longest reason that is told: helm repeats whole chains of templates.
const CHARS_MAX: usize = 400;

/// A place as helm and Go's templates write it: the chart's name, the file, the line, the column.
static PLACE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"([\w.-]+(?:/[\w.@+-]+)+):(\d+)(?::(\d+))?").expect("it is a regular expression"));

/// A file without a line.
static FILE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r" on ([\w.-]+(?:/[\w.@+-]+)+): ").expect("it is a regular expression"));

/// What stands in quotes.
static QUOTED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("\"(?:[^\"\\\\]|\\\\.)*\"|'[^']*'|`[^`]*`").expect("it is a regular expression"));

/// A text in quotes within a mistake of a schema, behind a word that says what it names.
static SCHEMA: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"((?:\bat |\bpropert(?:y|ies) )?)'((?:[^'\\]|\\.)*)'").expect("it is a regular expression")
});

/// How helm begins what schemas say of values.
const UNFIT: &str = "specifications of the schema";

/// How many mistakes of schemas are told.
const UNFIT_MAX: usize = 5;

/// Returns what is told of a complaint of helm.
pub(super) fn complaint(request: &Request, chart: &Chart, stderr: &str) -> Refusal {
    let text = stderr.lines().filter(|line| !is_log(line)).collect::<Vec<_>>().join("\n");
    let text = text.trim().strip_prefix("Error: ").unwrap_or(text.trim());
    let at = place(chart, text);
    if request.values.is_tainted() {
        let hint = "the reason is withheld, since sensitive values were given; render it with others to see it";
        return Refusal { message: kind(text).into(), at, hint: Some(hint.into()) };
    }
    let message = unfit(text).unwrap_or_else(|| reason(text));
    Refusal { message, at, hint: hint(text).map(Into::into) }
}

/// Returns what of the values fits no schema of a chart, by chart and path: those are nobody's values.
fn unfit(text: &str) -> Option<String> {
    if !text.contains(UNFIT) {
        return None;
    }
    let (mut chart, mut found) = ("", Vec::new());
    for line in text.lines().skip(1).map(str::trim) {
        match line.strip_prefix("- ") {
            Some(why) => found.push(format!("the values of chart `{chart}` do not fit its schema: {}", of_schema(why))),
            None => chart = line.strip_suffix(':').unwrap_or(chart),
        }
    }
    let told = found.iter().take(UNFIT_MAX).map(String::as_str).collect::<Vec<_>>().join("; ");
    let more = found.len().saturating_sub(UNFIT_MAX);
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    (!told.is_empty()).then(|| format!("{told}{more}"))
}

/// Returns one mistake with its path and the names of properties; all else that stands in quotes may be a value.
fn of_schema(why: &str) -> String {
    let told = SCHEMA.replace_all(why, |found: &regex::Captures<'_>| {
        let (before, name) = (found.get(1).map_or("", |it| it.as_str()), found.get(2).map_or("", |it| it.as_str()));
        if before.is_empty() { "…".to_owned() } else { format!("{before}`{name}`") }
    });
    told.replace("at ``: ", "").chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect()
}

/// Warnings of helm itself stand before its error.
fn is_log(line: &str) -> bool {
    ["WARNING:", "level=", "walk.go", "coalesce.go", "warning:"]
        .iter()
        .any(|begin| line.trim_start().starts_with(begin))
        || line.contains("level=WARN")
        || line.starts_with("Use --debug flag")
}

/// The last place is the innermost: templates include each other.
fn place(chart: &Chart, text: &str) -> Option<Span> {
    let with_lines = PLACE.captures_iter(text).filter_map(|found| {
        let line: usize = found.get(2)?.as_str().parse().ok()?;
        at_line(chart, found.get(1)?.as_str(), line)
    });
    let alone = || FILE.captures(text).and_then(|found| at_line(chart, found.get(1)?.as_str(), 1));
    with_lines.last().or_else(alone)
}

/// Helm calls a file by the chart's name, or those of its subcharts, and its path in the chart.
fn at_line(chart: &Chart, name: &str, line: usize) -> Option<Span> {
    let (_, inside) = name.split_once('/')?;
    let path = RepoPath::new(&format!("{}/{inside}", chart.root)).ok()?;
    let (_, bytes) = chart.files.iter().find(|(known, _)| *known == path)?;
    let text = Text(std::str::from_utf8(bytes).ok()?.into());
    let starts = std::iter::once(0).chain(text.0.match_indices('\n').map(|(at, _)| at + 1));
    let start = starts.take(line.max(1)).last()?;
    let rest = text.0.get(start..).unwrap_or_default();
    let begin = start + (rest.len() - rest.trim_start_matches([' ', '\t']).len());
    let end = start + rest.find('\n').unwrap_or(rest.len());
    let bytes = u32::try_from(begin).ok()?..u32::try_from(end.max(begin)).ok()?;
    Some(Span { origin: chart.origin.clone(), ..span(&path, &text, bytes) })
}

/// What kind of mistake it is, in words that hold nothing of it.
fn kind(text: &str) -> &'static str {
    let has = |part: &str| text.contains(part);
    match () {
        () if has("execution error at") => "a template of it says that something is wrong",
        () if has("parse error") => "a template cannot be read",
        () if has("YAML parse error") => "a template renders to what is no YAML",
        () if has(UNFIT) => "the values do not fit the schema of one of its charts",
        () if has("missing in charts") => "a chart that it depends on is missing in `charts/`",
        () if has("kubeVersion") => "it is not for this version of Kubernetes",
        () => "a template fails",
    }
}

/// Returns the reason in the words of helm, on one line, with nothing that stands in quotes but names of files.
fn reason(text: &str) -> String {
    // What `fail` and `required` say was written for whoever reads it.
    let own = text.contains("execution error at");
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = if own { line } else { QUOTED.replace_all(&line, elided).into_owned() };
    let line: String = line.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect();
    let line = line.strip_prefix("template: ").unwrap_or(&line);
    if line.is_empty() { "helm ended without a reason".into() } else { line.into() }
}

fn elided(found: &regex::Captures<'_>) -> String {
    let text = found.get(0).map_or("", |found| found.as_str());
    let inner = text.trim_matches(['"', '\'', '`']);
    let is_name = inner.contains('/') && inner.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if is_name || inner.starts_with('/') { text.to_owned() } else { "\"…\"".into() }
}

fn hint(text: &str) -> Option<&'static str> {
    if text.contains("missing in charts") {
        return Some("run `helm dependency update` in the chart and commit what it puts into `charts/`");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_no_schema_is_told_by_its_path() {
        let told = unfit(
            "values don't meet the specifications of the schema(s) in the following chart(s):\nweb:\n- at '/replicas': got string, want integer\n\ndb:\n- at '': missing property 'size'\n- at '/name': 'hunter2' does not match pattern '^x'\n",
        );
        let expected = "the values of chart `web` do not fit its schema: at `/replicas`: got string, want integer; \
                        the values of chart `db` do not fit its schema: missing property `size`; \
                        the values of chart `db` do not fit its schema: at `/name`: … does not match pattern …";
        assert_eq!(told.as_deref(), Some(expected));
        let older = unfit(
            "values don't meet the specifications of the schema(s) in the following chart(s):\nweb:\n- replicas: Invalid type. Expected: integer, given: string\n",
        );
        let expected =
            "the values of chart `web` do not fit its schema: replicas: Invalid type. Expected: integer, given: string";
        assert_eq!(older.as_deref(), Some(expected));
    }

    #[test]
    fn what_stands_in_quotes_is_not_told() {
        let told = reason(
            "template: web/templates/a.yaml:3:20: executing \"web/templates/a.yaml\" at <.Values.n>: error calling atoi: parsing \"hunter2\"",
        );
        assert!(told.contains("executing \"web/templates/a.yaml\""), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
        let own = reason("execution error at (web/templates/a.yaml:3:4): set \"image.tag\"");
        assert!(own.ends_with("set \"image.tag\""), "what a chart says itself is told: {own}");
    }
}
