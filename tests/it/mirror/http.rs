//! In: repositories by HTTP, from the `git http-backend` of the machine. Out: what is fetched, and whose fault it is.
//! Guarantee: nobody but the loopback hears of it; no credential stands in a fault.
use super::fixture::Fixture;
use super::server::{Access, Server};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use stratify::client::git::{Credentials, Limits};
use stratify::decide::value::{Fault, Owner};
use stratify::observe::mirror::{Fetched, Head, Mirror};
use stratify::settings;

const SECRET: &str = "hunter2-hunter2";

fn token(secret: &str) -> Credentials {
    Credentials::Token(SecretString::from(secret.to_owned()))
}

fn mirror(fixture: &Fixture, server: &Server, credentials: Credentials) -> Mirror {
    fixture.mirror_with(|address| {
        address.url = server.url("source/.git");
        address.credentials = credentials;
    })
}

/// Says everything that an operator may get to read of a fault.
fn said(fault: &Fault) -> String {
    format!("{fault} {fault:?} {}", fault.hint.as_deref().unwrap_or_default())
}

#[test]
fn a_public_repository_is_read_without_credentials() {
    let fixture = Fixture::with_a_commit();
    let server = Server::start(fixture.scratch(), Access::Public);
    let mirror = mirror(&fixture, &server, token(SECRET));
    assert_eq!(mirror.fetch().expect("it can be fetched"), Fetched::Changed, "the branch came");
    assert_eq!(mirror.head().expect("it can be read"), Head::At(fixture.id("HEAD")), "all of it came");
    assert_eq!(mirror.fetch().expect("it can be fetched"), Fetched::Nothing, "nothing moved since");
    let next = fixture.commit("fleet.yaml", "kind: Fleet # changed\n");
    assert_eq!(mirror.fetch().expect("it can be fetched"), Fetched::Changed, "the branch moved");
    assert_eq!(mirror.head().expect("it can be read"), Head::At(next), "it went forward");
    assert!(server.seen().iter().all(Option::is_none), "a server that does not ask is told no secret");
}

#[test]
fn a_token_and_a_password_open_a_private_repository() {
    let password = SecretString::from(SECRET.to_owned());
    let basic = Credentials::Basic { user: "ada".to_owned(), password };
    for (user, credentials) in [("x-access-token", token(SECRET)), ("ada", basic)] {
        let fixture = Fixture::with_a_commit();
        let server = Server::start(fixture.scratch(), Access::private(user, SECRET));
        let mirror = mirror(&fixture, &server, credentials);
        mirror.fetch().expect("the credential is right");
        assert_eq!(mirror.head().expect("it can be read"), Head::At(fixture.id("HEAD")), "{user} may read it");
    }
}

#[test]
fn a_wrong_token_is_the_operators_fault_and_is_not_repeated() {
    let fixture = Fixture::with_a_commit();
    let server = Server::start(fixture.scratch(), Access::private("x-access-token", "another"));
    let mirror = mirror(&fixture, &server, token(SECRET));
    let fault = mirror.fetch().expect_err("the token is wrong");
    assert_eq!(fault.owner, Owner::Operator, "{}", said(&fault));
    assert!(!fault.spurious, "another try does not make it right");
    assert!(!said(&fault).contains(SECRET), "{}", said(&fault));
    assert!(fault.hint.is_some_and(|hint| hint.contains("credentials")), "the operator is told where to look");
    mirror.set_credentials(token("another"));
    assert_eq!(mirror.fetch().expect("the token is right now"), Fetched::Changed, "no restart is needed");
}

#[test]
fn a_token_that_stands_in_a_file_is_read_again_before_each_look() {
    let fixture = Fixture::with_a_commit();
    let server = Server::start(fixture.scratch(), Access::private("x-access-token", "another"));
    let file = fixture.beside("token");
    let write = |text: &str| fs::write(&file, text).expect("the scratch folder is ours");
    write(SECRET);
    let mirror = fixture.mirror_with(|address| {
        address.url = server.url("source/.git");
        address.stands.read = settings::Credentials::TokenFile(file.clone());
    });
    let fault = mirror.fetch().expect_err("the token is wrong");
    assert!(fault.owner == Owner::Operator && !said(&fault).contains(SECRET), "{}", said(&fault));
    write("another\n");
    assert_eq!(mirror.fetch().expect("the token is right now"), Fetched::Changed, "no restart is needed");
    fs::remove_file(&file).expect("it is there");
    let fault = mirror.fetch().expect_err("there is none");
    assert!(fault.owner == Owner::Operator && said(&fault).contains("could not read the secret"), "{}", said(&fault));
    write("another");
    assert_eq!(mirror.fetch().expect("it is there again"), Fetched::Nothing, "nothing moved");
}

#[test]
fn a_repository_that_asks_and_gets_nothing_is_the_operators_fault() {
    let fixture = Fixture::with_a_commit();
    let server = Server::start(fixture.scratch(), Access::private("x-access-token", SECRET));
    let fault = mirror(&fixture, &server, Credentials::None).fetch().expect_err("it is private");
    assert_eq!(fault.owner, Owner::Operator, "{}", said(&fault));
}

#[test]
fn a_server_that_repeats_the_token_does_not_get_it_printed() {
    let fixture = Fixture::with_a_commit();
    let says = format!("token {SECRET} has expired");
    let server = Server::start(fixture.scratch(), Access::Says { status: "403 Forbidden", text: says });
    let fault = mirror(&fixture, &server, token(SECRET)).fetch().expect_err("it is forbidden");
    assert!(!said(&fault).contains(SECRET), "{}", said(&fault));
    assert_eq!(fault.owner, Owner::Operator, "{}", said(&fault));
}

#[test]
fn a_credential_does_not_follow_to_another_server() {
    let fixture = Fixture::with_a_commit();
    let other = Server::start(fixture.scratch(), Access::private("x-access-token", SECRET));
    let server = Server::start(fixture.scratch(), Access::Elsewhere(other.url("")));
    let fault = mirror(&fixture, &server, token(SECRET)).fetch().expect_err("the other server gets no credential");
    assert!(!other.seen().is_empty(), "it was asked");
    assert!(other.seen().iter().all(Option::is_none), "it was told no secret: {}", said(&fault));
}

/// Returns an authority in PEM, and a server's side of TLS with a certificate for the loopback from it.
pub(crate) fn authority(folder: &Path) -> (Vec<u8>, Arc<ServerConfig>) {
    fs::create_dir_all(folder).expect("the folder is ours");
    let openssl = |args: &str| {
        let made = Command::new("openssl").args(args.split(' ')).current_dir(folder).output();
        let made = made.expect("openssl is not there: install it to run this test");
        assert!(made.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&made.stderr));
    };
    fs::write(folder.join("san"), "subjectAltName=IP:127.0.0.1\n").expect("the folder is ours");
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=ca -days 2"));
    openssl(&format!("req {key} -keyout leaf.key -out leaf.csr -subj /CN=leaf"));
    openssl("x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days 2 -extfile san");
    let leaf = CertificateDer::from_pem_file(folder.join("leaf.pem")).expect("it was made");
    let key = PrivateKeyDer::from_pem_file(folder.join("leaf.key")).expect("it was made");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("ring knows them").with_no_client_auth().with_single_cert(vec![leaf], key);
    (fs::read(folder.join("ca.pem")).expect("it was made"), Arc::new(config.expect("the key is the certificate's")))
}

#[test]
fn only_the_authority_of_the_settings_is_trusted() {
    let fixture = Fixture::with_a_commit();
    let (ours, tls) = authority(&fixture.beside("ours"));
    let (other, _) = authority(&fixture.beside("other"));
    let server = Server::start_tls(fixture.scratch(), Access::private("x-access-token", SECRET), tls);
    let fetch = |authority: Option<Vec<u8>>| {
        let mirror = fixture.mirror_with(|address| {
            address.url = server.url("source/.git");
            address.credentials = token(SECRET);
            address.authority = authority;
        });
        mirror.fetch()
    };
    for (authority, whose) in [(None, "of the system"), (Some(other), "of somebody else")] {
        let fault = fetch(authority).expect_err("its certificate comes from another authority");
        assert!(server.seen().is_empty(), "with the authority {whose} nothing is asked: {}", said(&fault));
    }
    let fault = fetch(Some(b"none".to_vec())).expect_err("it is no certificate");
    assert_eq!(fault.owner, Owner::Operator, "{}", said(&fault));
    assert_eq!(fetch(Some(ours)).expect("its certificate is right"), Fetched::Changed, "the branch came");
}

#[test]
fn a_server_that_is_down_or_broken_is_tried_again() {
    let fixture = Fixture::with_a_commit();
    let text = "the database is gone".to_owned();
    let broken = Server::start(fixture.scratch(), Access::Says { status: "500 Internal Server Error", text });
    let mirror = mirror(&fixture, &broken, token(SECRET));
    let fault = mirror.fetch().expect_err("it is broken");
    assert_eq!((fault.owner, fault.spurious), (Owner::Outside, true), "{}", said(&fault));
    drop(broken);
    let fault = mirror.fetch().expect_err("it is down");
    assert_eq!((fault.owner, fault.spurious), (Owner::Outside, true), "{}", said(&fault));
}

#[test]
fn a_server_that_does_not_answer_is_left_at_the_deadline() {
    let fixture = Fixture::with_a_commit();
    let server = Server::start(fixture.scratch(), Access::Silent);
    let mirror = fixture.mirror_with(|address| {
        address.url = server.url("source/.git");
        address.limits = Limits { deadline: Duration::from_millis(300), ..Limits::default() };
    });
    let start = Instant::now();
    let fault = mirror.fetch().expect_err("it never answers");
    // Far beyond the deadline, and far before the thirty seconds that HTTP clients wait by themselves.
    assert!(start.elapsed() < Duration::from_secs(10), "it took {:?}", start.elapsed());
    assert_eq!((fault.owner, fault.spurious), (Owner::Outside, true), "{}", said(&fault));
}
