//! In: a function from requests to replies. Out: an HTTP server on the loopback that answers by it, and all that was asked.
//! Guarantee: as little of HTTP as clients of forges need; it ends with the test.
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A request.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
    pub(crate) bytes: Vec<u8>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body: String = self.body.to_string().chars().take(200).collect();
        write!(f, "\n{} {} {body}", self.method, self.path)
    }
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Returns a text of the body.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.body[key].as_str().unwrap_or_default()
    }
}

/// A reply.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(code: u16, body: &Value) -> Self {
        Self { code, headers: Vec::new(), body: body.to_string() }
    }

    pub(crate) fn says(code: u16, message: &str) -> Self {
        Self::json(code, &json!({ "message": message }))
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

type Answers = dyn FnMut(&Request) -> Reply + Send;

/// A server that runs.
pub(crate) struct Http {
    scheme: &'static str,
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Request>>>,
    answered: Arc<Condvar>,
    thread: Option<JoinHandle<()>>,
}

/// How long something that a program does by itself may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_mins(2);

impl Http {
    /// Starts one.
    pub(crate) fn start(answers: impl FnMut(&Request) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        Self::on(listener, None, Box::new(answers))
    }

    /// Starts one over TLS.
    pub(crate) fn start_tls(tls: Arc<ServerConfig>, answers: impl FnMut(&Request) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        Self::on(listener, Some(tls), Box::new(answers))
    }

    /// Starts one at an address at which another one was.
    pub(crate) fn start_at(address: SocketAddr, answers: impl FnMut(&Request) -> Reply + Send + 'static) -> Self {
        Self::on(TcpListener::bind(address).expect("nobody else took the port"), None, Box::new(answers))
    }

    fn on(listener: TcpListener, tls: Option<Arc<ServerConfig>>, answers: Box<Answers>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = listener.local_addr().expect("it is bound");
        let (ended, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (stop, asked, answers) = (Arc::clone(&ended), Arc::clone(&seen), Arc::new(Mutex::new(answers)));
        let answered = Arc::new(Condvar::new());
        let told = Arc::clone(&answered);
        let thread = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (asked, answers, tls) = (Arc::clone(&asked), Arc::clone(&answers), tls.clone());
                let told = Arc::clone(&told);
                // A client that goes away is its own affair.
                thread::spawn(move || {
                    match tls {
                        None => serve(stream, &asked, &answers).ok(),
                        Some(tls) => {
                            let connection = ServerConnection::new(tls).expect("the configuration is whole");
                            serve(StreamOwned::new(connection, stream), &asked, &answers).ok()
                        }
                    };
                    told.notify_all();
                });
            }
        });
        Self { scheme, address, ended, seen, answered, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until something is so, and looks whenever a request was answered.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is() {
            let seen = self.seen.lock().expect("no request panics with it");
            drop(self.answered.wait_timeout(seen, Duration::from_millis(100)).expect("no request panics with it"));
            assert!(begun.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}; {:?}", self.seen());
        }
    }

    /// Returns all requests up to now.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().expect("no request panics with it").clone()
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        TcpStream::connect(self.address).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn serve(stream: impl Read + Write, seen: &Mutex<Vec<Request>>, answers: &Mutex<Box<Answers>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let Some(request) = read(&mut reader)? else { return Ok(()) };
    seen.lock().expect("no request panics with it").push(request.clone());
    let reply = (answers.lock().expect("no answer panics"))(&request);
    let headers: Vec<String> = reply.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    let length = reply.body.len();
    let head = format!("HTTP/1.1 {} X\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n", reply.code);
    let mut stream = reader.into_inner();
    stream.write_all(head.as_bytes())?;
    stream.write_all(reply.body.as_bytes())?;
    stream.flush()
}

fn read(reader: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(None) };
    let (method, path) = (method.to_owned(), path.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { method, path, headers, body: Value::Null, bytes: Vec::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    request.body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    request.bytes = bytes;
    Ok(Some(request))
}
