//! In: a head that does not descend from the last one, or a tag that moved. Out: the head accepted, the tag held.
//! Guarantee: only the head that the branch names now is accepted, and a tag is held at a commit, both by full ids.
use super::current_fleet::Here;
use super::{Answer, Failure};
use crate::cli::args::Accept;
use crate::cli::print::Text;
use crate::client::git::fault;
use crate::control::repositories::Mirrors;
use crate::decide::value::Owner;
use crate::serve::socket::{Acceptance, Ask, try_ask};
use serde_json::json;
use std::path::Path;

/// Accepts a rewritten head, or holds a tag.
pub(super) fn run(options: &Accept, settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let Accept { commit, tag, repository } = options;
    let acceptance = Acceptance { commit: *commit, tag: tag.clone(), repository: repository.clone() };
    if let Some(answer) = try_ask(&here.settings.state, &Ask::Accept(acceptance))? {
        if let Some(error) = answer.get("error").and_then(|error| error.as_str()) {
            let hint = answer.get("hint").and_then(|hint| hint.as_str()).unwrap_or("see `git log`");
            return Err(fault(Owner::Operator, false, error, hint).into());
        }
        return Ok(done(options));
    }
    let others = repository.iter().map(|name| Ok((name.clone(), Ok(here.other_mirror(name)?))));
    let mirrors = Mirrors::new(here.mirror()?, others.collect::<Result<_, Failure>>()?);
    mirrors.accept(repository.as_ref(), *commit, tag.as_deref())?;
    Ok(done(options))
}

fn done(options: &Accept) -> Answer {
    let text = match &options.tag {
        Some(tag) => format!("{tag} is held at {}: the next sync takes it there", options.commit),
        None => format!("accepted {}: the next sync takes it", options.commit),
    };
    let repository = options.repository.as_ref().map(crate::name::RepoName::as_str);
    let data = json!({ "accepted": options.commit.to_string(), "tag": options.tag, "repository": repository });
    Answer::new(Text::of(text), data)
}
