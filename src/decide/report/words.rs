//! In: where a cluster stands, what is told of its sync. Out: the same in words, for people and for programs.
//! Guarantee: whatever is not as it is wanted has a line, and one word means one thing wherever it is read.
use super::ending::Report;
use super::standing::{Condition, Standing};
use crate::decide::value::{Diagnostic, counted};
use crate::name::LayerName;
use serde_json::{Value as Json, json};

/// How many digits of a commit people are shown.
const SHORT: usize = 7;

impl Condition {
    /// Returns the word that programs know it by.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Syncing { .. } => "syncing",
            Self::Synced { .. } => "synced",
            Self::Deleted { .. } => "deleted",
            Self::Held(..) => "held",
            Self::Failed(_) => "failed",
            Self::Invalid(_) => "invalid",
            Self::Unreachable(_) => "unreachable",
            Self::NotAffected => "not-affected",
            Self::Paused(_) => "paused",
            Self::Released => "released",
        }
    }

    /// Whether nothing of it is left to be done.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Synced { .. } | Self::Deleted { .. } | Self::NotAffected | Self::Released)
    }
}

impl Standing {
    /// Returns what is to be known of the cluster, in one line; nothing where it is as it is wanted.
    pub fn now(&self) -> Option<String> {
        let note = self.note.as_ref().map_or_else(String::new, |note| format!("; {note}"));
        match &self.condition {
            Condition::NotAffected | Condition::Released => None,
            Condition::Synced { digest, .. } | Condition::Deleted { digest, .. } if *digest == self.wanted => None,
            Condition::Deleted { .. } => Some("deleted, and wanted again".to_owned()),
            Condition::Synced { commit, .. } => {
                let short: String = commit.to_string().chars().take(SHORT).collect();
                Some(format!("synced at {short}, and not yet as it is wanted"))
            }
            Condition::Waiting => Some("not synced yet".to_owned()),
            Condition::Syncing { layer, at, of } => Some(format!("layer {at}/{of}, {layer}")),
            Condition::Held(why, change) => {
                Some(format!("waits for approval: {why}; approve by `stratify approve {change}`{note}"))
            }
            Condition::Failed(why) => Some(format!("failed: {why}")),
            Condition::Invalid(errors) => {
                let first = self.note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
                Some(format!("invalid: {}{first}", counted(*errors, "error")))
            }
            Condition::Unreachable(why) => Some(format!("unreachable: {why}")),
            Condition::Paused(layers) if layers.is_empty() => Some("paused".to_owned()),
            Condition::Paused(layers) => {
                let names: Vec<&str> = layers.iter().map(LayerName::as_str).collect();
                Some(format!("paused, and it differs: layer {}", names.join(", ")))
            }
        }
    }

    /// Returns it as programs read it.
    pub fn data(&self) -> Json {
        let change = match &self.condition {
            Condition::Held(_, change) => Some(change.to_string()),
            _ => None,
        };
        json!({
            "cluster": self.cluster.as_str(),
            "condition": self.condition.word(),
            "text": self.now(),
            "change": change,
        })
    }
}

impl Report {
    /// Returns it as programs read it; what was found in the documents stands beside it.
    pub fn data(&self) -> Json {
        let numbers = self.numbers.as_ref().map(|numbers| {
            json!({
                "layers": numbers.layers,
                "created": numbers.created,
                "changed": numbers.changed,
                "removed": numbers.removed,
                "leftInPlace": numbers.released,
                "corrected": numbers.corrected,
                "hooksRun": numbers.run,
                "healthy": numbers.healthy,
            })
        });
        json!({
            "cluster": self.cluster.as_str(),
            "environment": self.environment.as_str(),
            "commit": self.commit.to_string(),
            "condition": self.standing.condition.word(),
            "synced": self.standing.condition.is_good(),
            "change": self.change.map(|change| change.to_string()),
            "numbers": numbers,
            "approval": self.standing.note.as_deref().filter(|_| !matches!(self.standing.condition, Condition::Invalid(_))),
            "lines": self.lines,
        })
    }

    /// Returns what was found that stands in no document: of that which does, whoever has the documents finds it again.
    pub fn placeless(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.at.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::value::{Digest, Timestamp};
    use crate::name::{ChangeId, ClusterName, CommitId};

    fn standing(condition: Condition) -> Standing {
        let cluster = ClusterName::new("eu-1").expect("it is a label");
        Standing { cluster, wanted: Digest([1; 32]), condition, since: Timestamp(0), note: None }
    }

    #[test]
    fn what_is_as_it_is_wanted_has_no_line_and_all_else_has() {
        let synced = |digest| Condition::Synced { digest: Digest([digest; 32]), commit: CommitId([0x1a; 20]) };
        assert_eq!(standing(synced(1)).now(), None, "there is nothing to know");
        let said = "synced at 1a1a1a1, and not yet as it is wanted";
        assert_eq!(standing(synced(2)).now().as_deref(), Some(said), "another digest is live");
        let all = [Condition::Waiting, Condition::Failed("x".into()), Condition::Paused(Vec::new())];
        assert!(all.map(standing).iter().all(|one| one.now().is_some()), "nothing is green that is not");
    }

    #[test]
    fn who_may_approve_reads_the_id_and_why_another_approval_does_not_count() {
        let mut held = standing(Condition::Held("delete 3 objects".into(), ChangeId([7; 32])));
        held.note = Some("an approval does not count: Ada wrote a part of it".into());
        let id = "07".repeat(32);
        let said = format!(
            "waits for approval: delete 3 objects; approve by `stratify approve {id}`; an approval does not count: Ada wrote a part of it"
        );
        assert_eq!(held.now(), Some(said), "all of it in one line");
        assert_eq!((&held.data()["condition"], &held.data()["change"]), (&json!("held"), &json!(id)));
    }
}
