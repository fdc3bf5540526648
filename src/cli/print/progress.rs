//! In: what a long command is doing. Out: one line on a terminal that goes when it is done.
//! Guarantee: nothing where no person looks.
use super::excerpt::clean;
use indicatif::{ProgressBar, ProgressDrawTarget};
use std::io::{IsTerminal, stderr};
use std::time::Duration;

/// How often the line moves: often enough to be seen alive, seldom enough to cost nothing.
const TICK: Duration = Duration::from_millis(120);

/// The progress line of a command.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Returns a line that has not begun.
    pub(super) fn new(is_wanted: bool) -> Self {
        let is_seen = is_wanted && stderr().is_terminal();
        let target = if is_seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self(ProgressBar::with_draw_target(None, target))
    }

    /// Says what is being done now.
    pub(crate) fn step(&self, what: &str) {
        self.0.enable_steady_tick(TICK);
        // One line only: more would not be cleared.
        self.0.set_message(clean(what).replace(['\n', '\t'], " "));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
