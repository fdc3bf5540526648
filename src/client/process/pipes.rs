//! In: a child that runs, what it is to read, bounds. Out: what it printed.
//! Guarantee: neither side waits for the other for ever; what is kept is bounded, however much is printed.
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use std::time::Instant;

/// What a run is held to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) until: Instant,
    pub(super) stdout_bytes_max: usize,
    pub(super) stderr_bytes_max: usize,
}

/// Why it was cut short.
#[derive(Debug)]
pub(super) enum Cut {
    Time,
    Output,
    Failed(io::Error),
}

/// What was printed.
#[derive(Debug, Default)]
pub(super) struct Printed {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

/// How much is moved at once: what a pipe of Linux holds.
const CHUNK: usize = 64 * 1024;

/// Writes to a child and reads from it until it has closed both of its ends.
pub(super) fn talk(child: &mut Child, input: &[u8], bounds: &Bounds) -> Result<Printed, Cut> {
    let mut ends = Ends { stdin: child.stdin.take(), stdout: child.stdout.take(), stderr: child.stderr.take() };
    ends.no_waiting().map_err(Cut::Failed)?;
    let (mut left, mut printed) = (input, Printed::default());
    if left.is_empty() {
        ends.stdin = None;
    }
    let mut chunk = vec![0; CHUNK];
    while ends.stdout.is_some() || ends.stderr.is_some() {
        wait(&ends, bounds.until)?;
        if let Some(mut stdin) = ends.stdin.take() {
            match stdin.write(left) {
                Ok(written) => left = left.get(written..).unwrap_or_default(),
                Err(error) if is_later(&error) => {}
                // It reads no further, which is its affair: how it ends tells.
                Err(_) => left = &[],
            }
            if !left.is_empty() {
                ends.stdin = Some(stdin);
            }
        }
        if let Some(mut stdout) = ends.stdout.take() {
            let (is_open, read) = take(&mut stdout, &mut chunk)?;
            printed.stdout.extend_from_slice(read);
            if printed.stdout.len() > bounds.stdout_bytes_max {
                return Err(Cut::Output);
            }
            ends.stdout = is_open.then_some(stdout);
        }
        if let Some(mut stderr) = ends.stderr.take() {
            let (is_open, read) = take(&mut stderr, &mut chunk)?;
            let room = bounds.stderr_bytes_max.saturating_sub(printed.stderr.len());
            printed.stderr.extend(read.iter().take(room));
            ends.stderr = is_open.then_some(stderr);
        }
    }
    Ok(printed)
}

/// Our ends of a child's pipes, as long as they are of use.
struct Ends {
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl Ends {
    fn no_waiting(&self) -> io::Result<()> {
        let all = [self.stdin.as_ref().map(AsFd::as_fd), self.stdout.as_ref().map(AsFd::as_fd)];
        for end in all.into_iter().chain([self.stderr.as_ref().map(AsFd::as_fd)]).flatten() {
            fcntl_setfl(end, fcntl_getfl(end)? | OFlags::NONBLOCK)?;
        }
        Ok(())
    }
}

/// Waits until one of the ends can be used.
fn wait(ends: &Ends, until: Instant) -> Result<(), Cut> {
    let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()).ok_or(Cut::Time)?;
    let timeout =
        Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
    let reads = [ends.stdout.as_ref().map(AsFd::as_fd), ends.stderr.as_ref().map(AsFd::as_fd)];
    let mut all: Vec<PollFd<'_>> =
        reads.into_iter().flatten().map(|end| PollFd::from_borrowed_fd(end, PollFlags::IN)).collect();
    all.extend(ends.stdin.as_ref().map(|end| PollFd::from_borrowed_fd(end.as_fd(), PollFlags::OUT)));
    match poll(&mut all, Some(&timeout)) {
        Ok(0) => Err(Cut::Time),
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(Cut::Failed(error.into())),
    }
}

/// Reads what is there; whether there may be more.
fn take<'a>(end: &mut impl Read, chunk: &'a mut [u8]) -> Result<(bool, &'a [u8]), Cut> {
    match end.read(chunk) {
        Ok(0) => Ok((false, &[])),
        Ok(count) => Ok((true, chunk.get(..count).unwrap_or_default())),
        Err(error) if is_later(&error) => Ok((true, &[])),
        Err(error) => Err(Cut::Failed(error)),
    }
}

fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
