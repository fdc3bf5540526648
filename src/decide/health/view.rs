//! In: an object as the API server shows it. Out: its parts, by dotted paths.
//! Guarantee: what is absent or of another type reads as nothing, never as a panic; an old condition holds nothing.
use super::Health;
use crate::decide::value::Value;

const NULL: Value = Value::Null;

/// An object, or a part of one, to read from.
#[derive(Clone, Copy)]
pub(super) struct View<'a>(pub(super) &'a Value);

/// A condition of an object's status.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Condition<'a> {
    pub(super) name: &'a str,
    pub(super) status: &'a str,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
    /// Whether it tells of an older generation than the object has.
    is_old: bool,
}

impl<'a> View<'a> {
    pub(super) fn value(self, path: &str) -> &'a Value {
        path.split('.').try_fold(self.0, |value, key| value.get(key)).unwrap_or(&NULL)
    }

    /// Returns a part of it, where all is read as nothing if it is absent.
    pub(super) fn part(self, path: &str) -> View<'a> {
        View(self.value(path))
    }

    pub(super) fn text(self, path: &str) -> &'a str {
        self.value(path).as_str().unwrap_or_default()
    }

    /// Returns an annotation, whose name may have dots.
    pub(super) fn annotation(self, name: &str) -> Option<&'a str> {
        self.value("metadata.annotations").get(name)?.as_str()
    }

    pub(super) fn is_true(self, path: &str) -> bool {
        self.value(path).as_bool() == Some(true)
    }

    pub(super) fn try_number(self, path: &str) -> Option<i64> {
        self.value(path).as_i64()
    }

    /// Returns a count; the server leaves out those that are zero.
    pub(super) fn count(self, path: &str) -> i64 {
        self.try_number(path).unwrap_or(0)
    }

    pub(super) fn group(self) -> &'a str {
        self.text("apiVersion").split_once('/').map_or("", |(group, _)| group)
    }

    pub(super) fn items(self, path: &str) -> impl Iterator<Item = View<'a>> {
        self.value(path).as_list().unwrap_or_default().iter().map(View)
    }

    pub(super) fn condition(self, name: &str) -> Option<Condition<'a>> {
        self.condition_of(self.part("status"), name)
    }

    /// Returns a condition that stands in a part, such as the one of a listener.
    pub(super) fn condition_of(self, part: View<'a>, name: &str) -> Option<Condition<'a>> {
        self.conditions_of(part).find(|condition| condition.name == name)
    }

    /// Returns the conditions of a part.
    pub(super) fn conditions_of(self, part: View<'a>) -> impl Iterator<Item = Condition<'a>> {
        let generation = self.try_number("metadata.generation");
        part.items("conditions").map(move |condition| Condition {
            name: condition.text("type"),
            status: condition.text("status"),
            reason: condition.text("reason"),
            message: condition.text("message"),
            is_old: condition.try_number("observedGeneration").is_some_and(|observed| Some(observed) < generation),
        })
    }

    /// Whether the status has a condition of this type that holds.
    pub(super) fn holds(self, name: &str) -> bool {
        self.condition(name).is_some_and(Condition::is_true)
    }

    /// Says that nobody has taken notice of the object, where its controllers always write the generation they saw.
    pub(super) fn unseen(self) -> Option<Health> {
        let is_unseen = self.try_number("status.observedGeneration").is_none();
        is_unseen.then(|| Health::InProgress("no controller has seen it yet".into()))
    }
}

impl Condition<'_> {
    pub(super) fn is_true(self) -> bool {
        self.status == "True" && !self.is_old
    }

    pub(super) fn is_false(self) -> bool {
        self.status == "False" && !self.is_old
    }

    /// Returns what it says, in words.
    pub(super) fn words(self) -> String {
        if self.is_old {
            return format!("{} is not told of its newest generation yet", self.name);
        }
        let status = if self.status.is_empty() { "not told" } else { self.status };
        let said = [self.reason, self.message].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
        if said.is_empty() {
            format!("{} is {status}", self.name)
        } else {
            format!("{} is {status}: {}", self.name, said.join(": "))
        }
    }
}
