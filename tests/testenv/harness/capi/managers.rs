//! In: a running API server. Out: it knows Cluster API's kinds, and the four managers run.
//! Guarantee: returns when all four say that they are ready.
//!
//! Why no webhooks are configured: they set defaults and refuse mistakes, and would have the server call the managers;
//! without them objects have to be written out in full (see `cluster`).
use super::super::kubeconfig::User;
use super::super::port::Port;
use super::super::process::{Process, Start};
use super::super::programs::{folder, program};
use super::super::server::Server;
use super::super::wait::Patience;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

const MODULE: &str = "capi";

/// Programs and folders of definitions have the same names.
const MANAGERS: &[&str] = &["core", "bootstrap", "control-plane", "infrastructure"];

/// They are ready after some seconds on an idle machine; a loaded one may be many times as slow.
const START: Patience = Patience::seconds(180);

/// Makes the definitions, and waits until the server serves them and tells of them: a manager ends that starts before.
pub(super) async fn define(server: &Server) {
    let mut definitions = Vec::new();
    for manager in MANAGERS {
        let folder = folder(MODULE, &format!("definitions/{manager}"));
        for file in fs::read_dir(folder).expect("it was built") {
            definitions.push(read(&file.expect("it is readable").path()));
        }
    }
    for definition in &definitions {
        server.apply(definition).await;
    }
    for definition in &definitions {
        server
            .eventually(&format!("{} is served", definition["metadata"]["name"]), async || {
                let found = server.try_find(definition).await.expect("it was applied");
                super::condition(&found, "Established")
            })
            .await;
        server.api_of(&one_of(definition)).await;
    }
}

/// Returns as much of an object of a definition's kind as it takes to ask for it.
fn one_of(definition: &Value) -> Value {
    let spec = &definition["spec"];
    let versions = spec["versions"].as_array().expect("a definition has versions");
    let served = versions.iter().find(|version| version["served"] == true).expect("one of them is served");
    let group = spec["group"].as_str().expect("a definition has a group");
    let version = served["name"].as_str().expect("a version has a name");
    json!({
        "apiVersion": format!("{group}/{version}"), "kind": spec["names"]["kind"],
        "metadata": { "name": "any", "namespace": "default" },
    })
}

/// Reads a definition, and marks which versions of the contract it follows: so the managers find each other's kinds.
fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("it was built");
    let mut definition: Value = serde_yaml::from_str(&text).expect("upstream's definitions are YAML");
    definition["metadata"]["labels"] = json!({
        "cluster.x-k8s.io/v1beta1": "v1beta1",
        "cluster.x-k8s.io/v1beta2": "v1beta2",
    });
    definition
}

/// Starts the managers.
pub(super) fn start(server: &Server) -> Vec<Process> {
    let certificates = server.folder().join("webhooks");
    let identity = server.authority().server();
    fs::create_dir_all(&certificates).expect("the folder is ours");
    fs::copy(&identity.certificate, certificates.join("tls.crt")).expect("the folder is ours");
    fs::copy(&identity.key, certificates.join("tls.key")).expect("the folder is ours");
    let mut managers: Vec<(Process, u16)> =
        MANAGERS.iter().map(|name| start_one(server, name, &certificates)).collect();
    for (manager, health) in &mut managers {
        manager.ready(START, || is_ready(*health).unwrap_or(false));
    }
    managers.into_iter().map(|(manager, _)| manager).collect()
}

fn start_one(server: &Server, name: &str, certificates: &Path) -> (Process, u16) {
    let hold = || server.hold(Port::free());
    let health = hold();
    let process = Process::start(&Start {
        program: program(MODULE, name),
        arguments: vec![
            format!("--kubeconfig={}", server.kubeconfig_file(User::ADMIN).display()),
            "--leader-elect=false".to_owned(),
            format!("--webhook-port={}", hold()),
            format!("--webhook-cert-dir={}", certificates.display()),
            format!("--diagnostics-address=127.0.0.1:{}", hold()),
            "--insecure-diagnostics".to_owned(),
            format!("--health-addr=127.0.0.1:{health}"),
        ],
        environment: vec![
            ("HOME", server.folder().display().to_string()),
            ("POD_IP", "127.0.0.1".to_owned()),
            ("POD_NAMESPACE", "default".to_owned()),
            ("POD_NAME", name.to_owned()),
            ("POD_UID", name.to_owned()),
        ],
        logs: server.folder(),
        removed: None,
    });
    (process, health)
}

/// Asks for `/readyz`, over plain HTTP.
fn is_ready(port: u16) -> Option<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.contains(" 200 "))
}
