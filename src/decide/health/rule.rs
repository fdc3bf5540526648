//! In: an object whose generation is observed, and what its author says of its kind. Out: its health.
//! Guarantee: asked in the order in progress, failed, current; what is not there yet is waited for, an error is never well.
use super::Health;
use super::view::View;
use crate::decide::expression::Predicate;

/// What an author says of the health of a kind; it stands in the place of the kind's own rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    /// Holds while it is on its way.
    pub in_progress: Option<&'a Predicate>,
    /// Holds when it does not work.
    pub failed: Option<&'a Predicate>,
    /// Holds when it is well.
    pub current: &'a Predicate,
}

impl Rule<'_> {
    pub(super) fn assess(self, view: View<'_>) -> Health {
        let questions = [
            ("inProgress", self.in_progress, Health::InProgress as fn(String) -> Health),
            ("failed", self.failed, Health::Failed),
        ];
        for (name, predicate, health) in questions {
            let Some(predicate) = predicate else { continue };
            match predicate.holds(view.0) {
                Ok(Some(true)) => return health(format!("its `{name}` holds: {}", predicate.text())),
                Ok(Some(false) | None) => {}
                Err(error) => return Health::Unknown(format!("its `{name}` cannot be evaluated: {error}")),
            }
        }
        let text = self.current.text();
        match self.current.holds(view.0) {
            Ok(Some(true)) => Health::Current,
            Ok(Some(false)) => Health::InProgress(format!("its `current` does not hold: {text}")),
            Ok(None) => Health::InProgress(format!("its `current` reads a field that is not there yet: {text}")),
            Err(error) => Health::Unknown(format!("its `current` cannot be evaluated: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::live;
    use super::super::{Reporting, assess};
    use super::*;
    use serde_json::{Value, json};

    fn judge(texts: [&str; 3], object: &Value) -> Health {
        let [in_progress, failed, current] = texts.map(|text| Predicate::compile(text).ok());
        let current = current.as_ref().expect("it is CEL");
        let rule = Rule { in_progress: in_progress.as_ref(), failed: failed.as_ref(), current };
        assess(&live(object), None, Some(rule), Reporting::Server)
    }

    fn of(phase: &str) -> char {
        let texts = ["status.phase == 'Making'", "status.phase in ['Broken', 'Making']", "status.phase == 'Made'"];
        match judge(texts, &json!({"kind": "Widget", "status": {"phase": phase}})) {
            Health::Current => 'C',
            Health::InProgress(_) => 'I',
            Health::Failed(_) => 'F',
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_that_holds_counts() {
        assert_eq!(of("Made"), 'C');
        assert_eq!(of("Making"), 'I', "although `failed` holds too");
        assert_eq!(of("Broken"), 'F');
        assert_eq!(of("Other"), 'I', "none of them holds");
    }

    #[test]
    fn what_is_not_there_yet_is_waited_for() {
        let unborn = judge(["status.a", "status.b", "status.c"], &json!({"kind": "Widget"}));
        assert!(matches!(unborn, Health::InProgress(why) if why.contains("not there yet: status.c")), "it may come");
    }

    #[test]
    fn an_error_is_never_well() {
        let object = json!({"kind": "Widget", "status": {"phase": "Made"}});
        assert!(matches!(judge(["-", "status.phase > 1", "true"], &object), Health::Unknown(_)), "nobody knows");
        assert!(matches!(judge(["-", "-", "status.phase"], &object), Health::Unknown(_)), "a text is no truth");
    }

    #[test]
    fn a_rule_stands_above_conditions_and_below_the_generation() {
        let stalled = json!({"status": {"conditions": [{"type": "Stalled", "status": "True"}], "phase": "Made"}});
        assert_eq!(judge(["-", "-", "status.phase == 'Made'"], &stalled), Health::Current, "its author knows better");
        let old = json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 1}});
        assert!(
            matches!(judge(["-", "-", "true"], &old), Health::InProgress(_)),
            "nothing was said of this generation"
        );
    }
}
