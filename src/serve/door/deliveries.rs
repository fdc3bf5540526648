//! In: a whole delivery. Out: whether it wakes its repository, or why not.
//! Guarantee: the secret is read for each one, so that a new one counts at once; what was delivered already wakes nobody.
use crate::client::clock::now;
use crate::client::secret::secret;
use crate::name::RepoName;
use crate::observe::watch::webhook::{Event, parse, verify};
use crate::settings::ForgeKind;
use http::HeaderMap;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// How many deliveries are known by their ids: those of an hour, of which a forge sends some again.
const KNOWN_MAX: usize = 1_000;

/// A webhook of the settings.
#[derive(Clone, Debug)]
pub struct Hook {
    /// The repository that it wakes; the last part of its address.
    pub repository: RepoName,
    /// Which forge sends it.
    pub kind: ForgeKind,
    /// The repository, as the forge names it.
    pub named: String,
    /// The file with the secret.
    pub secret: PathBuf,
}

/// What becomes of a delivery.
#[derive(Debug)]
pub(super) enum Taken {
    /// The repository is looked at.
    Wakes(String),
    /// It says nothing to look for.
    Ignored(&'static str),
    /// It is not the forge's.
    Refused(String),
    /// It is, and cannot be read.
    Malformed(String),
    /// The secret cannot be read.
    Unready,
}

/// The webhooks, and the deliveries that were taken.
pub(super) struct Deliveries {
    hooks: Vec<Hook>,
    known: Mutex<VecDeque<(RepoName, String)>>,
}

impl Deliveries {
    pub(super) fn new(hooks: Vec<Hook>) -> Self {
        Self { hooks, known: Mutex::default() }
    }

    pub(super) fn find(&self, name: &str) -> Option<&Hook> {
        self.hooks.iter().find(|hook| hook.repository.as_str() == name)
    }

    /// Takes a delivery: first whether it is the forge's, then what it is about.
    pub(super) fn take(&self, hook: &Hook, headers: &HeaderMap, body: &[u8]) -> Taken {
        let secret = match secret(&hook.secret) {
            Ok(secret) => secret,
            Err(fault) => {
                tracing::warn!(%fault, "webhooks are refused");
                return Taken::Unready;
            }
        };
        if let Err(why) = verify(hook.kind, &secret, headers, body, now()) {
            return Taken::Refused(why.to_string());
        }
        let delivery = match parse(hook.kind, headers, body) {
            Ok(delivery) => delivery,
            Err(why) => return Taken::Malformed(why),
        };
        let is_other = |name: &String| !is_same(name, &hook.named);
        match delivery.event {
            Event::Ping => return Taken::Ignored("it is heard"),
            Event::Other => return Taken::Ignored("nothing to look for"),
            _ if delivery.repository.as_ref().is_some_and(is_other) => return Taken::Ignored("of another repository"),
            Event::Pushed(_) | Event::Pull => {}
        }
        if delivery.id.is_some_and(|id| self.is_known(hook, id)) {
            return Taken::Ignored("it was delivered before");
        }
        Taken::Wakes(format!("{} is looked at", hook.repository))
    }

    /// Returns whether a delivery was taken before, and takes note of it.
    fn is_known(&self, hook: &Hook, id: String) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let one = (hook.repository.clone(), id);
        if known.contains(&one) {
            return true;
        }
        if known.len() >= KNOWN_MAX {
            known.pop_front();
        }
        known.push_back(one);
        false
    }
}

/// Forges take names in capital and small letters for the same; Azure's organisation is not in its deliveries.
fn is_same(name: &str, settings: &str) -> bool {
    let (name, settings) = (name.to_lowercase(), settings.to_lowercase());
    settings == name || settings.ends_with(&format!("/{name}"))
}
