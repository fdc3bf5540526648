//! In: a folder of repositories. Out: an HTTP server on the loopback that runs `git http-backend` for each request.
//! Guarantee: as little of HTTP as Git needs; it ends with the test.
use super::fixture::hermetic;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// What the server makes of a request.
#[derive(Clone)]
pub(crate) enum Access {
    /// It answers all.
    Public,
    /// It answers who sends this header, and asks the others.
    Private(String),
    /// It answers all with a status and a text, once it has got a credential.
    Says {
        /// The status line's end.
        status: &'static str,
        /// The body.
        text: String,
    },
    /// It sends all to another server.
    Elsewhere(String),
    /// It takes requests and never answers.
    Silent,
}

impl Access {
    /// Returns the access of one user.
    pub(crate) fn private(user: &str, password: &str) -> Self {
        Self::Private(format!("Basic {}", base64(format!("{user}:{password}").as_bytes())))
    }
}

/// A running server.
pub(crate) struct Server {
    scheme: &'static str,
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Option<String>>>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts to serve the repositories in a folder.
    pub(crate) fn start(root: &Path, access: Access) -> Self {
        Self::start_with(root, access, None)
    }

    /// Starts to serve the repositories in a folder over TLS.
    pub(crate) fn start_tls(root: &Path, access: Access, tls: Arc<ServerConfig>) -> Self {
        Self::start_with(root, access, Some(tls))
    }

    fn start_with(root: &Path, access: Access, tls: Option<Arc<ServerConfig>>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let (ended, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let shared = Shared { root: root.to_owned(), access, seen: Arc::clone(&seen), ended: Arc::clone(&ended) };
        let thread = thread::spawn(move || {
            let shared = Arc::new(shared);
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.ended.load(Ordering::SeqCst) {
                    return;
                }
                let (shared, tls) = (Arc::clone(&shared), tls.clone());
                // A client that goes away is its own affair.
                thread::spawn(move || match tls {
                    None => shared.serve(stream).ok(),
                    Some(tls) => {
                        let connection = ServerConnection::new(tls).expect("the configuration is whole");
                        shared.serve(StreamOwned::new(connection, stream)).ok()
                    }
                });
            }
        });
        Self { scheme, address, ended, seen, thread: Some(thread) }
    }

    /// Returns the address of a repository.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}/{path}", self.scheme, self.address)
    }

    /// Returns the credential of each request up to now.
    pub(crate) fn seen(&self) -> Vec<Option<String>> {
        self.seen.lock().expect("no request panics with it").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        TcpStream::connect(self.address).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

struct Shared {
    root: PathBuf,
    access: Access,
    seen: Arc<Mutex<Vec<Option<String>>>>,
    ended: Arc<AtomicBool>,
}

/// A request as far as Git needs it.
#[derive(Default)]
struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

impl Shared {
    /// Answers a request.
    fn serve(&self, stream: impl Read + Write) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let Some(request) = read_request(&mut reader)? else { return Ok(()) };
        let credential = request.header("authorization").map(ToOwned::to_owned);
        self.seen.lock().expect("no request panics with it").push(credential.clone());
        let ask = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\n\
                   Content-Length: 0\r\nConnection: close\r\n\r\n";
        let answer = match &self.access {
            Access::Private(expected) if credential.as_ref() != Some(expected) => ask.as_bytes().to_vec(),
            Access::Says { .. } if credential.is_none() => ask.as_bytes().to_vec(),
            Access::Says { status, text } => {
                let length = text.len();
                format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}").into_bytes()
            }
            Access::Elsewhere(other) => {
                let target = request.target.trim_start_matches('/');
                format!(
                    "HTTP/1.1 302 Found\r\nLocation: {other}{target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )
                .into_bytes()
            }
            Access::Silent => {
                // Until the client goes.
                reader.read_to_end(&mut Vec::new())?;
                return Ok(());
            }
            Access::Public | Access::Private(_) => self.run(&request)?,
        };
        let mut stream = reader.into_inner();
        stream.write_all(&answer)?;
        stream.flush()
    }

    /// Runs Git's own server program, and returns its answer as HTTP.
    fn run(&self, request: &Request) -> std::io::Result<Vec<u8>> {
        let (path, query) = request.target.split_once('?').unwrap_or((request.target.as_str(), ""));
        let mut command = hermetic(&self.root);
        command.arg("http-backend").stdin(Stdio::piped()).stdout(Stdio::piped());
        command.env("GIT_PROJECT_ROOT", &self.root).env("GIT_HTTP_EXPORT_ALL", "1").env("REMOTE_USER", "ada");
        command.env("REQUEST_METHOD", &request.method).env("PATH_INFO", path).env("QUERY_STRING", query);
        for (name, variable) in [
            ("content-type", "CONTENT_TYPE"),
            ("content-encoding", "HTTP_CONTENT_ENCODING"),
            ("git-protocol", "GIT_PROTOCOL"),
        ] {
            if let Some(value) = request.header(name) {
                command.env(variable, value);
            }
        }
        command.env("CONTENT_LENGTH", request.body.len().to_string());
        let mut child = command.spawn()?;
        let mut stdin = child.stdin.take().expect("it is a pipe");
        let body = request.body.clone();
        let writer = thread::spawn(move || stdin.write_all(&body));
        let output = child.wait_with_output()?.stdout;
        writer.join().expect("it does not panic").ok();
        let end = output.windows(4).position(|four| four == b"\r\n\r\n").expect("it answers with headers");
        let (headers, body) = output.split_at(end + 4);
        let headers = String::from_utf8_lossy(headers);
        let status = headers.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK").to_owned();
        let rest: String = headers
            .lines()
            .filter(|line| !line.starts_with("Status:") && !line.is_empty())
            .fold(String::new(), |all, line| all + line + "\r\n");
        let length = body.len();
        let mut answer =
            format!("HTTP/1.1 {status}\r\n{rest}Content-Length: {length}\r\nConnection: close\r\n\r\n").into_bytes();
        answer.extend_from_slice(body);
        Ok(answer)
    }
}

fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut request = Request::default();
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
    (request.method, request.target) = (method.to_owned(), target.to_owned());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        request.headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    if request.header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let length = usize::from_str_radix(line.trim(), 16).expect("a chunk begins with its length");
            let mut chunk = vec![0; length + 2];
            reader.read_exact(&mut chunk)?;
            request.body.extend_from_slice(&chunk[..length]);
            if length == 0 {
                break;
            }
        }
    } else if let Some(length) = request.header("content-length") {
        request.body = vec![0; length.parse().expect("it is a number")];
        reader.read_exact(&mut request.body)?;
    }
    Ok(Some(request))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number =
            three.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            let is_there = digit <= three.len();
            text.push(if is_there { char::from(DIGITS[number >> (18 - 6 * digit) & 63]) } else { '=' });
        }
    }
    text
}
