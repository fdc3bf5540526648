//! In: repositories by HTTP, from the `git http-backend` of the machine. Out: what is fetched, and whose fault it is.
//! Guarantee: nobody but the loopback hears of it; no credential stands in a fault.
use super::fixture::Fixture;
use super::server::{Access, Server};
use secrecy::SecretString;
use std::time::Duration;
use stratify::client::git::{Credentials, Limits};
use stratify::decide::value::{Fault, Owner};
use stratify::observe::mirror::{Fetched, Head, Mirror};

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
    let fault = mirror.fetch().expect_err("it never answers");
    assert_eq!((fault.owner, fault.spurious), (Owner::Outside, true), "{}", said(&fault));
}
