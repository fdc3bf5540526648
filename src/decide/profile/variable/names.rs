//! In: a name under `variables`, what it means. Out: what is wrong or odd about it.
//! Guarantee: what nobody declares is an error with the nearest name; a plain name means variables of one type.
use super::super::codes;
use super::super::composition::overlays::Selection;
use super::written::name_of;
use crate::decide::document::{Fragment, Variable, nearest};
use crate::decide::value::Diagnostic;

/// A plain name sets a variable in all profiles that declare it: they are of one type.
pub(super) fn of_two_types(selection: &Selection, key: &Fragment, meant: &[(usize, &Variable)]) -> Option<Diagnostic> {
    let ((at, first), rest) = meant.split_first()?;
    let (other_at, other) = rest.iter().find(|(_, other)| other.kind != first.kind)?;
    let profile = |at: usize| selection.profiles.get(at).map_or_else(String::new, |profile| profile.name.to_string());
    let (one, two) = (profile(*at), profile(*other_at));
    let message = format!("the variable `{}` is of one type in profile {one} and of another one in {two}", key.text());
    Some(
        Diagnostic::error(codes::VARIABLE_VALUE, message)
            .at(key.span())
            .also(first.part.span(), first.kind.expected())
            .also(other.part.span(), other.kind.expected())
            .hint(format!("set `{one}/{}` and `{two}/{}` apart", first.name, other.name)),
    )
}

pub(super) fn read_only(variable: &Variable, key: &Fragment) -> Diagnostic {
    Diagnostic::error(codes::VARIABLE_READ_ONLY, format!("the variable `{}` is read-only", variable.name))
        .at(key.span())
        .also(variable.part.span(), "declared here")
}

pub(super) fn renamed(variable: &Variable, key: &Fragment) -> Diagnostic {
    let message = format!("the variable `{}` is named `{}` now", name_of(key.text()), variable.name);
    Diagnostic::warning(codes::RENAMED, message)
        .at(key.span())
        .also(variable.part.span(), "declared here")
        .hint("its value is carried over; write the new name")
}

pub(super) fn twice(variable: &Variable, first: &Fragment, second: &Fragment) -> Diagnostic {
    let message = format!("the variable `{}` is set under its old and its new name", variable.name);
    Diagnostic::error(codes::VARIABLE_VALUE, message)
        .at(second.span())
        .also(first.span(), "here, too")
        .expected("one of the two")
}

pub(super) fn unknown(selection: &Selection, key: &Fragment) -> Diagnostic {
    let is_full = key.text().contains('/');
    let named = |(profile, name): (&str, &str)| if is_full { format!("{profile}/{name}") } else { name.to_owned() };
    let names = selection.profiles.iter().flat_map(|profile| {
        profile.variables.iter().map(move |variable| named((profile.name.as_str(), &variable.name)))
    });
    let names: Vec<String> = names.collect();
    Diagnostic::error(
        codes::NO_VARIABLE,
        format!("no profile of cluster {} declares `{}`", selection.cluster.name, key.text()),
    )
    .at(key.span())
    .expected("the name of a variable, or profile/name")
    .nearest(nearest(key.text(), names.iter().map(String::as_str)))
}
