//! In: a chart repository over HTTP on this machine, which may lie. Out: what `lock` and a sync make of it.
//! Guarantee: a sync takes exactly what the lock says, and nothing that the settings do not allow is asked for.
use super::fleet::{Shop, helm, told};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use stratify::settings::{AllowedSource, Credentials, Settings};

/// What stands at a path: the code, further headers, the content.
pub(super) type Answer = (u16, String, Vec<u8>);

/// In the place of headers: the answer is cut off.
pub(super) const CUT: &str = "cut";

/// A server of files.
pub(super) struct Server {
    pub(super) address: String,
    answers: Arc<Mutex<BTreeMap<String, Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let address = format!("http://{}", listener.local_addr().expect("it has an address"));
        let answers: Arc<Mutex<BTreeMap<String, Answer>>> = Arc::default();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (known, log) = (answers.clone(), asked.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (known, log) = (known.clone(), log.clone());
                thread::spawn(move || serve(stream, &known, &log));
            }
        });
        Self { address, answers, asked }
    }

    pub(super) fn put(&self, path: &str, content: impl Into<Vec<u8>>) {
        self.answer(path, 200, "", content);
    }

    pub(super) fn answer(&self, path: &str, code: u16, headers: &str, content: impl Into<Vec<u8>>) {
        let answer = (code, headers.to_owned(), content.into());
        self.answers.lock().expect("no thread panics").insert(path.into(), answer);
    }

    pub(super) fn answers(&self) -> BTreeMap<String, Answer> {
        self.answers.lock().expect("no thread panics").clone()
    }

    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().expect("no thread panics"))
    }
}

fn serve(stream: TcpStream, known: &Mutex<BTreeMap<String, Answer>>, log: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if line.trim().is_empty() => break,
            Ok(_) => lines.push(line.trim().to_owned()),
        }
    }
    let path = lines[0].split(' ').nth(1).unwrap_or_default().to_owned();
    let credential = lines.iter().find(|line| line.to_lowercase().starts_with("authorization:"));
    let who = credential.map_or_else(String::new, |line| format!(" {}", line.split(' ').nth(1).unwrap_or_default()));
    let range = lines.iter().find_map(|line| line.to_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
    let from = range.as_deref().and_then(|range| range.trim_end_matches('-').parse::<usize>().ok());
    let part = from.map_or_else(String::new, |from| format!(" from {from}"));
    log.lock().expect("no thread panics").push(format!("{path}{who}{part}"));
    let answer = known.lock().expect("no thread panics").get(&path).cloned();
    let (code, headers, content) = answer.unwrap_or((404, String::new(), b"nothing".to_vec()));
    let mut stream = reader.into_inner();
    if headers == CUT {
        // Half of it, and the rest for who asks for the rest.
        let (code, part) = from.map_or((200, &content[..content.len() / 2]), |from| (206, &content[from..]));
        let left = content.len() - from.unwrap_or(0);
        let head = format!("HTTP/1.1 {code} x\r\ncontent-length: {left}\r\nconnection: close\r\n\r\n");
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(part));
        return;
    }
    let head = format!("HTTP/1.1 {code} x\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", content.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&content));
}

/// A fleet with a layer of the server's chart, and the chart in two versions there.
fn shop(server: &Server, wanted: &str) -> Shop {
    let shop = Shop::new("");
    for version in ["1.4.0", "1.5.0"] {
        shop.checkout.edit("charts/store/Chart.yaml", "version: 1.", "version: 1.");
        let text = std::fs::read_to_string(shop.checkout.path("charts/store/Chart.yaml")).expect("it is there");
        let text: String = text
            .lines()
            .map(
                |line| {
                    if line.starts_with("version: ") { format!("version: {version}\n") } else { format!("{line}\n") }
                },
            )
            .collect();
        shop.write("charts/store/Chart.yaml", &text);
        helm(&shop.checkout.root(), &["package", "charts/store", "--destination", "packed"]);
        let file = format!("packed/store-{version}.tgz");
        server.put(
            &format!("/charts/store-{version}.tgz"),
            std::fs::read(shop.checkout.path(&file)).expect("it is there"),
        );
    }
    helm(&shop.checkout.root(), &["repo", "index", "packed"]);
    server.put("/charts/index.yaml", std::fs::read(shop.checkout.path("packed/index.yaml")).expect("it is there"));
    std::fs::remove_dir_all(shop.checkout.path("charts")).expect("it is there");
    std::fs::remove_dir_all(shop.checkout.path("packed")).expect("it is there");
    shop.layers(&format!(
        "    - {{ name: store, namespace: shop, chart: {{ repo: '{}/charts', name: store, version: '{wanted}' }} }}\n",
        server.address
    ));
    shop.write(
        "../stratify.yaml",
        &format!("repository: {{ url: fleet, branch: main }}\nstate: state\nsources: [ {{ prefix: '{}/charts', private: true }} ]\n", server.address),
    );
    shop
}

fn settings(shop: &Shop, server: &Server) -> Settings {
    let mut settings = shop.settings();
    settings.sources = vec![AllowedSource {
        prefix: format!("{}/charts", server.address),
        is_private: true,
        ..AllowedSource::default()
    }];
    settings
}

#[track_caller]
fn said(shop: &Shop, settings: Settings) -> String {
    told(&shop.try_wanted_with(settings).0.map(drop).expect_err("it is refused"))
}

const WITH: [&str; 2] = ["--settings", "../stratify.yaml"];

#[track_caller]
fn lock(shop: &Shop, more: &[&str]) -> crate::commands::fixture::Ran {
    shop.run(&[&["lock"], more, &WITH[..]].concat())
}

#[test]
fn a_range_is_pinned_and_a_sync_takes_what_is_pinned() {
    let server = Server::start();
    let shop = shop(&server, "^1.4");
    let unlocked = said(&shop, settings(&shop, &server));
    assert!(unlocked.contains("ST0330") && unlocked.contains("at `^1.4` is not in fleet.lock"), "{unlocked}");
    assert!(server.asked().is_empty(), "a sync resolves nothing");
    lock(&shop, &["--check"]).ends_with(1).says(&["the chart `store` at `^1.4` is not in fleet.lock"]);
    lock(&shop, &[]).ends_with(0).says(&["fleet.lock is written", "1 chart"]);
    let text = std::fs::read_to_string(shop.checkout.path("fleet.lock")).expect("it is written");
    assert!(text.contains("version: \"1.5.0\"") && text.contains("digest: \"sha256:"), "{text}");
    server.asked();
    lock(&shop, &["--check"]).ends_with(0);
    assert!(server.asked().is_empty(), "a check asks nobody");
    lock(&shop, &[]).ends_with(0).says(&["fleet.lock is right"]);
    assert!(
        server.asked().iter().all(|path| path == "/charts/store-1.5.0.tgz"),
        "what is locked is looked at again, and not resolved"
    );
    let (wanted, renders) = shop.try_wanted_with(settings(&shop, &server));
    let wanted = wanted.unwrap_or_else(|fault| panic!("{}", told(&fault)));
    assert_eq!((wanted.layers.layers.len(), renders), (1, 1));
    assert_eq!(server.asked(), ["/charts/store-1.5.0.tgz"], "only the archive");
}

#[test]
fn another_digest_is_refused() {
    let server = Server::start();
    let shop = shop(&server, "1.4.x");
    lock(&shop, &[]).ends_with(0);
    server.put("/charts/store-1.4.0.tgz", "another archive");
    let said_of = said(&shop, settings(&shop, &server));
    assert!(said_of.contains("has the digest sha256:") && said_of.contains("of fleet.lock"), "{said_of}");
    lock(&shop, &["--update", "store"]).ends_with(1).says(&["which is not that of its index"]);
}

#[test]
fn a_lock_that_was_edited_by_hand_is_seen() {
    let server = Server::start();
    let shop = shop(&server, "1.4.x");
    lock(&shop, &[]).ends_with(0);
    shop.checkout.edit("fleet.lock", "version: \"1.4.0\"", "version: \"1.5.0\"");
    let said_of = said(&shop, settings(&shop, &server));
    assert!(said_of.contains("fleet.lock has `1.5.0` of the chart `store`, which is not `1.4.x`"), "{said_of}");
}

#[test]
fn what_the_settings_do_not_allow_is_not_asked_for() {
    let server = Server::start();
    let shop = shop(&server, "1.4.x");
    lock(&shop, &[]).ends_with(0);
    server.asked();
    let refused = said(&shop, shop.settings());
    assert!(refused.contains("no prefix under `sources` of the settings covers it"), "{refused}");
    let mut public = settings(&shop, &server);
    public.sources[0].is_private = false;
    let refused = said(&shop, public);
    assert!(refused.contains("on a private network or this machine"), "{refused}");
    assert!(server.asked().is_empty(), "nobody was asked");
}

#[test]
fn each_redirect_is_checked_and_no_credential_goes_along() {
    let (server, other) = (Server::start(), Server::start());
    let shop = shop(&server, "1.4.x");
    lock(&shop, &[]).ends_with(0);
    let archive = server.answers.lock().expect("no thread panics")["/charts/store-1.4.0.tgz"].2.clone();
    other.put("/files/store.tgz", archive);
    server.answer("/charts/store-1.4.0.tgz", 302, &format!("location: {}/files/store.tgz\r\n", other.address), "");
    let refused = said(&shop, settings(&shop, &server));
    assert!(refused.contains(&format!("could not fetch {}/files/store.tgz", other.address)), "{refused}");
    assert!(other.asked().is_empty(), "the other one was not asked");
    let token = shop.checkout.path("../token");
    std::fs::write(&token, "s3cret\n").expect("there is room");
    let mut both = settings(&shop, &server);
    both.sources[0].credentials = Credentials::TokenFile(token);
    both.sources.push(AllowedSource {
        prefix: format!("{}/files", other.address),
        credentials: Credentials::None,
        ..both.sources[0].clone()
    });
    server.asked();
    assert!(shop.try_wanted_with(both).0.is_ok(), "both are allowed");
    assert_eq!(
        (server.asked(), other.asked()),
        (vec!["/charts/store-1.4.0.tgz Bearer".into()], vec!["/files/store.tgz".into()])
    );
    server.answer("/charts/store-1.4.0.tgz", 302, "location: /charts/store-1.4.0.tgz\r\n", "");
    let circle = said(&shop, settings(&shop, &server));
    assert!(circle.contains("more than 5 redirects lead on"), "{circle}");
}

#[test]
fn a_page_in_the_place_of_an_index_is_told() {
    let server = Server::start();
    let shop = shop(&server, "1.4.x");
    server.put("/charts/index.yaml", "<html><body>Please log in</body></html>");
    lock(&shop, &[]).ends_with(1).says(&["it has no `entries`, as the index of a chart repository has"]);
    server.answer("/charts/index.yaml", 503, "", "");
    lock(&shop, &[]).ends_with(1).says(&["index.yaml: it answers 503"]);
}
