//! In: a head that does not descend from the last one. Out: the head, accepted.
//! Guarantee: only the head that the branch names now is accepted, by its full id.
use super::here::Here;
use super::{Answer, Failure};
use crate::cli::args::Accept;
use crate::cli::print::Text;
use crate::client::git::fault;
use crate::decide::value::{Fault, Owner};
use crate::serve::socket::{Ask, try_ask};
use serde_json::json;
use std::path::Path;

/// Accepts a rewritten head.
pub(super) fn run(options: &Accept, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    if let Some(answer) = try_ask(&here.settings.state, &Ask::Accept(options.commit))? {
        if let Some(error) = answer.get("error").and_then(|error| error.as_str()) {
            return Err(fault(Owner::Operator, false, error, "see `git log`").into());
        }
        return Ok(done(options));
    }
    let mirror = here.mirror()?;
    mirror.fetch()?;
    mirror.accept(options.commit).map_err(|fault: Fault| Failure::from(fault))?;
    Ok(done(options))
}

fn done(options: &Accept) -> Answer {
    let text = Text::of(format!("accepted {}: the next sync takes it", options.commit));
    Answer::new(text, json!({ "accepted": options.commit.to_string() }))
}
