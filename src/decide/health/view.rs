//! In: an object as the API server shows it. Out: its parts, by dotted paths.
//! Guarantee: what is absent or of another type reads as nothing, never as a panic.
use crate::decide::value::Value;

const NULL: Value = Value::Null;

/// An object to read from.
#[derive(Clone, Copy)]
pub(super) struct View<'a>(pub(super) &'a Value);

/// A condition of an object's status.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Condition<'a> {
    pub(super) status: &'a str,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
}

impl<'a> View<'a> {
    pub(super) fn value(self, path: &str) -> &'a Value {
        path.split('.').try_fold(self.0, |value, key| value.get(key)).unwrap_or(&NULL)
    }

    pub(super) fn text(self, path: &str) -> &'a str {
        self.value(path).as_str().unwrap_or_default()
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
        let found = self.items("status.conditions").find(|condition| condition.text("type") == name)?;
        Some(Condition { status: found.text("status"), reason: found.text("reason"), message: found.text("message") })
    }

    /// Whether the status has a condition of this type that holds.
    pub(super) fn holds(self, name: &str) -> bool {
        self.condition(name).is_some_and(|condition| condition.status == "True")
    }
}

impl Condition<'_> {
    /// Returns what it says, in words.
    pub(super) fn words(self) -> String {
        [self.reason, self.message].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ")
    }
}
