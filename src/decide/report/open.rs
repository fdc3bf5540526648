//! In: a commit whose verdict is open in an environment, with what it wants. Out: the same as bytes, and back, for the next
//! start.
//! Guarantee: a form of another version is an error, and its status then ends as one of which nothing is known.
use crate::decide::value::Digest;
use crate::name::{ClusterName, CommitId, EnvironmentName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The form that is written; another one is refused.
const FORM: &str = "stratify.dev/open/v1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    form: String,
    environment: String,
    commit: String,
    wanted: BTreeMap<String, String>,
}

/// A commit whose verdict is open in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The environment.
    pub environment: EnvironmentName,
    /// The commit.
    pub commit: CommitId,
    /// The digest of the full profile that it wants of each cluster that it concerns.
    pub wanted: BTreeMap<ClusterName, Digest>,
}

impl Open {
    /// Returns the key under which it is kept.
    pub fn key(environment: &EnvironmentName, commit: CommitId) -> Vec<u8> {
        format!("{environment}/{commit}").into_bytes()
    }

    /// Returns its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let wanted = self.wanted.iter().map(|(cluster, digest)| (cluster.to_string(), digest.to_string()));
        let wire = Wire {
            form: FORM.into(),
            environment: self.environment.to_string(),
            commit: self.commit.to_string(),
            wanted: wanted.collect(),
        };
        serde_json::to_vec(&wire).expect("its keys are texts")
    }

    /// Reads what [`Self::encode`] wrote; the error says what was expected.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let wire: Wire = serde_json::from_slice(bytes)
            .map_err(|error| format!("expected a commit whose verdict is open: {error}"))?;
        if wire.form != FORM {
            return Err(format!("expected a commit whose verdict is open, of the form {FORM}"));
        }
        let wanted = wire.wanted.iter().map(|(cluster, digest)| {
            let cluster = ClusterName::new(cluster).map_err(|error| error.to_string())?;
            Ok((cluster, Digest::parse(digest).ok_or("expected a digest of 64 hexadecimal digits")?))
        });
        Ok(Self {
            environment: EnvironmentName::new(&wire.environment).map_err(|error| error.to_string())?,
            commit: CommitId::parse(&wire.commit).ok_or("expected a commit of 40 hexadecimal digits")?,
            wanted: wanted.collect::<Result<_, String>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_commit_is_read_as_it_was_written() {
        let open = Open {
            environment: EnvironmentName::new("dev").expect("it is a label"),
            commit: CommitId([7; 20]),
            wanted: BTreeMap::from([(ClusterName::new("eu-1").expect("it is a label"), Digest([1; 32]))]),
        };
        assert_eq!(Open::decode(&open.encode()), Ok(open), "nothing is lost");
        assert!(Open::decode(b"{}").is_err(), "another form is refused");
    }
}
