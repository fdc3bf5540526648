//! In: why something could not be done. Out: the chain of reasons, who has to act, and what to do next.
//! Guarantee: says that nothing was applied only where that is known.
use super::style::Style;
use super::{Effect, diagnostic, excerpt};
use crate::decide::value::{Fault, Owner, Source};
use serde_json::{Value, json};
use std::error::Error;
use std::iter;

/// The most reasons that are printed: a chain that is longer goes in a circle.
const REASONS_MAX: usize = 16;

/// Returns the fault as people read it.
pub(super) fn text(fault: &Fault, effect: Effect, style: Style) -> String {
    let Source::Error(error) = &fault.source else {
        let Source::Documents(diagnostics) = &fault.source else { return String::new() };
        return diagnostic::all(diagnostics, effect, style);
    };
    let note =
        |head: &str, what: &str| format!("  {} {} {}\n", style.faint("="), style.strong(head), excerpt::clean(what));
    let mut text = format!("{} {}\n", style.bad("error:"), excerpt::clean(&chain(&**error)));
    if let Some(owner) = owner(fault.owner) {
        text += &note("to act:", owner);
    }
    if fault.spurious {
        text += &note("note:", "trying again can help");
    }
    if let Some(hint) = &fault.hint {
        text += &note("hint:", hint);
    }
    // Who mistyped a name asked for nothing yet.
    if effect == Effect::Nothing && fault.owner != Owner::Caller {
        text += "nothing was applied\n";
    }
    text
}

/// Returns the fault as programs read it.
pub(crate) fn data(fault: &Fault) -> Value {
    match &fault.source {
        Source::Documents(diagnostics) => {
            json!({ "diagnostics": diagnostics.iter().map(diagnostic::data).collect::<Vec<_>>() })
        }
        Source::Error(error) => json!({ "error": {
            "message": chain(&**error),
            "owner": name(fault.owner),
            "retry": fault.spurious,
            "hint": fault.hint,
        } }),
    }
}

/// Returns the texts of an error and of what it comes from; one that the text before holds already is left out.
fn chain(error: &(dyn Error + 'static)) -> String {
    let reasons = iter::successors(Some(error), |error: &&(dyn Error + 'static)| (**error).source()).take(REASONS_MAX);
    let mut texts: Vec<String> = Vec::new();
    for text in reasons.map(ToString::to_string) {
        if !texts.last().is_some_and(|last| last.contains(&text)) {
            texts.push(text);
        }
    }
    texts.join(": ")
}

/// Returns who has to act; nothing where it is who reads it.
fn owner(owner: Owner) -> Option<&'static str> {
    match owner {
        Owner::Author => Some("who wrote the documents"),
        Owner::Caller => None,
        Owner::Operator => Some("who runs Stratify"),
        Owner::Outside => Some("who runs the other server"),
        Owner::Bug => Some("this is a bug of Stratify; please report it"),
    }
}

fn name(owner: Owner) -> &'static str {
    match owner {
        Owner::Author => "author",
        Owner::Caller => "caller",
        Owner::Operator => "operator",
        Owner::Outside => "outside",
        Owner::Bug => "bug",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Layered(&'static str, Option<Box<Layered>>);

    impl std::fmt::Display for Layered {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layered {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|inner| inner as _)
        }
    }

    fn fault() -> Fault {
        let inner = Layered("connection refused", None);
        let error = Layered("could not fetch", Some(Box::new(inner)));
        let hint = Some("look at the server".to_owned());
        Fault { owner: Owner::Outside, spurious: true, hint, source: Source::Error(Box::new(error)) }
    }

    #[test]
    fn a_fault_names_its_reasons_its_owner_and_the_next_step() {
        let expected = "error: could not fetch: connection refused\n\
                        \u{20} = to act: who runs the other server\n\
                        \u{20} = note: trying again can help\n\
                        \u{20} = hint: look at the server\n";
        assert_eq!(text(&fault(), Effect::Unknown, Style::PLAIN), expected, "all that is known, once");
    }

    #[test]
    fn who_mistyped_a_name_is_only_told_the_name() {
        let fault = Fault { owner: Owner::Caller, spurious: false, ..fault() };
        let expected = "error: could not fetch: connection refused\n\u{20} = hint: look at the server\n";
        assert_eq!(text(&fault, Effect::Nothing, Style::PLAIN), expected, "nobody else has to act");
    }

    #[test]
    fn that_nothing_was_applied_is_said_only_where_it_is_known() {
        let said = |effect| text(&fault(), effect, Style::PLAIN).contains("nothing was applied");
        assert!(said(Effect::Nothing) && !said(Effect::Unknown), "a half-done sync must not be denied");
    }
}
