//! In: diagnostics. Out: each with its place, its line and what to do, as rustc prints them, or as data.
//! Guarantee: a line that is withheld is shown in no form.
use super::Effect;
use super::excerpt::{clean, excerpt};
use super::style::Style;
use crate::decide::value::{Diagnostic, Excerpt, Origin, Severity, Span, counted};
use crate::name::RepoName;
use serde_json::{Value, json};

/// Returns all diagnostics and, at the end, how many there are.
pub(super) fn all(diagnostics: &[Diagnostic], effect: Effect, style: Style) -> String {
    let text: String = diagnostics.iter().map(|diagnostic| one(diagnostic, style) + "\n").collect();
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let (errors_said, warnings_said) = (counted(errors, "error"), counted(diagnostics.len() - errors, "warning"));
    let applied = if effect == Effect::Nothing && errors > 0 { "; nothing was applied" } else { "" };
    format!("{text}{errors_said}, {warnings_said}{applied}\n")
}

/// Returns a diagnostic as programs read it.
pub(crate) fn data(diagnostic: &Diagnostic) -> Value {
    let also = |(span, note): &(Span, _)| {
        let crate::decide::value::Note(note) = note;
        with_place(json!({ "message": note }), Some(span))
    };
    let rest = json!({
        "code": diagnostic.code.to_string(),
        "severity": severity(diagnostic),
        "message": diagnostic.message,
        "expected": diagnostic.expected,
        "nearest": diagnostic.nearest,
        "hint": diagnostic.hint,
        "also": diagnostic.also.iter().map(also).collect::<Vec<_>>(),
    });
    with_place(rest, diagnostic.at.as_ref())
}

fn with_place(mut data: Value, at: Option<&Span>) -> Value {
    if let Some(data) = data.as_object_mut() {
        let place = at.map(|span| (span.path.as_str(), span.line_and_column()));
        let origin = at.and_then(|span| span.origin.as_ref());
        let repository = origin.and_then(|origin| origin.repository()).map(RepoName::as_str);
        data.insert("repository".to_owned(), json!(repository));
        data.insert("commit".to_owned(), json!(origin.and_then(Origin::commit).map(|commit| commit.to_string())));
        if let Some(address) = origin.and_then(|origin| origin.registry()) {
            data.insert("registry".to_owned(), json!(address));
        }
        data.insert("path".to_owned(), json!(place.map(|(path, _)| path)));
        data.insert("line".to_owned(), json!(place.map(|(_, (line, _))| line)));
        data.insert("column".to_owned(), json!(place.map(|(_, (_, column))| column)));
    }
    data
}

fn one(diagnostic: &Diagnostic, style: Style) -> String {
    let head = format!("{}[{}]", severity(diagnostic), diagnostic.code);
    let head = if diagnostic.is_error() { style.bad(&head) } else { style.warning(&head) };
    let message = clean(&diagnostic.message).replace('\n', "\n    ");
    let gutter = gutter(diagnostic);
    let mut text = format!("{head}: {}\n", style.strong(&message));
    let expected = diagnostic.expected.as_deref().map(|expected| format!("expected {}", clean(expected)));
    let mut is_expected_said = expected.is_none();
    if let Some(at) = &diagnostic.at {
        let expected = expected.as_deref().unwrap_or_default();
        let color = if diagnostic.is_error() { Style::bad } else { Style::warning };
        is_expected_said |= at.excerpt == Excerpt::Line;
        text += &place("-->", at, '^', expected, gutter, (style, color));
    }
    for (span, note) in &diagnostic.also {
        text += &place(":::", span, '-', &clean(&note.0), gutter, (style, Style::strong));
    }
    let note = |head: &str, what: &str| {
        let what = what.replace('\n', &format!("\n{:gutter$}   ", ""));
        format!("{:gutter$} {} {} {what}\n", "", style.faint("="), style.strong(head))
    };
    if let (false, Some(expected)) = (is_expected_said, &expected) {
        text += &note("note:", expected);
    }
    if let Some(nearest) = &diagnostic.nearest {
        text += &note("help:", &format!("did you mean `{}`?", clean(nearest)));
    }
    if let Some(hint) = &diagnostic.hint {
        text += &note("hint:", &clean(hint));
    }
    text
}

/// Returns a place, with its line and marks under it where that may be shown.
fn place(
    arrow: &str,
    span: &Span,
    mark: char,
    said: &str,
    gutter: usize,
    (style, color): (Style, fn(Style, &str) -> String),
) -> String {
    let (number, _) = span.line_and_column();
    let at = clean(&span.to_string());
    let head = format!("{:gutter$}{} {at}", "", style.faint(arrow));
    if span.excerpt == Excerpt::Withheld {
        // The main place's text follows in a note; a further one's has no other line.
        let said = if arrow == ":::" && !said.is_empty() { format!(": {said}") } else { String::new() };
        return format!("{head}{said}\n");
    }
    let excerpt = excerpt(span);
    let bar = style.faint("|");
    let marks = mark.to_string().repeat(excerpt.marked);
    let said = said.replace('\n', &format!("\n{:gutter$} {bar} {:before$}", "", "", before = excerpt.before));
    let marked = color(style, format!("{marks} {said}").trim_end());
    let line = format!("{} {bar} {}", style.faint(&format!("{number:>gutter$}")), excerpt.line);
    let before = excerpt.before;
    format!("{head}\n{0:gutter$} {bar}\n{1}\n{0:gutter$} {bar} {0:before$}{marked}\n", "", line.trim_end())
}

/// Returns the width of the line numbers, with the space before them.
fn gutter(diagnostic: &Diagnostic) -> usize {
    let places = diagnostic.at.iter().chain(diagnostic.also.iter().map(|(span, _)| span));
    let digits = places.map(|span| span.line_and_column().0.to_string().len()).max();
    digits.unwrap_or(1) + 1
}

fn severity(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::value::{Code, Text};
    use crate::name::RepoPath;

    /// Returns the place of `what` in a text.
    fn span(text: &str, what: &str) -> Span {
        let start = text.find(what).expect("the text holds it");
        let bytes = u32::try_from(start).expect("it is short")..u32::try_from(start + what.len()).expect("it is short");
        let path = RepoPath::new("profiles/base/profile.yaml").expect("it is inside");
        Span { origin: None, path, source: Text(text.into()), bytes, excerpt: Excerpt::Line }
    }

    fn printed(diagnostic: &Diagnostic) -> String {
        one(diagnostic, Style::PLAIN)
    }

    #[test]
    fn a_diagnostic_shows_its_line_its_place_and_the_way_out() {
        let text = "a\nb\nc\nd\ne\nspec:\n  layerz:\n";
        let diagnostic = Diagnostic::error(Code(104), "unknown field `layerz`")
            .at(span(text, "layerz"))
            .expected("one of: layers, type")
            .nearest(Some("layers"))
            .hint("fields are listed by `stratify schema Profile`");
        let expected = "\
error[ST0104]: unknown field `layerz`
  --> profiles/base/profile.yaml:7:3
   |
 7 |   layerz:
   |   ^^^^^^ expected one of: layers, type
   = help: did you mean `layers`?
   = hint: fields are listed by `stratify schema Profile`
";
        assert_eq!(printed(&diagnostic), expected, "this is the form that editors and people know");
    }

    #[test]
    fn further_places_stand_below_with_their_notes() {
        let text = "name: a\n1\n2\n3\n4\n5\n6\n7\n8\nname: b\n";
        let diagnostic = Diagnostic::warning(Code(103), "`name` stands twice")
            .at(span(text, "name: b"))
            .also(span(text, "name: a"), "first here");
        let expected = "\
warning[ST0103]: `name` stands twice
   --> profiles/base/profile.yaml:10:1
    |
 10 | name: b
    | ^^^^^^^
   ::: profiles/base/profile.yaml:1:1
    |
  1 | name: a
    | ------- first here
";
        assert_eq!(printed(&diagnostic), expected, "line numbers stand under each other");
    }

    #[test]
    fn a_withheld_line_is_shown_in_no_form() {
        let at = span("password: hunter2\n", "hunter2").withheld();
        let diagnostic = Diagnostic::error(Code(300), "too short").at(at.clone()).expected("12 characters");
        let diagnostic = diagnostic.also(at, "set here");
        let expected = "\
error[ST0300]: too short
  --> profiles/base/profile.yaml:1:11
  ::: profiles/base/profile.yaml:1:11: set here
   = note: expected 12 characters
";
        assert_eq!(printed(&diagnostic), expected, "the place is told without its line");
        assert!(!data(&diagnostic).to_string().contains("hunter"), "nor do programs read it");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}NEEDLE{}", "ä".repeat(500), "z".repeat(500));
        let printed = printed(&Diagnostic::error(Code(1), "wrong").at(span(&text, "NEEDLE")));
        let lines: Vec<&str> = printed.lines().collect();
        assert!(lines.iter().all(|line| line.chars().count() <= 106), "it fits a terminal:\n{printed}");
        let column = |text: &str, c| text.chars().position(|other| other == c);
        assert_eq!(column(lines[3], 'N'), column(lines[4], '^'), "the marks stand under the place:\n{printed}");
        assert!(lines[3].contains("…ä") && lines[3].ends_with("z…"), "both cuts are seen:\n{printed}");
        assert_eq!(lines[4].matches('^').count(), "NEEDLE".len(), "all of it is marked:\n{printed}");
    }

    #[test]
    fn tabs_are_widened_and_control_characters_replaced() {
        let text = "\ta: \u{1b}[2J\u{202e}b\r\n";
        let printed = printed(&Diagnostic::error(Code(1), "a \u{7} bell").at(span(text, "b")));
        assert!(printed.contains(" 1 |     a: \u{fffd}[2J\u{fffd}b\n"), "nothing moves the cursor:\n{printed:?}");
        assert!(printed.contains("   |             ^\n"), "the mark stands under the place:\n{printed:?}");
        assert!(printed.starts_with("error[ST0001]: a \u{fffd} bell\n"), "messages are cleaned too:\n{printed:?}");
    }

    #[test]
    fn a_place_at_the_end_or_outside_of_a_text_is_still_marked() {
        let mut at = span("a: b\n", "b");
        for bytes in [4..4, 5..5, 99..120, 3..99] {
            at.bytes = bytes.clone();
            let printed = printed(&Diagnostic::error(Code(1), "wrong").at(at.clone()));
            assert!(printed.contains('^'), "{bytes:?}:\n{printed}");
        }
    }

    #[test]
    fn the_end_counts_and_says_that_nothing_was_applied_only_with_errors() {
        let error = Diagnostic::error(Code(1), "wrong");
        let warning = Diagnostic::warning(Code(2), "odd");
        let both = all(&[error, warning.clone()], Effect::Nothing, Style::PLAIN);
        assert!(both.ends_with("\n1 error, 1 warning; nothing was applied\n"), "{both}");
        let one = all(&[warning], Effect::Nothing, Style::PLAIN);
        assert!(one.ends_with("\n0 errors, 1 warning\n"), "{one}");
    }

    #[test]
    fn programs_read_every_part() {
        let diagnostic = Diagnostic::error(Code(104), "unknown field").at(span("a\n bc\n", "bc")).expected("a name");
        let read = data(&diagnostic);
        assert_eq!(read["code"], "ST0104");
        assert_eq!(read["severity"], "error");
        assert_eq!((&read["line"], &read["column"]), (&json!(2), &json!(2)));
        assert_eq!(read["path"], "profiles/base/profile.yaml");
        assert_eq!(
            (&read["expected"], &read["nearest"], &read["hint"]),
            (&json!("a name"), &json!(null), &json!(null))
        );
        assert_eq!(read["also"], json!([]));
    }
}
