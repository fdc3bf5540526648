//! In: what a sync began and ended with. Out: what a cluster remembers, as bytes and back.
//! Guarantee: moved by compare-and-swap from one generation to the next, before any write; a form of another version is an error.
use crate::decide::value::Digest;
use crate::name::{ClusterName, CommitId, LayerName, PlanId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The form that is written; another one is refused.
const FORM: &str = "stratify.dev/record/v1";

/// What is expected where a commit stands.
const COMMIT: &str = "expected commits of 40 hexadecimal digits";

/// What a cluster remembers of its last sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// How often it was written; zero where nothing was ever.
    pub generation: u64,
    /// The fleet.
    pub fleet: Arc<str>,
    /// The cluster's name at that time.
    pub cluster: ClusterName,
    /// The last sync that came to its end.
    pub applied: Option<Moment>,
    /// The sync whose writes were begun last, until it comes to its end.
    pub applying: Option<Moment>,
    /// Approvals that were used up by syncs that ended well, each with the commit it stands in.
    pub consumed: Vec<(Arc<str>, CommitId)>,
    /// Names that the cluster had before: its objects may still bear their marks.
    pub formerly: Vec<ClusterName>,
    /// The head at which no document described the cluster any longer; none while one does.
    pub released: Option<CommitId>,
    /// Layers that were paused at the last sync, each with the sync that it was applied by last; none where it never was.
    pub paused: BTreeMap<LayerName, Option<Moment>>,
    /// The UID of the API server's namespace `kube-system`; none in a folder.
    pub server: Option<Arc<str>>,
}

/// What one sync wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The ref that was watched, in full.
    pub reference: Arc<str>,
    /// Its commit.
    pub head: CommitId,
    /// The digest of the full profile.
    pub digest: Digest,
    /// The plan.
    pub plan: PlanId,
}

impl Record {
    /// Returns the record of a cluster where nothing was ever applied.
    pub fn unborn(fleet: Arc<str>, cluster: ClusterName) -> Self {
        Self {
            generation: 0,
            fleet,
            cluster,
            applied: None,
            applying: None,
            consumed: Vec::new(),
            formerly: Vec::new(),
            released: None,
            paused: BTreeMap::new(),
            server: None,
        }
    }

    /// Returns the newest head that was begun; no older one may follow it.
    pub fn head(&self) -> Option<CommitId> {
        self.applying.as_ref().or(self.applied.as_ref()).map(|moment| moment.head)
    }

    /// Returns its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let moment = |moment: &Moment| WireMoment {
            reference: moment.reference.to_string(),
            head: moment.head.to_string(),
            digest: moment.digest.to_string(),
            plan: moment.plan.to_string(),
        };
        let wire = Wire {
            form: FORM.into(),
            generation: self.generation,
            fleet: self.fleet.to_string(),
            cluster: self.cluster.to_string(),
            applied: self.applied.as_ref().map(moment),
            applying: self.applying.as_ref().map(moment),
            consumed: self.consumed.iter().map(|(id, commit)| (id.to_string(), commit.to_string())).collect(),
            formerly: self.formerly.iter().map(ToString::to_string).collect(),
            released: self.released.map(|commit| commit.to_string()),
            paused: self.paused.iter().map(|(layer, at)| (layer.to_string(), at.as_ref().map(moment))).collect(),
            server: self.server.as_ref().map(ToString::to_string),
        };
        let mut bytes = serde_json::to_vec_pretty(&wire).expect("its keys are texts");
        bytes.push(b'\n');
        bytes
    }

    /// Reads what [`Self::encode`] wrote; the error says what was expected.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let wire: Wire = serde_json::from_slice(bytes).map_err(|error| format!("expected a record: {error}"))?;
        if wire.form != FORM {
            return Err(format!("expected a record of the form {FORM}"));
        }
        let formerly = wire.formerly.iter().map(|name| ClusterName::new(name)).collect::<Result<_, _>>();
        let paused = wire.paused.into_iter().map(|(layer, at)| {
            let layer = LayerName::new(&layer).map_err(|error| error.to_string())?;
            Ok((layer, at.map(WireMoment::read).transpose()?))
        });
        let consumed = wire.consumed.iter().map(|(id, commit)| Some((Arc::from(&**id), CommitId::parse(commit)?)));
        Ok(Self {
            generation: wire.generation,
            fleet: wire.fleet.into(),
            cluster: ClusterName::new(&wire.cluster).map_err(|error| error.to_string())?,
            applied: wire.applied.map(WireMoment::read).transpose()?,
            applying: wire.applying.map(WireMoment::read).transpose()?,
            consumed: consumed.collect::<Option<_>>().ok_or(COMMIT)?,
            formerly: formerly.map_err(|error| error.to_string())?,
            released: wire.released.map(|commit| CommitId::parse(&commit).ok_or(COMMIT)).transpose()?,
            paused: paused.collect::<Result<_, String>>()?,
            server: wire.server.map(Into::into),
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    form: String,
    generation: u64,
    fleet: String,
    cluster: String,
    applied: Option<WireMoment>,
    applying: Option<WireMoment>,
    consumed: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    formerly: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    released: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    paused: BTreeMap<String, Option<WireMoment>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireMoment {
    reference: String,
    head: String,
    digest: String,
    plan: String,
}

impl WireMoment {
    fn read(self) -> Result<Moment, String> {
        Ok(Moment {
            reference: self.reference.into(),
            head: CommitId::parse(&self.head).ok_or("expected a commit of 40 hexadecimal digits")?,
            digest: Digest::parse(&self.digest).ok_or("expected a digest of 64 hexadecimal digits")?,
            plan: PlanId::parse(&self.plan).ok_or("expected a plan's id of 64 hexadecimal digits")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let moment = Moment {
            reference: "refs/heads/main".into(),
            head: CommitId([7; 20]),
            digest: Digest([1; 32]),
            plan: PlanId([2; 32]),
        };
        let cluster = ClusterName::new("eu-1").expect("it is a label");
        let mut record = Record::unborn("acme".into(), cluster);
        record.applied = Some(moment.clone());
        record.consumed = vec![("ab".into(), CommitId([3; 20]))];
        let plain = String::from_utf8(record.encode()).expect("it is JSON");
        assert!(!plain.contains("released") && !plain.contains("formerly"), "what is not so is not said: {plain}");
        assert_eq!(Record::decode(plain.as_bytes()), Ok(record.clone()), "nothing is lost");
        record.formerly = vec![ClusterName::new("eu-0").expect("it is a label")];
        record.released = Some(CommitId([4; 20]));
        record.server = Some("4d5f".into());
        let layer = |name| LayerName::new(name).expect("it is a label");
        record.paused = BTreeMap::from([(layer("web"), Some(moment)), (layer("new"), None)]);
        assert_eq!(Record::decode(&record.encode()), Ok(record), "nothing is lost");
        assert!(Record::decode(b"{}").is_err(), "another form is refused");
    }
}
