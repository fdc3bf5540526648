//! In: whether colour is wanted, and where the text goes. Out: the text with or without escape sequences.
//! Guarantee: none without a terminal, under `NO_COLOR` or on a dumb one, unless asked for.
use crate::cli::args::Color;
use std::io::IsTerminal;

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style(bool);

impl Style {
    /// No colour at all.
    #[cfg(test)]
    pub(super) const PLAIN: Self = Self(false);

    /// Returns the style for a stream.
    pub(super) fn of(color: Color, stream: &impl IsTerminal) -> Self {
        // They belong to the terminal, not to Stratify's settings, so they are read here.
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self(match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => stream.is_terminal() && !is_set("NO_COLOR") && !is_dumb(),
        })
    }

    /// Whether there is any colour.
    pub(super) fn is_on(self) -> bool {
        self.0
    }

    /// Of what is as it shall be, or comes into being.
    pub(super) fn good(self, text: &str) -> String {
        self.escape("32", text)
    }

    /// Of what should be looked at, or changes.
    pub(super) fn warning(self, text: &str) -> String {
        self.escape("1;33", text)
    }

    /// Of what is wrong, or goes.
    pub(super) fn bad(self, text: &str) -> String {
        self.escape("1;31", text)
    }

    /// Of what matters most in its line.
    pub(super) fn strong(self, text: &str) -> String {
        self.escape("1", text)
    }

    /// Of what frames the rest.
    pub(super) fn faint(self, text: &str) -> String {
        self.escape("2", text)
    }

    fn escape(self, number: &str, text: &str) -> String {
        if self.0 && !text.is_empty() { format!("\u{1b}[{number}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
