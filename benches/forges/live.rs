//! In: a work, its forge. Out: the loop, running or run, with the door for webhooks.
//! Guarantee: as `serve` and `sync` build it, from settings in a file.
use crate::github::{GitHub, TOKEN};
use crate::work::{Work, address};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use stratify::act::forge::statuses::Runs;
use stratify::client::forge::Server;
use stratify::client::store::Store;
use stratify::control::engine::{Engine, Event, Observer, Until, forward};
use stratify::control::real_world::Outside;
use stratify::control::statuses::Statuses;
use stratify::decide::report::{Condition, Report};
use stratify::decide::value::{Fault, Seal};
use stratify::name::{CommitId, RepoName};
use stratify::observe::mirror::Mirror;
use stratify::observe::watch::Queue;
use stratify::serve::door::{self, Hook};
use stratify::settings::Settings;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::UnboundedSender;

/// What webhooks are signed with.
pub(crate) const SECRET: &str = "It's a Secret to Everybody";

/// Longer than anything here takes; only a loop that stands still waits so long.
const PATIENCE: Duration = Duration::from_mins(10);

/// What a loop needs.
pub(crate) struct Parts {
    runtime: Runtime,
    outside: Arc<Outside>,
    statuses: Statuses,
    store: Store,
    pub(crate) server: Arc<Server>,
    settings: Settings,
}

impl Parts {
    pub(crate) fn new(work: &Work, github: &GitHub, scratch: &Path) -> Self {
        fs::create_dir_all(scratch).expect("the temporary folder is ours");
        fs::write(scratch.join("token"), TOKEN).expect("the temporary folder is ours");
        fs::write(scratch.join("secret"), SECRET).expect("the temporary folder is ours");
        let (remote, url) = (work.folder.display(), github.http.url());
        let forge = "repository: acme/fleet, tokenFile: token, webhookSecretFile: secret";
        let text = format!(
            "repository:\n  url: file://{remote}\n  branch: main\n  forge: {{ kind: github, url: '{url}', {forge} }}\nstate: state\n"
        );
        fs::write(scratch.join("stratify.yaml"), text).expect("the temporary folder is ours");
        let settings = Settings::read(&scratch.join("stratify.yaml")).expect("they are right");
        fs::create_dir_all(&settings.state).expect("the temporary folder is ours");
        let mirror = Mirror::open(address(work), &settings.mirror(None)).expect("the mirror can be opened");
        let mirror = Arc::new(mirror);
        let runtime = Runtime::new().expect("threads start");
        let inside = runtime.enter();
        let server =
            Arc::new(Server::new(settings.repository.forge.as_ref().expect("there is one")).expect("it is right"));
        drop(inside);
        let outside = Outside::new(settings.clone(), mirror.clone(), Seal::new(b"bench"), runtime.handle().clone());
        let (branch, runs) = ("main".into(), Arc::new(Runs::default()));
        let statuses = Statuses::Forge { mirror, server: server.clone(), branch, runs };
        let store = Store::open(&settings.state.join("state.redb")).expect("the store can be opened");
        Self { runtime, outside: Arc::new(outside), statuses, store, server, settings }
    }

    /// Runs until all is synced and posted.
    pub(crate) fn settle(self) {
        let (tell, _seen) = channel();
        let (mut engine, received) = self
            .runtime
            .block_on(async { Engine::new(self.outside, self.statuses, self.store, Telling(tell)) })
            .expect("the loop can be built");
        engine.events().send(Event::Woken).expect("the loop listens");
        self.runtime.block_on(engine.run(received, Until::Settled)).expect("the store can be written");
    }

    /// Runs until it is stopped, and takes webhooks.
    pub(crate) fn serve(self) -> Live {
        let (tell, seen) = channel();
        let Self { runtime, outside, statuses, store, server, settings } = self;
        let queue = Arc::new(Queue::default());
        let forge = settings.repository.forge.clone().expect("there is one");
        let name = RepoName::new("fleet").expect("it is a label");
        let secret = forge.webhook_secret.clone().expect("there is one");
        let hook = Hook { repository: name.clone(), kind: forge.kind, named: forge.repository, secret };
        let (door, events) = runtime.block_on(async {
            let (mut engine, received) =
                Engine::new(outside, statuses, store, Telling(tell)).expect("the loop can be built");
            let events = engine.events();
            tokio::spawn(async move { engine.run(received, Until::Stopped).await.expect("the store can be written") });
            tokio::spawn(forward(queue.clone(), name, events.clone()));
            let listener = door::listen("127.0.0.1:0".parse().expect("it is one")).await.expect("a port is free");
            let address = listener.local_addr().expect("it is bound");
            tokio::spawn(door::serve(listener, vec![hook], std::path::PathBuf::new(), queue));
            (address, events)
        });
        events.send(Event::Woken).expect("the loop listens");
        Live { door, seen, server, events, _runtime: runtime }
    }
}

/// A loop that runs.
pub(crate) struct Live {
    pub(crate) door: SocketAddr,
    pub(crate) server: Arc<Server>,
    seen: Receiver<(String, CommitId)>,
    events: UnboundedSender<Event>,
    _runtime: Runtime,
}

impl Live {
    /// Waits until so many clusters were synced.
    pub(crate) fn wait_for(&self, clusters: usize) {
        let mut names = std::collections::BTreeSet::new();
        while names.len() < clusters {
            names.insert(self.seen.recv_timeout(PATIENCE).expect("the loop goes on").0);
        }
    }

    /// Waits until the forge may be sent so many writes in a row, so that no wait for its limits is measured.
    pub(crate) fn wait_for_room(&self, writes: u64) {
        while self.server.room_for_comments().unwrap_or(0) < writes {
            std::thread::sleep(Duration::from_millis(20)); // the budget fills with the clock
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.events.send(Event::Stopped);
    }
}

struct Telling(Sender<(String, CommitId)>);

impl Observer for Telling {
    fn head(&mut self, _: CommitId, _: usize) {}

    fn held(&mut self, why: &str) {
        panic!("nothing is held: {why}");
    }

    fn ended(&mut self, report: &Report) {
        if matches!(report.standing.condition, Condition::Synced { .. }) {
            let _ = self.0.send((report.cluster.to_string(), report.commit));
        }
    }

    fn trouble(&mut self, fault: &Fault) {
        panic!("nothing goes wrong: {fault}");
    }
}
