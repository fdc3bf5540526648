//! In: a repository on a forge, its mirror. Out: the pull requests that are open, and what each would give when merged.
//! Guarantee: their objects stand in a store of their own, which borrows the mirror's and lends it nothing; refs are named
//! by us, out of the number.
use crate::client::forge::{ForgeError, Pull, Server};
use crate::client::git::{Address, Limits, Merged, Objects, fault, in_folder};
use crate::decide::value::{Fault, Owner};
use crate::name::CommitId;
use crate::observe::mirror::Mirror;
use std::fs;
use std::io;
use std::path::Path;

/// How many pages of pull requests are read: a thousand that are open at once.
const PAGES_MAX: usize = 20;

/// How many digits a whole commit has.
const DIGITS: usize = 40;

/// How many refs are fetched at once: their names are below what servers take of a request.
const AT_ONCE: usize = 50;

/// Lists the open pull requests to a branch; `known` is the head of one by its number, as it was told before.
pub async fn list(
    server: &Server,
    branch: &str,
    known: impl Fn(u64) -> Option<String>,
) -> Result<Vec<Pull>, ForgeError> {
    let mut found: Vec<Pull> = Vec::new();
    for page in 1..=PAGES_MAX {
        let answered = server.send(&server.forge().pulls(page)).await?;
        let (pulls, is_more) = server.forge().read_pulls(&answered.body);
        found.extend(pulls.into_iter().filter(|pull| pull.base == branch));
        if !is_more {
            break;
        }
    }
    // A list that moves while its pages are read has some twice.
    found.sort_by_key(|pull| pull.number);
    found.dedup_by_key(|pull| pull.number);
    for pull in &mut found {
        complete(server, pull, known(pull.number)).await?;
    }
    Ok(found)
}

/// Makes the head whole where the forge told its beginning; where there is no such commit any more, it stays as it is.
async fn complete(server: &Server, pull: &mut Pull, known: Option<String>) -> Result<(), ForgeError> {
    let is_fetched = pull.reference.is_some();
    let Some(call) = server.forge().whole_commit(&pull.head).filter(|_| is_fetched && pull.head.len() < DIGITS) else {
        return Ok(());
    };
    if let Some(known) = known.filter(|known| known.starts_with(&pull.head)) {
        pull.head = known;
        return Ok(());
    }
    match server.send(&call).await {
        Ok(answered) => {
            let whole = server.forge().read_whole_commit(&pull.head, &answered.body);
            pull.head = whole.unwrap_or_else(|| pull.head.clone());
            Ok(())
        }
        Err(error) if error.code() == Some(404) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Returns the head of a pull request, and the ref by which it is fetched; where the forge has none, that.
pub fn head(pull: &Pull) -> Result<(CommitId, &str), Fault> {
    let number = pull.number;
    let Some(reference) = &pull.reference else {
        let message =
            format!("pull request {number} is not planned: this forge has no ref by which its head is fetched");
        return Err(fault(Owner::Outside, false, message, "push its branch to the repository itself, not to a fork"));
    };
    match CommitId::parse(&pull.head) {
        Some(head) => Ok((head, reference)),
        None => Err(moved(number)),
    }
}

fn moved(number: u64) -> Fault {
    let message = format!("pull request {number} has moved while it was fetched");
    fault(Owner::Outside, true, message, "it is looked at again")
}

/// The objects of pull requests.
pub struct Pulls {
    objects: Objects,
}

impl Pulls {
    /// Opens an empty store in a folder: what an earlier process had there is thrown away.
    pub fn open(mirror: &Mirror, folder: &Path, address: &Address) -> Result<Self, Fault> {
        let attempt = format!("could not make the store of pull requests at {}", folder.display());
        let lender = mirror.folder().join("objects");
        let lender = lender.canonicalize().map_err(in_folder(&attempt))?;
        let make = || -> io::Result<()> {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
            for inner in ["objects/info", "objects/pack", "refs/heads"] {
                fs::create_dir_all(folder.join(inner))?;
            }
            fs::write(folder.join("objects/info/alternates"), format!("{}\n", lender.display()))?;
            fs::write(folder.join("config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n")?;
            fs::write(folder.join("HEAD"), "ref: refs/heads/none\n")
        };
        make().map_err(in_folder(&attempt))?;
        let limits: Limits = address.limits;
        Ok(Self { objects: Objects::open(folder, address.path.clone(), limits)? })
    }

    /// Returns its objects, and those that it borrows.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Fetches the heads of pull requests that are not here, many at once. Those that could not be are fetched one by one.
    pub fn receive_ahead(&self, address: &Address, pulls: &[Pull], base: CommitId) -> Result<(), Fault> {
        self.objects.reopen()?;
        let mut missing = Vec::new();
        for pull in pulls {
            match head(pull) {
                Ok((head, reference)) if !self.objects.contains(head)? => missing.push(reference),
                _ => {}
            }
        }
        // One alone is fetched when it is planned.
        for some in missing.chunks(AT_ONCE).filter(|some| some.len() > 1) {
            self.objects.bring_ahead(address, some, base)?;
        }
        Ok(())
    }

    /// Fetches the head of a pull request, unless it is here.
    pub fn receive(&self, address: &Address, pull: &Pull, base: CommitId) -> Result<CommitId, Fault> {
        // What the branch has now may have come into the mirror a moment ago.
        self.objects.reopen()?;
        let (head, reference) = head(pull)?;
        if self.objects.contains(head)? {
            return Ok(head);
        }
        let ours = format!("refs/stratify/pulls/{}", pull.number);
        let found = self.objects.bring_commit(address, reference, &ours, base)?;
        if found == Some(head) || self.objects.contains(head)? {
            return Ok(head);
        }
        Err(moved(pull.number))
    }

    /// Returns what merging a head into the branch gives.
    pub fn merge(&self, base: CommitId, head: CommitId) -> Result<Merged, Fault> {
        self.objects.merge(base, head)
    }
}
