//! In: statuses, and a forge. Out: each on its commit there, or why it was not taken.
//! Guarantee: what a refusal means is told as the outbox knows it; the text of a status goes as it is, nothing else does.
use crate::client::forge::{CommitStatus, ForgeError, Meaning, Server, Stand, Trouble};
use crate::decide::report::outbox::Refusal;
use crate::decide::report::{State, Status};
use crate::decide::value::Fault;

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

/// Gives a commit its status; `branch` is the one that it is on.
pub async fn post(server: &Server, branch: &str, status: &Status) -> Result<(), Refused> {
    let (commit, context) = (status.commit.to_string(), status.context.as_str());
    let stand = stand(status);
    let status = CommitStatus { commit: &commit, context, stand, text: status.text(), link: None, branch };
    match server.send(&server.forge().status(&status)).await {
        Err(error) if error.meaning != Meaning::Done => Err(refused(server, error)),
        // What was answered is not read: what we said is what we know.
        _ => Ok(()),
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
