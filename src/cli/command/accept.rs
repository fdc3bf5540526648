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
    if let Some(tag) = tag {
        check_tag(&here, tag, options)?;
    }
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

/// A tag is held where the lock has it, and nowhere else.
fn check_tag(here: &Here, tag: &str, options: &Accept) -> Result<(), Failure> {
    let Ok(fleet) = here.preview_of_seen().and_then(|preview| preview.committed()) else { return Ok(()) };
    let locked = fleet.index.locked(options.repository.as_ref(), tag.strip_prefix("refs/tags/").unwrap_or(tag));
    let (message, hint) = match locked {
        Some(commit) if commit == options.commit => return Ok(()),
        Some(commit) => (
            format!("fleet.lock has {commit} of the tag {tag}, and not {}", options.commit),
            format!("run `stratify accept {commit} --tag {tag}`, or `stratify lock` to take the tag as it is now"),
        ),
        None => {
            (format!("fleet.lock has no tag {tag}"), "see `tags` of fleet.lock; `stratify lock` writes them".to_owned())
        }
    };
    Err(fault(Owner::Caller, false, message, &hint).into())
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
