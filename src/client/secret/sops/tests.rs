//! In: documents that are sealed here as SOPS seals them. Out: their values, or why they do not open.
//! Guarantee: what the program itself writes is read in tests/it; here each way of being wrong is by itself.
use super::super::age::{Identity, Recipient};
use super::cipher::DataKey;
use super::{Key, Keys, Sealing, open, seal};
use crate::decide::document::File;
use crate::decide::value::{Diagnostic, Seal, Value, canonical};
use crate::name::{BlobId, RepoPath};
use sha2::{Digest, Sha512};
use std::fmt::Write;

/// The day on which all documents here are sealed.
const SEALED_AT: &str = "2026-11-26T08:00:00Z";

/// A document before it is sealed: a path, its type, its text; an empty type stays plain.
type Leaf<'a> = (&'a str, &'a str, &'a str);

struct Fixture {
    identity: Identity,
    key: Vec<u8>,
    sealed_key: String,
}

fn fixture() -> Fixture {
    let (identity, key) = (Identity::generate(), vec![7; 32]);
    let recipient = Recipient::parse(identity.recipient()).expect("it is one");
    let sealed_key = recipient.seal(&key).expect("it is short");
    Fixture { identity, key, sealed_key }
}

impl Fixture {
    fn data_key(&self) -> DataKey {
        DataKey::new(&self.key).expect("it has 32 bytes")
    }

    /// Returns a sealed document of one level; `more` stands under `sops`.
    fn sealed(&self, leaves: &[Leaf<'_>], more: &str) -> String {
        let (key, mut text, mut mac) = (self.data_key(), String::new(), Sha512::new());
        for (at, (path, kind, value)) in (1u8..).zip(leaves) {
            mac.update(value.as_bytes());
            let shown = match *kind {
                "" => (*value).to_owned(),
                kind => key.seal(value, kind, &format!("{path}:"), [at; 32]),
            };
            writeln!(text, "{path}: {shown}").expect("it is a string");
        }
        let mac = super::cipher::hex(&mac.finalize());
        let mac = key.seal(&mac, "str", SEALED_AT, [99; 32]);
        let enc = self.sealed_key.trim().replace('\n', "\n            ");
        write!(
            text,
            "sops:\n    age:\n        - recipient: {}\n          enc: |\n            {enc}\n    lastmodified: \"{SEALED_AT}\"\n    mac: {mac}\n    version: 3.13.3\n{more}",
            self.identity.recipient()
        )
        .expect("it is a string");
        text
    }

    fn open(&self, path: &str, paths: &[&str], text: &str) -> Result<Value, String> {
        let key = Key {
            identity: self.identity.clone(),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            repository: None,
        };
        open_with(path, &Keys::new(vec![key]), text)
    }
}

fn open_with(path: &str, keys: &Keys, text: &str) -> Result<Value, String> {
    let path = RepoPath::new(path).expect("it is inside");
    let files = File::read_all(&path, BlobId([0; 20]), text.as_bytes()).expect("it is YAML");
    let said = |said: Vec<Diagnostic>| said.iter().map(|one| one.message.clone()).collect::<Vec<_>>().join("; ");
    let mut all = open(&files, &path, None, keys, &Seal::new(b"key")).map_err(said)?;
    Ok(all.pop().expect("it has one document"))
}

const LEAVES: [Leaf<'_>; 5] = [
    ("password", "str", "hush"),
    ("port", "int", "5432"),
    ("ratio", "float", "0.5"),
    ("tls", "bool", "True"),
    ("host_unencrypted", "", "db.example.org"),
];

/// Returns a value with what is sensitive shown, as only a test may.
fn shown(value: &Value) -> String {
    fn exposed(value: &Value) -> Value {
        match value {
            Value::Sensitive(sensitive) => exposed(sensitive.expose()),
            Value::Map(map) => Value::map(map.iter().map(|(key, value)| (key.clone(), exposed(value))).collect()),
            Value::List(items) => Value::list(items.iter().map(exposed).collect()),
            value => value.clone(),
        }
    }
    canonical(&exposed(value))
}

#[test]
fn what_is_sealed_opens_as_it_was_and_is_sensitive() {
    let fixture = fixture();
    let text = fixture.sealed(&LEAVES, "");
    let opened = fixture.open("teams/a/db.sops.yaml", &["teams/a"], &text).expect("it opens");
    let expected = r#"{"host_unencrypted":"db.example.org","password":"hush","port":5432,"ratio":5e-1,"tls":true}"#;
    assert_eq!(shown(&opened), expected);
    assert!(opened.get("password").is_some_and(Value::is_tainted), "what was sealed is sensitive");
    assert_eq!(opened.get("host_unencrypted").and_then(Value::as_str), Some("db.example.org"), "what was plain is not");
}

#[test]
fn a_value_that_was_changed_moved_or_left_plain_is_told_where_it_stands() {
    let fixture = fixture();
    let text = fixture.sealed(&LEAVES, "");
    let changed = text.replacen("data:", "data:AAAA", 1);
    let said = fixture.open("a.yaml", &[], &changed).expect_err("it was changed");
    assert_eq!(said, "a value of `a.yaml` cannot be opened: it was changed, or moved from another place");
    let moved = text.replacen("password:", "username:", 1);
    assert!(fixture.open("a.yaml", &[], &moved).expect_err("it was moved").contains("moved from another place"));
    let line = text.lines().find(|line| line.starts_with("port:")).expect("it is there");
    let half = text.replace(line, "port: 5432");
    let said = fixture.open("a.yaml", &[], &half).expect_err("it is half sealed");
    assert_eq!(said, "a value of `a.yaml` cannot be opened: it should be sealed, and is plain");
    let half = text.replace(line, "port: plain");
    assert!(fixture.open("a.yaml", &[], &half).expect_err("it is half sealed").contains("it is not sealed"));
}

#[test]
fn what_was_added_or_taken_away_breaks_the_mac() {
    let fixture = fixture();
    let text = fixture.sealed(&LEAVES, "");
    let broken = "`a.yaml` was changed after it was sealed: its MAC is of other values";
    let host = text.replace("db.example.org", "evil.example.org");
    assert_eq!(fixture.open("a.yaml", &[], &host).expect_err("a plain value counts, too"), broken);
    let line = text.lines().find(|line| line.starts_with("tls:")).expect("it is there");
    assert_eq!(fixture.open("a.yaml", &[], &text.replace(&format!("{line}\n"), "")).expect_err("one is gone"), broken);
    let later = text.replace(SEALED_AT, "2026-11-27T08:00:00Z");
    assert_eq!(fixture.open("a.yaml", &[], &later).expect_err("it was sealed then"), broken);
    let none = text.lines().filter(|line| !line.trim_start().starts_with("mac:")).collect::<Vec<_>>().join("\n");
    assert_eq!(
        fixture.open("a.yaml", &[], &none).expect_err("there is none"),
        "`a.yaml` cannot be opened: it has no MAC"
    );
}

#[test]
fn a_key_opens_what_is_below_its_paths_and_nothing_else() {
    let fixture = fixture();
    let text = fixture.sealed(&LEAVES[..1], "");
    for path in ["teams/a/x.yaml", "teams/a/deep/x.yaml"] {
        assert!(fixture.open(path, &["teams/a"], &text).is_ok(), "{path} is below");
    }
    let copied = fixture.open("teams/b/x.yaml", &["teams/a"], &text).expect_err("it was copied");
    assert_eq!(copied, "`teams/b/x.yaml` cannot be opened: the key that it is sealed to is for other paths");
    assert!(fixture.open("teams/ab/x.yaml", &["teams/a"], &text).is_err(), "a name that begins so is another one");
    let none = open_with("x.yaml", &Keys::default(), &text).expect_err("there is no key");
    assert_eq!(none, "`x.yaml` cannot be opened: the settings have no key for its path");
    let other = Identity::generate();
    let keys = Keys::new(vec![Key { identity: other, paths: Vec::new(), repository: None }]);
    let wrong = open_with("x.yaml", &keys, &text).expect_err("it is another key");
    assert_eq!(wrong, "`x.yaml` cannot be opened: no key of the settings for its path opens it");
}

#[test]
fn rules_say_which_values_are_sealed() {
    let fixture = fixture();
    let leaves = [("apiVersion", "", "v1"), ("data", "str", "x")];
    let text = fixture.sealed(&leaves, "    encrypted_regex: ^(data|stringData)$\n");
    assert_eq!(shown(&fixture.open("a.yaml", &[], &text).expect("it opens")), r#"{"apiVersion":"v1","data":"x"}"#);
    let by_comments = fixture.sealed(&leaves, "    encrypted_comment_regex: sops\n");
    assert!(fixture.open("a.yaml", &[], &by_comments).expect_err("comments are none").contains("not supported"));
    let other = text.replace("age:", "kms:");
    let said = fixture.open("a.yaml", &[], &other).expect_err("it is sealed otherwise");
    assert_eq!(said, "`a.yaml` cannot be opened: it is sealed with no key of age");
}

#[test]
fn what_is_sealed_here_opens_here_and_every_time_otherwise() {
    let fixture = fixture();
    let path = RepoPath::new("a.yaml").expect("it is inside");
    let text = "z: hush\na:\n  port: 5432\n  list: [0.5, true, 'yes', \"\", null]\n  host_unencrypted: db\n";
    let files = File::read_all(&path, BlobId([0; 20]), text.as_bytes()).expect("it is YAML");
    let recipients = [Recipient::parse(fixture.identity.recipient()).expect("it is one")];
    let sealed = |pattern| {
        seal(&files, &Sealing { recipients: &recipients, pattern, now: SEALED_AT }).expect("all of it can be sealed")
    };
    let all = sealed(None);
    assert!(!all.contains("hush") && all.contains("host_unencrypted: db") && all.starts_with("z: "), "{all}");
    assert_ne!(all, sealed(None), "each has a key of its own");
    let whole = fixture.open("a.yaml", &[], text).expect_err("it is not sealed");
    assert_eq!(whole, "`a.yaml` is not sealed by SOPS");
    let expected = r#"{"a":{"host_unencrypted":"db","list":[5e-1,true,"yes","",null],"port":5432},"z":"hush"}"#;
    assert_eq!(shown(&fixture.open("a.yaml", &[], &all).expect("it opens")), expected);
    let none = Sealing { recipients: &recipients, pattern: Some("^zz$"), now: SEALED_AT };
    assert!(seal(&files, &none).is_err_and(|fault| fault.to_string().contains("nothing of it would be sealed")));
    let part = sealed(Some("^z$"));
    assert!(!part.contains("hush") && part.contains("port: 5432"), "{part}");
    assert_eq!(shown(&fixture.open("a.yaml", &[], &part).expect("it opens")), expected);
}
