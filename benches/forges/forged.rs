//! In: deliveries that nobody signed. Out: what refusing one costs.
//! Guarantee: the door as `serve` opens it; the time of its own threads alone, as the kernel counts it.
use crate::live::SECRET;
use crate::table::{Row, told};
use hmac::{Hmac, KeyInit, Mac};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use sha2::Sha256;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::path::Path;
use std::sync::Arc;
use stratify::name::RepoName;
use stratify::observe::watch::Queue;
use stratify::serve::door::{self, Hook};
use stratify::settings::ForgeKind;

/// How many deliveries of each kind.
const COUNT: usize = 900;

/// As many of one source are read before it has to wait.
const OF_A_SOURCE: usize = 30;

/// A push has about as much.
const BODY_BYTES: usize = 8 << 10;

/// Delivers what is forged, from many sources and then from one that has to wait.
pub(crate) fn measure(scratch: &Path) -> Vec<Row> {
    fs::create_dir_all(scratch).expect("the temporary folder is ours");
    fs::write(scratch.join("secret"), SECRET).expect("the temporary folder is ours");
    let runtime = tokio::runtime::Runtime::new().expect("threads start");
    let hook = Hook {
        repository: RepoName::new("fleet").expect("it is a label"),
        kind: ForgeKind::GitHub,
        named: "acme/fleet".to_owned(),
        secret: scratch.join("secret"),
    };
    let address = runtime.block_on(async {
        let listener = door::listen("127.0.0.1:0".parse().expect("it is one")).await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(door::serve(listener, vec![hook], std::path::PathBuf::new(), Arc::new(Queue::default())));
        address
    });
    let body = "x".repeat(BODY_BYTES);
    let each = |what: &str, code: u16, source: &dyn Fn(usize) -> u8| {
        let before = others_ns();
        for at in 0..COUNT {
            let from = Some(Ipv4Addr::new(127, 0, 0, source(at)));
            assert_eq!(deliver(address, from, "push", &body, false), code, "{what} at {at}");
        }
        let each = (others_ns() - before) / u64::try_from(COUNT).unwrap_or(1) / 1_000;
        told("B13", format!("core time of a forged webhook, {what}"), format!("{each} µs"))
    };
    let source = |at: usize| u8::try_from(2 + at / OF_A_SOURCE).expect("there are fewer");
    vec![each("read and refused", 401, &source), each("of a source that has to wait", 429, &|_| 2)]
}

/// Delivers an event; returns the code of the answer.
pub(crate) fn deliver(to: SocketAddr, from: Option<Ipv4Addr>, event: &str, body: &str, is_signed: bool) -> u16 {
    let signature = if is_signed { sign(body) } else { format!("sha256={}", "0".repeat(64)) };
    let head = format!(
        "POST /webhooks/fleet HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-GitHub-Event: {event}\r\n\
         Content-Type: application/json\r\nX-Hub-Signature-256: {signature}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = match from {
        None => TcpStream::connect(to).expect("it listens"),
        Some(from) => connect_from(from, to),
    };
    // It may have answered before it read all.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    String::from_utf8_lossy(&text).split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

fn connect_from(from: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let made = socket(AddressFamily::INET, SocketType::STREAM, None).expect("there are sockets");
    bind(&made, &SocketAddrV4::new(from, 0)).expect("all of 127/8 is the loopback's");
    connect(&made, &to).expect("it listens");
    TcpStream::from(made)
}

fn sign(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().iter().fold("sha256=".to_owned(), |mut all, byte| {
        let _ = write!(all, "{byte:02x}");
        all
    })
}

/// Returns what all threads but this one have had of the cores.
fn others_ns() -> u64 {
    let read = |path: &Path| {
        let text = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0)
    };
    let threads = fs::read_dir("/proc/self/task").expect("this is Linux").filter_map(Result::ok);
    let all: u64 = threads.map(|thread| read(&thread.path())).sum();
    all - read(Path::new("/proc/thread-self"))
}
