//! In: nothing. Out: a port of the loopback that nobody listens on.
//! Guarantee: no two ports that are held at once are the same, in this process or another that asks here.
//!
//! Why: a server is told its port before it listens, so a port that was free a moment ago has to stay so; the lock on its
//! file holds it among tests, and the range lies below the one that the system takes for connections.
use std::fs::{self, File};
use std::net::TcpListener;
use std::ops::Range;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below Linux's range for connections (32768 and on) and the one of Cluster API's machines in memory (20000 and on).
const RANGE: Range<u16> = 12_000..20_000;

/// A port that is held until it is dropped.
pub(crate) struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// Holds a free port.
    pub(crate) fn free() -> Self {
        static ASKED: AtomicU16 = AtomicU16::new(0);
        let folder = folder();
        let size = RANGE.end - RANGE.start;
        // Processes begin at places of their own, so that they seldom try the same.
        let begin = u16::try_from(process::id() * 37 % u32::from(size)).expect("it is smaller than the range");
        for _ in 0..size {
            let step = ASKED.fetch_add(1, Ordering::Relaxed) % size;
            let number = RANGE.start + (begin + step) % size;
            let lock = File::create(folder.join(number.to_string())).expect("the folder of locks is ours");
            if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Self { number, _lock: lock };
            }
        }
        panic!("no port of {RANGE:?} is free on 127.0.0.1");
    }

    /// Returns its number.
    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}

/// Each user has a folder: another's locks could not be opened.
fn folder() -> PathBuf {
    let user = rustix::process::getuid().as_raw();
    let folder = std::env::temp_dir().join(format!("stratify-testenv-ports-{user}"));
    fs::create_dir_all(&folder).expect("a temporary folder can be made");
    folder
}
