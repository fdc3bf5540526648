//! In: signals of the system. Out: what they ask for.
//! Guarantee: from the first call on, no such signal ends the process by itself.
use crate::decide::value::{Fault, Owner, Source};
use std::io;
use tokio::signal::unix::{self, SignalKind};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// To end in order: SIGTERM or SIGINT.
    Stop,
    /// To read the settings and credentials again: SIGHUP.
    Reload,
}

/// The signals of this process.
#[derive(Debug)]
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hang_up: unix::Signal,
}

/// Begins to take signals; to be called inside a tokio runtime.
pub fn signals() -> Result<Signals, Fault> {
    let take = || -> io::Result<Signals> {
        Ok(Signals {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            hang_up: unix::signal(SignalKind::hangup())?,
        })
    };
    take().map_err(|error| Fault {
        owner: Owner::Operator,
        spurious: false,
        hint: Some("look at the limit of open files".to_owned()),
        source: Source::Error(Box::new(io::Error::new(error.kind(), format!("could not take signals: {error}")))),
    })
}

impl Signals {
    /// Waits for the next signal. To drop the future loses none.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            // A stop that waits beside a reload comes first.
            biased;
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Signal as Sent, getpid, kill_process};
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn a_signal_asks_and_does_not_end_us() {
        let mut signals = signals().expect("signals can be taken");
        for (sent, asks) in [(Sent::HUP, Signal::Reload), (Sent::TERM, Signal::Stop), (Sent::INT, Signal::Stop)] {
            kill_process(getpid(), sent).expect("a process may signal itself");
            let taken = timeout(Duration::from_secs(5), signals.next()).await;
            assert_eq!(taken, Ok(asks), "{sent:?} was sent");
        }
    }
}
