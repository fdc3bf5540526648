//! In: bytes put into a store, and files that are none. Out: the bytes after it is opened again, or a fault.
//! Guarantee: nothing that was put is lost, and nothing damaged is taken for data.
use std::fs;
use std::path::PathBuf;
use stratify::client::store::{KEY_BYTES_MAX, Store};
use stratify::decide::report::outbox::{Key, Outbox};
use stratify::decide::report::{Context, State, Status};
use stratify::decide::value::{Fault, Owner, Timestamp};
use stratify::name::CommitId;
use tempfile::TempDir;

fn scratch() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("state.redb");
    (folder, path)
}

fn fault_of(path: &std::path::Path) -> Fault {
    Store::open(path).map(|_| ()).expect_err("it must not be opened")
}

fn hint_of(fault: &Fault) -> &str {
    fault.hint.as_deref().unwrap_or_default()
}

#[test]
fn what_was_put_is_there_when_it_is_opened_again() {
    let (_folder, path) = scratch();
    let put = |key: &[u8], value: Option<&[u8]>| (key.to_vec(), value.map(<[u8]>::to_vec));
    let store = Store::open(&path).expect("it is made");
    assert_eq!(store.all("outbox").expect("it can be read"), [], "it was never written");
    store.put_all("outbox", &[put(b"b", Some(b"2")), put(b"a", Some(b"1"))]).expect("it can be written");
    store.put_all("outbox", &[put(b"b", None), put(b"c", Some(b"3")), put(b"no", None)]).expect("it can be written");
    store.put_all("index", &[put(b"a", Some(b"other"))]).expect("it can be written");
    drop(store);
    let store = Store::open(&path).expect("it can be opened again");
    let all = [(b"a".to_vec(), b"1".to_vec()), (b"c".to_vec(), b"3".to_vec())];
    assert_eq!(store.all("outbox").expect("it can be read"), all, "in the order of the keys");
    assert_eq!(store.get("index", b"a").expect("it can be read"), Some(b"other".to_vec()), "tables are apart");
    assert_eq!(store.get("index", b"c").expect("it can be read"), None, "it is not there");
}

#[test]
fn of_puts_that_are_refused_none_is_done() {
    let (_folder, path) = scratch();
    let store = Store::open(&path).expect("it is made");
    let long = vec![0; KEY_BYTES_MAX + 1];
    let fault = store.put_all("outbox", &[(b"a".to_vec(), Some(vec![1])), (long, Some(vec![2]))]);
    assert_eq!(fault.map_err(|fault| fault.owner), Err(Owner::Bug), "a key is bounded");
    assert_eq!(store.all("outbox").expect("it can be read"), [], "all or none");
}

#[test]
fn one_process_at_a_time_has_it() {
    let (_folder, path) = scratch();
    let _first = Store::open(&path).expect("it is made");
    let fault = fault_of(&path);
    assert_eq!(fault.owner, Owner::Operator, "{fault}");
    assert!(hint_of(&fault).contains("another stratify uses this state folder"), "{fault:?}");
}

#[test]
fn a_file_that_is_none_is_a_clear_fault() {
    let (folder, path) = scratch();
    fs::write(&path, b"not a table at all".repeat(1_000)).expect("the folder is ours");
    let fault = fault_of(&path);
    assert_eq!((fault.owner, fault.spurious), (Owner::Operator, false), "{fault}");
    assert!(hint_of(&fault).contains("move the file away"), "{fault:?}");
    let fault = fault_of(&folder.path().join("missing/state.redb"));
    assert!(hint_of(&fault).contains("state folder"), "{fault:?}");
}

#[test]
fn a_file_whose_making_was_cut_off_is_made_anew() {
    let (_folder, path) = scratch();
    let mut bytes = vec![0; 1 << 20];
    bytes[9..64].fill(7); // what identifies the file is written last
    fs::write(&path, bytes).expect("the folder is ours");
    let store = Store::open(&path).expect("nothing was in it yet");
    store.put_all("outbox", &[(b"a".to_vec(), Some(vec![1]))]).expect("it can be written");
    drop(store);
    let store = Store::open(&path).expect("it is there");
    assert_eq!(store.all("outbox").expect("it can be read").len(), 1, "what was put stays");
}

#[test]
fn damage_is_a_clear_fault() {
    let (_folder, path) = scratch();
    let store = Store::open(&path).expect("it is made");
    let puts: Vec<_> = (0..200_u8).map(|at| (vec![at], Some(vec![at; 1_000]))).collect();
    store.put_all("outbox", &puts).expect("it can be written");
    drop(store);
    let mut bytes = fs::read(&path).expect("it is ours");
    for byte in bytes.iter_mut().skip(4_096) {
        *byte ^= 0x5a;
    }
    fs::write(&path, &bytes).expect("it is ours");
    let fault = fault_of(&path);
    assert!(hint_of(&fault).contains("move the file away"), "{fault:?}");
}

#[test]
fn an_outbox_survives_its_process() {
    let (_folder, path) = scratch();
    let commit = CommitId([1; 20]);
    let status = Status::new(commit, Context::plan(None), State::Success, "planned", Timestamp(1));
    let key = Key { forge: "github".into(), repository: "acme/fleet".into(), commit, context: Context::plan(None) };
    let store = Store::open(&path).expect("it is made");
    let mut outbox = Outbox::default();
    outbox.want(&key, status.clone(), Timestamp(1));
    assert!(outbox.next(Timestamp(1)).is_some(), "it is on its way when the process ends");
    let puts: Vec<_> = outbox.dirty().into_iter().map(|(key, row)| (key.digest().0.to_vec(), row)).collect();
    store.put_all("outbox", &puts).expect("it can be written");
    drop((store, outbox));

    let store = Store::open(&path).expect("it can be opened again");
    let rows = store.all("outbox").expect("it can be read");
    let (mut outbox, unread) = Outbox::restore(rows.iter().map(|(_, row)| row.as_slice()));
    assert!(unread.is_empty(), "{unread:?}");
    let post = outbox.next(Timestamp(2)).expect("it is posted again");
    assert_eq!((post.key, post.status), (key, status), "nothing was lost");
}
