//! In: a target's name, the UID of the server behind it, and what its record says. Out: a refusal, where they disagree.
//! Guarantee: a name stands for one API server: another one behind it is not touched before the operator says so.
//!
//! Why two places: the state folder knows of a server that was swapped for a new one without a record; the record knows of
//! one whose Secrets were restored elsewhere, and it is there when the state folder is lost.
use crate::client::store;
use crate::decide::plan::Uid;
use crate::decide::profile::Record;
use crate::decide::value::{Domain, Fault, Owner, Source, Value, digest_of};
use crate::settings::{Kubernetes, Settings};
use std::path::PathBuf;
use std::sync::Arc;

/// The server that a name stands for.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    name: Arc<str>,
    file: PathBuf,
    uid: Uid,
    is_known: bool,
}

impl Binding {
    /// Checks the server that is behind a name now.
    pub(super) fn check(
        settings: &Settings,
        name: &Arc<str>,
        target: &Kubernetes,
        uid: &Uid,
        record: Option<&Record>,
    ) -> Result<Self, Fault> {
        // A name may hold what a path may not.
        let digest = digest_of(Domain("target/1"), &Value::string(name)).to_string();
        let file = settings.state.join("servers").join(digest);
        let known = store::read_small(&file)?;
        let known = known.as_deref().map(str::trim);
        let binding = Self { name: name.clone(), file, uid: uid.clone(), is_known: known == Some(&*uid.0) };
        if let Some(said) = &target.uid {
            return if *said == uid.0 { Ok(binding) } else { Err(binding.other(said, "the settings name")) };
        }
        let recorded = record.and_then(|record| record.server.as_deref());
        match (known.filter(|known| *known != &*uid.0), recorded.filter(|recorded| *recorded != &*uid.0)) {
            (Some(known), _) => Err(binding.other(known, "the last sync found")),
            (None, Some(recorded)) => Err(binding.other(recorded, "its record names")),
            (None, None) => Ok(binding),
        }
    }

    /// Whether the name stood for this server before.
    pub(super) fn is_known(&self) -> bool {
        self.is_known
    }

    /// Takes note of the server, before anything is written there.
    pub(super) fn keep(&self) -> Result<(), Fault> {
        if self.is_known { Ok(()) } else { store::write_small(&self.file, &format!("{}\n", self.uid.0)) }
    }

    /// Returns the record with the server that it is written to.
    pub(super) fn sign(&self, record: &Record) -> Record {
        Record { server: Some(self.uid.0.clone()), ..record.clone() }
    }

    fn other(&self, expected: &str, who: &str) -> Fault {
        let Self { name, uid: Uid(found), .. } = self;
        Fault {
            owner: Owner::Operator,
            spurious: false,
            hint: Some(format!(
                "nothing was written; if this is the right API server, set `uid: {found}` of the target in the settings"
            )),
            source: Source::Error(
                format!(
                    "another API server is behind the target {name}: {who} the one whose kube-system has the UID \
                     {expected}, found {found}"
                )
                .into(),
            ),
        }
    }
}
