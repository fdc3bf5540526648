//! In: where a cluster stands, in which environment, and whether the head concerned it. Out: the same as bytes, and back, for the next start.
//! Guarantee: what was under way is waiting again; a form of another version is an error, and is looked at anew.
use super::standing::{Condition, Standing};
use crate::decide::value::{Digest, Timestamp};
use crate::name::{ChangeId, ClusterName, CommitId, EnvironmentName, LayerName};
use serde::{Deserialize, Serialize};

/// The form that is written; another one is refused.
const FORM: &str = "stratify.dev/standing/v1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    form: String,
    cluster: String,
    environment: String,
    wanted: String,
    since: u64,
    condition: String,
    text: String,
    id: String,
    concerned: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// What is remembered of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Its environment.
    pub environment: EnvironmentName,
    /// Where it stands.
    pub standing: Standing,
    /// Whether the head concerned it.
    pub is_concerned: bool,
}

impl Remembered {
    /// Returns its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let Self { environment, standing, is_concerned } = self;
        let none = String::new;
        let (condition, text, id) = match &standing.condition {
            Condition::Waiting | Condition::Syncing { .. } => ("waiting", none(), none()),
            Condition::Synced { digest, commit } => ("synced", digest.to_string(), commit.to_string()),
            Condition::Deleted { digest, commit } => ("deleted", digest.to_string(), commit.to_string()),
            Condition::Held(why, change) => ("held", why.to_string(), change.to_string()),
            Condition::Failed(why) => ("failed", why.to_string(), none()),
            Condition::Invalid(count) => ("invalid", count.to_string(), none()),
            Condition::Unreachable(why) => ("unreachable", why.to_string(), none()),
            Condition::NotAffected => ("not-affected", none(), none()),
            Condition::Paused(layers) => {
                let layers: Vec<&str> = layers.iter().map(LayerName::as_str).collect();
                ("paused", layers.join(","), none())
            }
            Condition::Released => ("released", none(), none()),
        };
        let wire = Wire {
            form: FORM.into(),
            cluster: standing.cluster.to_string(),
            environment: environment.to_string(),
            wanted: standing.wanted.to_string(),
            since: standing.since.0,
            condition: condition.into(),
            text,
            id,
            concerned: *is_concerned,
            note: standing.note.as_ref().map(ToString::to_string),
        };
        serde_json::to_vec(&wire).expect("its keys are texts")
    }

    /// Reads what [`Self::encode`] wrote; the error says what was expected.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let wire: Wire = serde_json::from_slice(bytes).map_err(|error| format!("expected a standing: {error}"))?;
        if wire.form != FORM {
            return Err(format!("expected a standing of the form {FORM}"));
        }
        let digest = |text: &str| Digest::parse(text).ok_or("expected a digest of 64 hexadecimal digits");
        let condition = match wire.condition.as_str() {
            "synced" | "deleted" => {
                let digest = digest(&wire.text)?;
                let commit = CommitId::parse(&wire.id).ok_or("expected a commit of 40 hexadecimal digits")?;
                if wire.condition == "synced" {
                    Condition::Synced { digest, commit }
                } else {
                    Condition::Deleted { digest, commit }
                }
            }
            "held" => {
                let change = ChangeId::parse(&wire.id).ok_or("expected a change's id of 64 hexadecimal digits")?;
                Condition::Held(wire.text.into(), change)
            }
            "failed" => Condition::Failed(wire.text.into()),
            "invalid" => Condition::Invalid(wire.text.parse().map_err(|_| "expected a count")?),
            "unreachable" => Condition::Unreachable(wire.text.into()),
            "not-affected" => Condition::NotAffected,
            "paused" => {
                let names = wire.text.split(',').filter(|name| !name.is_empty());
                let layers = names.map(LayerName::new).collect::<Result<_, _>>();
                Condition::Paused(layers.map_err(|error| error.to_string())?)
            }
            "released" => Condition::Released,
            _ => Condition::Waiting,
        };
        let standing = Standing {
            cluster: ClusterName::new(&wire.cluster).map_err(|error| error.to_string())?,
            wanted: digest(&wire.wanted)?,
            condition,
            since: Timestamp(wire.since),
            note: wire.note.map(Into::into),
        };
        let environment = EnvironmentName::new(&wire.environment).map_err(|error| error.to_string())?;
        Ok(Self { environment, standing, is_concerned: wire.concerned })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_is_read_as_it_was_written_and_what_was_under_way_waits() {
        let layer = crate::name::LayerName::new("cni").expect("it is a label");
        let remembered = |condition| Remembered {
            environment: EnvironmentName::new("dev").expect("it is a label"),
            standing: Standing {
                cluster: ClusterName::new("eu-1").expect("it is a label"),
                wanted: Digest([1; 32]),
                condition,
                since: Timestamp(7),
                note: Some("approved by Grace, unsigned".into()),
            },
            is_concerned: true,
        };
        for condition in [
            Condition::Synced { digest: Digest([2; 32]), commit: CommitId([3; 20]) },
            Condition::Deleted { digest: Digest([2; 32]), commit: CommitId([3; 20]) },
            Condition::Held("delete 3 objects".into(), ChangeId([4; 32])),
            Condition::Failed("it failed".into()),
            Condition::Invalid(3),
            Condition::NotAffected,
            Condition::Paused(Vec::new()),
            Condition::Paused(vec![layer.clone(), layer.clone()]),
            Condition::Released,
        ] {
            let one = remembered(condition);
            assert_eq!(Remembered::decode(&one.encode()), Ok(one), "nothing is lost");
        }
        let under_way = remembered(Condition::Syncing { layer, at: 1, of: 2 }).encode();
        assert_eq!(Remembered::decode(&under_way), Ok(remembered(Condition::Waiting)), "it begins again");
        assert!(Remembered::decode(b"{}").is_err(), "another form is refused");
    }
}
