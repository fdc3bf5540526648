//! In: a work tree's repository, and perhaps who writes. Out: the person and the moment that stand in a commit.
//! Guarantee: nobody is made up: where no one is configured there is a fault that says how to configure one.
use crate::client::git::fault;
use crate::decide::value::{Fault, Owner};
use gix::actor::Signature;

/// Returns who commits now: `given`, else the one that Git's configuration names.
pub(super) fn person(repository: &gix::Repository, given: Option<(&str, &str)>) -> Result<Signature, Fault> {
    let time = gix::date::Time::now_local_or_utc();
    let (name, email) = match given {
        Some((name, email)) => (name.to_owned(), email.to_owned()),
        None => configured(repository)?,
    };
    // They frame the fields of a commit; Git itself drops them.
    let plain = |text: &str| text.replace(['<', '>', '\n', '\0'], "").trim().to_owned();
    let (name, email) = (plain(&name), plain(&email));
    if name.is_empty() || email.is_empty() {
        return Err(nobody());
    }
    Ok(Signature { name: name.into(), email: email.into(), time })
}

fn configured(repository: &gix::Repository) -> Result<(String, String), Fault> {
    let found = repository.committer().and_then(Result::ok);
    let found = found.map(|found| (found.name.to_string(), found.email.to_string()));
    found.ok_or_else(nobody)
}

fn nobody() -> Fault {
    let message = "could not commit: Git's configuration names nobody: expected user.name and user.email";
    let hint = "run `git config --global user.name NAME` and `git config --global user.email ADDRESS`";
    fault(Owner::Operator, false, message, hint)
}
