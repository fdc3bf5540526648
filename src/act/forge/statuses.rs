//! In: statuses, and a forge. Out: each on its commit there, or why it was not taken.
//! Guarantee: what a refusal means is told as the outbox knows it; the text of a status goes as it is, nothing else does.
use crate::client::forge::{Annotation, Call, CommitStatus, ForgeError, Meaning, Server, Stand, Trouble};
use crate::client::kill::{Of, point};
use crate::decide::report::outbox::Refusal;
use crate::decide::report::{State, Status};
use crate::decide::value::Fault;
use crate::name::{CommitId, RepoPath};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many check runs are known that are not at their end: those of the commits that are told of now.
const RUNS_MAX: usize = 1_000;

/// Why a status was not taken.
#[derive(Debug)]
pub struct Refused {
    /// As the outbox knows it.
    pub refusal: Refusal,
    /// What is to be told.
    pub fault: Fault,
    /// Whether another status, sent now, would be refused alike.
    pub is_for_all: bool,
}

/// The check runs that this process made and that are not at their end, by commit and context. After a restart another run of the same
/// name takes the place of each.
#[derive(Debug, Default)]
pub struct Runs {
    open: Mutex<BTreeMap<(CommitId, String), u64>>,
    /// The folder of the repository that the fleet is in: from there paths of annotations count.
    folder: Option<RepoPath>,
}

impl Runs {
    /// Returns none yet, of a fleet in this folder of its repository.
    pub fn of(folder: Option<RepoPath>) -> Self {
        Self { open: Mutex::default(), folder }
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<(CommitId, String), u64>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, status: &Status, run: Option<u64>) {
        let (mut open, key) = (self.open(), (status.commit, status.context.to_string()));
        open.remove(&key);
        if open.len() >= RUNS_MAX {
            open.pop_first();
        }
        if let Some(run) = run.filter(|_| !status.state.is_verdict()) {
            open.insert(key, run);
        }
    }

    fn path(&self, path: &str) -> String {
        self.folder.as_ref().map_or_else(|| path.to_owned(), |folder| format!("{folder}/{path}"))
    }
}

/// Where a commit is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// The branch that it is on.
    pub branch: String,
    /// The pull request whose head it is.
    pub pull: Option<u64>,
}

/// Gives a commit its status.
pub async fn post(server: &Server, runs: &Runs, place: &Whereabouts, status: &Status) -> Result<(), Refused> {
    let commit = status.commit.to_string();
    let paths: Vec<String> = status.annotations().iter().map(|it| runs.path(&it.path)).collect();
    let annotations = status.annotations().iter().zip(&paths);
    let annotations: Vec<Annotation<'_>> =
        annotations.map(|(it, path)| Annotation { path, line: it.line, text: &it.text }).collect();
    let told = CommitStatus {
        commit: &commit,
        context: status.context.as_str(),
        stand: stand(status),
        text: status.text(),
        link: None,
        branch: &place.branch,
        detail: status.try_detail(),
        annotations: &annotations,
    };
    point(Of::Post);
    let answered = if server.forge().takes_checks() {
        check(server, runs, status, &told).await
    } else {
        send(server, &server.forge().status(&told)).await.map(drop)
    };
    let answered = match (answered, place.pull) {
        (Ok(()), Some(number)) => of_pull(server, number, &told).await,
        (answered, _) => answered,
    };
    point(Of::Post);
    answered.map_err(|error| refused(server, error))
}

/// Says the same of the pull request, where that is another thing; of one that is gone, or that has another head by now,
/// nothing is to be said.
async fn of_pull(server: &Server, number: u64, told: &CommitStatus<'_>) -> Result<(), ForgeError> {
    let Some(call) = server.forge().iterations(number) else { return Ok(()) };
    let body = match server.send(&call).await {
        Err(error) if error.code() == Some(404) => return Ok(()),
        answered => answered?.body,
    };
    match server.forge().read_iteration(&body, told.commit) {
        Some(iteration) => send(server, &server.forge().pull_status((number, iteration), told)).await.map(drop),
        None => Ok(()),
    }
}

/// Makes a check run, or words the one of before anew; where that is gone, another one is made.
async fn check(server: &Server, runs: &Runs, status: &Status, told: &CommitStatus<'_>) -> Result<(), ForgeError> {
    let known = runs.open().get(&(status.commit, status.context.to_string())).copied();
    let answered = match send(server, &server.forge().check(told, known)).await {
        Err(error) if known.is_some() && error.code() == Some(404) => {
            send(server, &server.forge().check(told, None)).await
        }
        answered => answered,
    };
    let run = answered?.and_then(|body| body.get("id")?.as_u64());
    runs.keep(status, run.or(known));
    Ok(())
}

/// Sends it; that it is as it was to be already is no error. What was answered to a status is not read: what we said is what we know.
async fn send(server: &Server, call: &Call) -> Result<Option<Json>, ForgeError> {
    match server.send(call).await {
        Err(error) if error.meaning != Meaning::Done => Err(error),
        answered => Ok(answered.ok().map(|answered| answered.body)),
    }
}

fn stand(status: &Status) -> Stand {
    match status.state {
        State::Pending => Stand::Pending,
        State::Success => Stand::Success,
        State::Failure => Stand::Failure,
        State::Error if status.is_overtaken() => Stand::Overtaken,
        State::Error => Stand::Error,
    }
}

fn refused(server: &Server, mut error: ForgeError) -> Refused {
    let after = if let Meaning::Limited(wait) = error.meaning { Some(wait) } else { None };
    let refusal = match error.meaning {
        Meaning::Never => Refusal::Permanent(error.to_string().into()),
        _ => Refusal::Retry { after },
    };
    let is_busy = matches!(error.code(), Some(409)) && !matches!(error.trouble, Trouble::Unready(_));
    let is_for_all = error.meaning != Meaning::Never && !is_busy;
    if is_for_all {
        // Told once, whichever of them was the first.
        error.attempt = format!("post statuses to {}", server.forge().repository());
    }
    Refused { refusal, fault: error.into(), is_for_all }
}
