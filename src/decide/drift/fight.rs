//! In: each correction of an object, and when. Out: whether somebody undoes them as fast as they are made.
//! Guarantee: once two fight, no correction follows until somebody settles it; both are named.
use super::Drifted;
use crate::decide::plan::ownership::MANAGER;
use crate::decide::value::Timestamp;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// The heat at which a fight is one: a correction every thirteen seconds in the long run, or five at once.
const HEAT_MAX: f64 = 5.0;

/// Below this an object is forgotten: one correction more than five minutes ago.
const COLD: f64 = 0.01;

/// How hot an object is: each correction adds one, and what was there cools by the factor e a minute.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heat {
    corrections: f64,
    last: Option<Timestamp>,
    others: BTreeSet<Arc<str>>,
    is_fight: bool,
}

/// Two managers that undo each other's writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fight {
    /// The others; none where nobody is told.
    pub others: Vec<Arc<str>>,
}

impl fmt::Display for Fight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.others.iter().map(|name| format!("`{name}`")).collect();
        let others = if names.is_empty() { "somebody unknown".into() } else { names.join(", ") };
        write!(f, "`{MANAGER}` and {others} undo each other's writes, so it is corrected no more")
    }
}

impl Heat {
    /// Counts a correction of what drifted.
    pub fn corrected(&mut self, drifted: &[Drifted], now: Timestamp) {
        self.corrections = self.at(now) + 1.0;
        self.last = Some(now);
        self.others.extend(drifted.iter().filter_map(|it| Some(it.manager.as_ref()?.name.clone())));
        self.is_fight |= self.corrections >= HEAT_MAX;
    }

    /// Returns the fight, once there is one; it stays until the object's heat is forgotten.
    pub fn fight(&self) -> Option<Fight> {
        self.is_fight.then(|| Fight { others: self.others.iter().cloned().collect() })
    }

    /// Whether nothing is to be remembered of the object any more.
    pub fn is_cold(&self, now: Timestamp) -> bool {
        !self.is_fight && self.at(now) < COLD
    }

    fn at(&self, now: Timestamp) -> f64 {
        /// One minute.
        const COOLING_MS: f64 = 60_000.0;
        let passed = self.last.map_or(0, |last| now.0.saturating_sub(last.0));
        #[expect(clippy::cast_precision_loss, reason = "what passed since is far below 2^53 ms")]
        let minutes = passed as f64 / COOLING_MS;
        self.corrections * (-minutes).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::plan::ownership::{Manager, Means};
    use crate::decide::value::{Pointer, Value};

    fn drifted(manager: &str) -> Vec<Drifted> {
        let manager = Manager { name: manager.into(), means: Means::Update, subresource: None, time: None };
        vec![Drifted { pointer: Pointer::default(), wanted: Value::Null, live: None, manager: Some(manager) }]
    }

    /// Corrects so often, each time after so many seconds.
    fn after(times: u64, seconds: u64) -> Heat {
        let mut heat = Heat::default();
        (0..times).for_each(|at| heat.corrected(&drifted("other"), Timestamp(at * seconds * 1000)));
        heat
    }

    #[test]
    fn five_corrections_at_once_are_a_fight() {
        assert_eq!(after(4, 0).fight(), None, "four may be chance");
        let fight = after(5, 0).fight().expect("five are none");
        let said = "`stratify` and `other` undo each other's writes, so it is corrected no more";
        assert_eq!(fight.to_string(), said, "both are named");
    }

    #[test]
    fn what_has_time_to_cool_is_no_fight() {
        assert!(after(100, 10).fight().is_some(), "every ten seconds is one");
        assert_eq!(after(100, 20).fight(), None, "every twenty is not");
    }

    #[test]
    fn a_fight_stays_and_all_else_is_forgotten() {
        let later = Timestamp(3_600_000);
        assert!(!after(5, 0).is_cold(later), "it is not settled by waiting");
        assert!(after(4, 0).is_cold(later) && !after(1, 0).is_cold(Timestamp(60_000)), "heat cools in minutes");
    }
}
