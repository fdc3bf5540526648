//! In: a fleet's sync, the write at which its process is killed or stopped. Out: what the server has then, and in the end.
//! Guarantee: real signals to a real process; the laws are read off the server's own log.
use super::fleet::{Fleet, config_map};
use super::laws::{LAYERS, Write, changed, converged, laws, theirs, writes};
use crate::testenv::{Fault, Proxy, Schedule, Server, User};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::thread;

/// More writes than any of these syncs has.
pub(super) const WRITES_MAX: usize = 40;

/// The process that a schedule of the proxy ends or stops; it is known once it runs.
#[derive(Clone, Default)]
pub(super) struct Victim(Arc<AtomicI32>);

impl Victim {
    /// Sends a signal; one that has ended meanwhile takes none.
    fn signal(&self, signal: Signal) {
        let number = loop {
            match self.0.load(Ordering::SeqCst) {
                0 => thread::yield_now(),
                number => break number,
            }
        };
        kill_process(Pid::from_raw(number).expect("it is no zero"), signal).ok();
    }
}

/// A sync that runs; it ends with its test.
pub(super) struct Running {
    child: Child,
    log: std::path::PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Running {
    pub(super) fn start(fleet: &Fleet, victim: &Victim) -> Self {
        let settings = fleet.folder().join("stratify.yaml").display().to_string();
        let log = fleet.folder().join("sync.log");
        let file = || File::options().create(true).append(true).open(&log).expect("the scratch folder is ours");
        let mut command = fleet.checkout.command(&["sync", "--settings", &settings]);
        let child = command.stdout(file()).stderr(file()).stdin(Stdio::null()).spawn().expect("the program was built");
        victim.0.store(i32::try_from(child.id()).expect("Linux has no larger ones"), Ordering::SeqCst);
        Self { child, log }
    }

    pub(super) fn end(&mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("it is our child");
        (status, fs::read_to_string(&self.log).expect("it was written"))
    }

    /// Whether it is stopped, or has ended.
    fn stands(&mut self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // The state follows the name, which is in brackets.
        let is_stopped = stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'));
        is_stopped || self.has_ended()
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_some()
    }
}

/// When a process is killed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    /// Its write has not come to the server.
    Before,
    /// Its write is done, and it has asked for the next thing.
    After,
}

pub(super) fn kill_at(nth: usize, moment: Moment, victim: Victim) -> Schedule {
    let count = AtomicUsize::new(0);
    let is_hit = move |seen: &crate::testenv::Seen| {
        let before = count.fetch_add(usize::from(seen.is_write()), Ordering::SeqCst);
        let is_hit = match moment {
            Moment::Before => seen.is_write() && before + 1 == nth,
            Moment::After => before >= nth,
        };
        if is_hit {
            victim.signal(Signal::KILL);
        }
        is_hit
    };
    Schedule::each(is_hit, Fault::CutBefore)
}

/// Kills a sync at each of its writes in turn, and returns how many were killed.
async fn killed_at_each_write(word: &str, moment: Moment) -> usize {
    let server = Server::shared();
    for nth in 1..WRITES_MAX {
        let case = format!("killed-{word}-{nth}");
        let proxy = Proxy::start(server, User::ADMIN, Schedule::none());
        let fleet = changed(server, &case, proxy.kubeconfig());
        theirs(server, &case).await;
        let (mark, victim) = (server.audit().mark(), Victim::default());
        proxy.set(kill_at(nth, moment, victim.clone()));
        let (status, said) = Running::start(&fleet, &victim).end();
        let done = writes(server, mark, &case);
        laws(&case, &done);
        if status.signal().is_some() {
            let expected = if matches!(moment, Moment::Before) { nth - 1 } else { nth };
            assert_eq!(done.len(), expected, "{case}: the writes before its end are done, and none else: {done:?}");
        }
        proxy.set(Schedule::none());
        let ran = fleet.run(&["sync"]);
        assert_eq!(ran.code, Some(0), "{case}: after its end\n{said}\nit goes on:\n{}", ran.all());
        converged(&case, server, &fleet).await;
        let all = writes(server, mark, &case);
        let deleted: Vec<_> = all.iter().filter(|it| matches!(it, Write::Object { is_deletion: true, .. })).collect();
        let expected = Write::Object { layer: 1, name: "two-b".to_owned(), is_deletion: true };
        assert_eq!(deleted, [&expected], "{case}: what was omitted is deleted, once, and nothing else");
        if status.signal().is_none() {
            assert!(status.success(), "{case}: it came to its end: {said}");
            return nth - 1;
        }
    }
    panic!("a sync of three layers has no {WRITES_MAX} writes");
}

#[tokio::test]
async fn a_sync_that_is_killed_before_any_write_is_brought_to_its_end_by_the_next() {
    let killed = killed_at_each_write("before", Moment::Before).await;
    assert!(killed >= 3 + 1 + 2, "three objects, a deletion and two records are written, not {killed}");
}

#[tokio::test]
async fn a_sync_that_is_killed_after_any_write_is_brought_to_its_end_by_the_next() {
    let killed = killed_at_each_write("after", Moment::After).await;
    assert!(killed > 3, "three objects and a deletion are written, not {killed}");
}

/// Writes the settings of another operator of the same fleet, with a state of its own, and returns where they are.
fn second(server: &Server, fleet: &Fleet) -> String {
    let folder = fleet.folder().with_file_name("second");
    fs::create_dir_all(&folder).expect("the scratch folder is ours");
    let user = User { name: "second", groups: &["system:masters"] };
    fs::write(folder.join("kubeconfig"), server.kubeconfig(user)).expect("the scratch folder is ours");
    let settings = fs::read(fleet.folder().join("stratify.yaml")).expect("they were written");
    fs::write(folder.join("stratify.yaml"), settings).expect("the scratch folder is ours");
    folder.join("stratify.yaml").display().to_string()
}

#[tokio::test]
async fn an_object_that_a_killed_process_makes_late_goes_with_the_commit_that_omits_it() {
    let server = Server::shared();
    let proxy = Proxy::start(server, User::ADMIN, Schedule::none());
    let fleet = Fleet::new(server, "late");
    fleet.sync("the fleet").ends_with(0);
    fleet.config_map("config", "c", "1");
    fleet.checkout.commit("c comes");
    let fleet = fleet.reached_by(proxy.kubeconfig());
    let victim = Victim::default();
    let of_schedule = victim.clone();
    let is_made = move |seen: &crate::testenv::Seen| {
        let is_hit = seen.is_write() && seen.uri.contains("/configmaps/c");
        if is_hit {
            of_schedule.signal(Signal::KILL);
        }
        is_hit
    };
    proxy.set(Schedule::each(is_made, Fault::CutBefore));
    let (status, said) = Running::start(&fleet, &victim).end();
    assert!(status.signal().is_some(), "it is killed while c is made: {said}");
    assert_eq!(config_map(server, "late", "c").await, None, "its request is under way");
    fleet.remove("config", "c");
    fleet.checkout.commit("c goes");
    // Whoever takes over has read that c is not there; then the request comes.
    let late = Arc::new(AtomicUsize::new(0));
    let counted = late.clone();
    let is_read = move |seen: &crate::testenv::Seen| {
        if seen.method == "GET" && seen.uri.contains("/configmaps/c") {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        false
    };
    proxy.set(Schedule::each(is_read, Fault::CutBefore));
    let mut second = Running::start(&fleet, &Victim::default());
    server.eventually("it has read that c is not there", async || late.load(Ordering::SeqCst) >= 3).await;
    let marks = config_map(server, "late", "a").await.expect("it was applied")["metadata"]["labels"].clone();
    let made = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "c", "namespace": "late", "labels": marks }, "data": { "key": "1" },
    });
    let uri = "/api/v1/namespaces/late/configmaps/c?fieldManager=stratify&force=false";
    let request = http::Request::patch(uri).header("content-type", "application/apply-patch+yaml");
    let request = request.body(made.to_string().into_bytes()).expect("it is a request");
    server.client().await.request_text(request).await.expect("an administrator may");
    let (status, said) = second.end();
    assert!(status.success(), "it comes to its end: {said}");
    assert_eq!(config_map(server, "late", "c").await, None, "nothing is left behind: {said}");
}

#[tokio::test]
async fn what_a_process_writes_that_was_stopped_while_another_went_on_is_refused() {
    let server = Server::shared();
    let (mut stopped, mut refused) = (0, 0);
    for nth in 1..WRITES_MAX {
        let case = format!("stopped-{nth}");
        let proxy = Proxy::start(server, User::ADMIN, Schedule::none());
        let fleet = changed(server, &case, proxy.kubeconfig());
        let second = second(server, &fleet);
        let (mark, victim) = (server.audit().mark(), Victim::default());
        let (count, of_schedule) = (AtomicUsize::new(0), victim.clone());
        let stop = move |seen: &crate::testenv::Seen| {
            if seen.is_write() && count.fetch_add(1, Ordering::SeqCst) + 1 == nth {
                of_schedule.signal(Signal::STOP);
            }
            false
        };
        proxy.set(Schedule::each(stop, Fault::CutBefore));
        let mut first = Running::start(&fleet, &victim);
        server.eventually("it stands", async || first.stands()).await;
        if first.has_ended() {
            break;
        }
        stopped += 1;
        server.eventually("its write is done", async || writes(server, mark, &case).len() >= nth).await;
        for layer in LAYERS {
            fleet.config_map(layer, &format!("{layer}-a"), "3");
        }
        fleet.checkout.commit("a newer commit");
        fleet.checkout.run(&["sync", "--settings", &second]).ends_with(0);
        let mark = server.audit().mark();
        victim.signal(Signal::CONT);
        let (_, said) = first.end();
        let late = server.audit().since(mark, |entry| {
            entry.user_agent.starts_with("stratify/") && entry.is_write() && entry.uri.contains(&case)
        });
        assert!(late.iter().all(|entry| entry.code >= 300), "{case}: all that comes late is refused: {late:?}\n{said}");
        refused += late.len();
        for layer in LAYERS {
            let map = config_map(server, &case, &format!("{layer}-a")).await.expect("it was never omitted");
            assert_eq!(map["data"]["key"], json!("3"), "{case}: the newer commit stands: {said}");
        }
        let mark = server.audit().mark();
        fleet.run(&["sync"]).ends_with(0);
        assert_eq!(writes(server, mark, &case), [], "{case}: a further sync writes nothing");
    }
    assert!(stopped >= 3 + 1 + 2, "it was stopped at each write, not at {stopped}");
    assert!(refused > 0, "some of what it wrote came late");
}

/// Returns the manifest of a `ConfigMap` that cannot change.
fn sealed(value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: a }}\ndata: {{ key: '{value}' }}\nimmutable: true\n")
}

/// Kills a sync that makes an object anew at each of its writes in turn, and returns how many were killed.
async fn killed_while_made_anew(word: &str, moment: Moment) -> usize {
    let server = Server::shared();
    for nth in 1..WRITES_MAX {
        let case = format!("anew-{word}-{nth}");
        let proxy = Proxy::start(server, User::ADMIN, Schedule::none());
        let fleet = Fleet::at(&case, proxy.kubeconfig());
        fleet.layer_option("recreate: true");
        fleet.manifest("config", "a", &sealed("1"));
        fleet.sync("the fleet").ends_with(0);
        fleet.manifest("config", "a", &sealed("2"));
        fleet.checkout.commit("it changes");
        let (mark, victim) = (server.audit().mark(), Victim::default());
        proxy.set(kill_at(nth, moment, victim.clone()));
        let (status, said) = Running::start(&fleet, &victim).end();
        proxy.set(Schedule::none());
        let ran = fleet.run(&["sync"]);
        assert_eq!(ran.code, Some(0), "{case}: after its end\n{said}\nit goes on:\n{}", ran.all());
        let map = config_map(server, &case, "a").await.expect("it was made anew");
        assert_eq!(map["data"]["key"], json!("2"), "{case}: as it is wanted");
        let deleted = server.audit().since(mark, |entry| {
            entry.verb == "delete" && entry.code < 300 && entry.uri.contains(&format!("/{case}/configmaps/"))
        });
        assert_eq!(deleted.len(), 1, "{case}: it is deleted once, whenever it was killed: {deleted:?}");
        if status.signal().is_none() {
            assert!(status.success(), "{case}: it came to its end: {said}");
            return nth - 1;
        }
    }
    panic!("a sync of one layer has no {WRITES_MAX} writes");
}

#[tokio::test]
async fn what_is_made_anew_is_deleted_once_whenever_its_sync_is_killed() {
    for (word, moment) in [("before", Moment::Before), ("after", Moment::After)] {
        let killed = killed_while_made_anew(word, moment).await;
        assert!(killed > 2, "a deletion, an object and two records are written, not {killed}");
    }
}
