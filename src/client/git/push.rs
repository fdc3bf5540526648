//! In: a ref of a repository on this machine, and what the remote's ref should name. Out: the remote's ref moved, or where it is.
//! Guarantee: the remote's ref moves only from the expected value; what others wrote meanwhile is never overwritten.
//!
//! Why: gix has no push, but its parts: a handshake, a writer of packs, a request. No `git` has to be installed.
use super::address::{Address, Way};
use super::copy::{copy, pack};
use super::error::{fault, in_local, local};
use super::fetch::{remote_fault, without_secret};
use super::objects::{Objects, bytes, edit_refs, open, open_writable};
use super::transport::{Connected, Guard, authenticate, connect};
use crate::decide::value::{Fault, Owner};
use gix::ObjectId;
use gix::error::ErrorExt;
use gix::progress::Discard;
use gix::protocol::Handshake;
use gix::protocol::handshake::Ref;
use gix::protocol::transport::Service;
use gix::protocol::transport::client::blocking_io::Transport;
use gix::protocol::transport::client::{MessageKind, WriteMode};
use gix::protocol::transport::packetline::read::ProgressAction;
use gix::refs::transaction::{PreviousValue, RefEdit};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// The remote's ref names what ours names.
    Done,
    /// The remote's ref is not where it was expected, and stays.
    LeaseBroken {
        /// What it names.
        now: Option<[u8; 20]>,
    },
}

/// Makes a ref of the remote name what ours of the same name does, if it names `expected`; `None`: if there is none.
pub(crate) fn push(
    address: &Address,
    objects: &Objects,
    reference: &str,
    expected: Option<[u8; 20]>,
) -> Result<Pushed, Fault> {
    let attempt = format!("could not push {reference} to repository {}", address.name);
    // Opened anew, so that what another process wrote is seen.
    let repository = open(objects.repository().path(), objects.limits())?.to_thread_local();
    let Some(new) = target(&repository, reference, &attempt)? else {
        return Err(fault(Owner::Bug, false, format!("{attempt}: there is no such ref here"), ""));
    };
    let lease = expected.map(|id| ObjectId::from_bytes_or_panic(&id));
    let push = Push { address, repository: &repository, reference, new, lease, attempt: &attempt };
    match address.way()? {
        (_, Way::Folder(folder)) => push.write_to(&folder),
        _ => push.send(),
    }
}

/// Returns what a ref names itself.
pub(crate) fn target(repository: &gix::Repository, reference: &str, attempt: &str) -> Result<Option<ObjectId>, Fault> {
    let found = repository.try_find_reference(reference).map_err(in_local(attempt))?;
    Ok(found.and_then(|found| found.try_id().map(gix::Id::detach)))
}

struct Push<'a> {
    address: &'a Address,
    repository: &'a gix::Repository,
    reference: &'a str,
    new: ObjectId,
    lease: Option<ObjectId>,
    attempt: &'a str,
}

/// What a remote answers.
struct Answer {
    /// Its report, a line for the pack and one for the ref.
    report: Vec<String>,
    /// What it says to people.
    said: String,
}

/// The programs by which a repository refuses or follows a push. They run only where Git itself receives it.
const HOOKS: [&str; 6] =
    ["pre-receive", "update", "post-receive", "post-update", "proc-receive", "reference-transaction"];

/// The longest report that is read: two lines, with a ref's name and a reason.
const REPORT_BYTES_MAX: u64 = 64 << 10;

/// The most of what a remote says to people that is kept.
const SAID_BYTES_MAX: usize = 8 << 10;

/// The largest pack that is sent with its length before it, as Git's own `http.postBuffer` has it.
const AT_ONCE_BYTES_MAX: usize = 1 << 20;

/// The most branches that are looked at for what the remote has.
const BRANCHES_MAX: usize = 64;

impl Push<'_> {
    /// Writes into a repository of this machine.
    fn write_to(&self, folder: &Path) -> Result<Pushed, Fault> {
        let attempt = format!("{} at {}", self.attempt, folder.display());
        let found = gix::open::Options::isolated().open(folder).map_err(in_local(&attempt))?.to_thread_local();
        let hooks = found.common_dir().join("hooks");
        let has_hooks = HOOKS.iter().any(|hook| hooks.join(hook).exists());
        if has_hooks || found.config_snapshot().string("core.hooksPath").is_some() {
            return self.send();
        }
        let is_checked_out = found.workdir().is_some()
            && found.head_name().is_ok_and(|head| head.is_some_and(|head| head.as_bstr() == self.reference));
        if is_checked_out {
            let message = format!("{attempt}: its work tree has the branch checked out");
            return Err(fault(Owner::Operator, false, message, "push to a bare repository"));
        }
        let to = open_writable(found.path())?;
        let now = target(&to, self.reference, &attempt)?;
        if let Some(pushed) = self.without_a_write(now) {
            return Ok(pushed);
        }
        let there: Vec<ObjectId> = self.lease.into_iter().filter(|id| self.repository.has_object(id)).collect();
        copy(self.repository, &to, self.new, &there, &attempt)?;
        let name = gix::refs::FullName::try_from(self.reference).map_err(|error| local(&attempt, &error))?;
        let previous = self.lease.map_or(PreviousValue::MustNotExist, |lease| {
            PreviousValue::MustExistAndMatch(gix::refs::Target::Object(lease))
        });
        let Err(refused) = edit_refs(&to, vec![RefEdit::update(name, self.new, previous, "push")]) else {
            return Ok(Pushed::Done);
        };
        let now = target(&open_writable(found.path())?, self.reference, &attempt)?;
        self.without_a_write(now).ok_or(Fault { spurious: true, ..refused })
    }

    /// Returns what comes of it where nothing is to be written.
    fn without_a_write(&self, now: Option<ObjectId>) -> Option<Pushed> {
        match now {
            Some(now) if now == self.new => Some(Pushed::Done),
            now if now != self.lease => Some(Pushed::LeaseBroken { now: now.map(bytes) }),
            _ => None,
        }
    }

    /// Speaks with the remote.
    fn send(&self) -> Result<Pushed, Fault> {
        let (mut transport, mut guard, handshake) = self.greet()?;
        if let Some(pushed) = self.without_a_write(self.now(&handshake)) {
            return Ok(pushed);
        }
        let pack = pack(self.repository, self.new, &self.there(&handshake), self.attempt)?;
        let sent = self.exchange(&mut transport, &handshake, &pack);
        drop(transport);
        let answer = sent.map_err(|error| remote_fault(self.address, self.attempt, &error, &mut guard))?;
        let of_ref = answer.report.iter().find_map(|line| {
            let (word, rest) = line.split_once(' ')?;
            let rest = rest.strip_prefix(self.reference)?;
            Some((word == "ok", rest.trim().to_owned()))
        });
        let unpacked = answer.report.iter().find_map(|line| line.strip_prefix("unpack "));
        match (unpacked, of_ref) {
            (Some("ok"), Some((true, _))) => Ok(Pushed::Done),
            (Some("ok"), Some((false, why))) => self.declined(&why, &answer, guard),
            (why, _) => {
                let why = why.map_or("it ended without a report".to_owned(), |why| format!("it unpacked: {why}"));
                Err(self.refusal(&why, &answer, &mut guard, Owner::Outside, true))
            }
        }
    }

    /// Finds out whether somebody else was faster, or whether the remote does not want it at all.
    fn declined(&self, why: &str, answer: &Answer, mut guard: Guard) -> Result<Pushed, Fault> {
        // Where it cannot be asked any more, what it answered is what is known.
        let now = self.greet().ok().and_then(|(_, _, handshake)| self.without_a_write(self.now(&handshake)));
        if let Some(pushed) = now {
            return Ok(pushed);
        }
        // Two writers at the same moment, of which one holds the ref's lock.
        let lower = why.to_lowercase();
        let spurious = ["lock ref", "failed to lock", "failed to update ref"].iter().any(|part| lower.contains(part));
        Err(self.refusal(why, answer, &mut guard, Owner::Operator, spurious))
    }

    fn refusal(&self, why: &str, answer: &Answer, guard: &mut Guard, owner: Owner, spurious: bool) -> Fault {
        let said: Vec<String> = [answer.said.clone(), guard.said()].iter().map(|said| said.trim().to_owned()).collect();
        let said = said.into_iter().filter(|said| !said.is_empty()).collect::<Vec<_>>().join(" ");
        let text = if said.is_empty() { why.to_owned() } else { format!("{why}: the remote says: {said}") };
        let text: String = text.replace(char::is_control, " ").chars().take(1000).collect();
        let text = without_secret(self.address, &text);
        let message = format!("{}: the remote declined it: {text}", self.attempt);
        let hint = "let these credentials write this ref: a hook or a protection of the remote stands against it";
        fault(owner, spurious, message, if spurious { "it is tried again" } else { hint })
    }

    /// Connects, and lets the remote tell its refs.
    fn greet(&self) -> Result<(Connected, Guard, Handshake), Fault> {
        let (mut transport, mut guard) = connect(self.address, Service::ReceivePack, None)?;
        let authenticate = authenticate(self.address);
        let greeted =
            gix::protocol::handshake(&mut transport, Service::ReceivePack, authenticate, Vec::new(), &mut Discard);
        match greeted {
            Ok(handshake) => Ok((transport, guard, handshake)),
            Err(error) => {
                drop(transport);
                Err(remote_fault(self.address, self.attempt, &error, &mut guard))
            }
        }
    }

    /// Returns what the remote's ref names.
    fn now(&self, handshake: &Handshake) -> Option<ObjectId> {
        refs(handshake).find(|(name, _)| *name == self.reference).map(|(_, id)| id)
    }

    /// Returns commits that the remote has, and we have too.
    fn there(&self, handshake: &Handshake) -> Vec<ObjectId> {
        let is_here = |id: &ObjectId| {
            let header = self.repository.try_find_header(*id).ok().flatten();
            header.is_some_and(|header| header.kind() == gix::object::Kind::Commit)
        };
        let from = self.lease.filter(is_here);
        // A new branch comes from another one; notes come from nowhere.
        let is_new = from.is_none() && self.reference.starts_with("refs/heads/");
        let branches = refs(handshake).filter(|(name, _)| is_new && name.starts_with(b"refs/heads/"));
        from.into_iter().chain(branches.map(|(_, id)| id).take(BRANCHES_MAX).filter(is_here)).collect()
    }

    /// Sends the pack, and reads the report.
    fn exchange(&self, transport: &mut Connected, handshake: &Handshake, pack: &[u8]) -> gix::Result<Answer> {
        let has_bands = handshake.capabilities.contains("side-band-64k");
        let mode =
            if pack.len() > AT_ONCE_BYTES_MAX { WriteMode::Binary } else { WriteMode::OneLfTerminatedLinePerWriteCall };
        let mut request = transport.request(mode, MessageKind::Flush, false).map_err(|error| error.raise())?;
        let old = self.lease.unwrap_or(ObjectId::null(gix::hash::Kind::Sha1));
        let bands = if has_bands { " side-band-64k" } else { "" };
        let agent = concat!("agent=git/stratify-", env!("CARGO_PKG_VERSION"));
        let command = format!("{old} {} {}\0 report-status{bands} {agent}", self.new, self.reference);
        let said = Arc::new(Mutex::new(Vec::new()));
        let mut report = Vec::new();
        let talk = || -> std::io::Result<()> {
            request.write_all(command.as_bytes())?;
            request.write_message(MessageKind::Flush)?;
            let (mut write, mut read) = request.into_parts();
            write.write_all(pack)?;
            write.flush()?;
            // Over HTTP this is the end of the question.
            drop(write);
            if has_bands {
                let said = Arc::clone(&said);
                read.set_progress_handler(Some(Box::new(move |_, text| {
                    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                    let left = SAID_BYTES_MAX.saturating_sub(said.len());
                    said.extend(text.iter().take(left));
                    ProgressAction::Continue(())
                })));
            }
            read.take(REPORT_BYTES_MAX).read_to_end(&mut report)?;
            Ok(())
        };
        talk().map_err(|error| error.raise())?;
        let said = said.lock().unwrap_or_else(PoisonError::into_inner);
        let said = String::from_utf8_lossy(&said).into_owned();
        let report = if has_bands { packet_lines(&report) } else { plain_lines(&report) };
        Ok(Answer { report, said })
    }
}

/// Returns the remote's refs.
fn refs(handshake: &Handshake) -> impl Iterator<Item = (&gix::bstr::BStr, ObjectId)> {
    use gix::bstr::ByteSlice;
    handshake.refs.iter().flatten().filter_map(|one| match one {
        Ref::Direct { full_ref_name, object } => Some((full_ref_name.as_bstr(), *object)),
        Ref::Peeled { full_ref_name, tag, .. } => Some((full_ref_name.as_bstr(), *tag)),
        Ref::Symbolic { full_ref_name, tag, object, .. } => {
            Some((full_ref_name.as_bstr(), tag.as_ref().map_or(*object, |tag| *tag)))
        }
        Ref::Unborn { .. } => None,
    })
}

/// Returns the lines of a report, each with four digits before it that say its length.
fn packet_lines(mut bytes: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some((digits, _)) = bytes.split_at_checked(4) {
        let length = std::str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let Some((line, rest)) = length.filter(|length| *length > 4).and_then(|length| bytes.split_at_checked(length))
        else {
            break;
        };
        lines.extend(plain_lines(&line[4..]));
        bytes = rest;
    }
    lines
}

fn plain_lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(|line| line.trim_end().to_owned()).collect()
}
