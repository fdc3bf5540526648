//! In: the loop of `serve`, and another repository that changes under it. Out: what becomes of the cluster that reads it.
//! Guarantee: driven by events alone; no time is waited for.
use super::fixture::Two;
use crate::mirror::fixture::address;
use std::collections::BTreeMap;
use std::sync::Arc;
use stratify::client::store::Store;
use stratify::control::engine::{Engine, Event, Observer, Until};
use stratify::control::real_world::Outside;
use stratify::control::repositories::Mirrors;
use stratify::control::statuses::Statuses;
use stratify::decide::report::{Condition, Report};
use stratify::decide::value::{Fault, Seal};
use stratify::name::{CommitId, RepoName, RepoPath};
use stratify::observe::mirror::Mirror;
use stratify::observe::worktree::Local;
use stratify::serve::socket::{Ask, Asked, Chosen, Ticket};
use stratify::settings::Settings;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// Hands on how syncs end.
struct Heard(UnboundedSender<String>);

impl Observer for Heard {
    fn head(&mut self, _: CommitId, _: usize) {}

    fn held(&mut self, why: &str) {
        drop(self.0.send(format!("held: {why}")));
    }

    fn ended(&mut self, report: &Report) {
        let said = match &report.standing.condition {
            Condition::Synced { .. } => "synced".to_owned(),
            Condition::Invalid(_) => format!("invalid: {}", report.diagnostics[0].code),
            other => format!("{other:?}"),
        };
        drop(self.0.send(said));
    }

    fn trouble(&mut self, _: &Fault) {
        drop(self.0.send("trouble".to_owned()));
    }
}

fn outside(two: &Two) -> Arc<Outside> {
    let settings = Settings::read(&two.settings()).expect("they are right");
    let state = two.platform.beside("state");
    let open = |url: String, folder: &str, path: Option<RepoPath>| {
        let mut address = address(&url);
        address.path = path;
        Arc::new(Mirror::open(address, &state.join(folder)).expect("the mirror can be opened"))
    };
    let own = open(format!("file://{}", two.fleet.root().join(".git").display()), "mirror", None);
    let url = settings.repositories.values().next().and_then(|other| other.url.clone()).expect("it has one");
    let platform = open(url, "platform", RepoPath::new("shared").ok());
    let others = BTreeMap::from([(platform_name(), Ok(platform))]);
    let (mirrors, seal) = (Mirrors::new(own, others), Seal::new(b"test"));
    Arc::new(Outside::with_mirrors(settings, mirrors, seal, tokio::runtime::Handle::current()))
}

fn platform_name() -> RepoName {
    RepoName::new("platform").expect("it is a label")
}

/// Takes what is heard until one is as wanted.
async fn hear(heard: &mut UnboundedReceiver<String>, wanted: &str) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(said) = heard.recv().await {
        let is_it = said == wanted;
        all.push(said);
        if is_it {
            return all;
        }
    }
    panic!("{wanted} is never heard, only {all:?}");
}

#[test]
fn what_becomes_of_another_repository_reaches_the_clusters_that_read_it() {
    let two = Two::locked();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    runtime.block_on(async {
        let outside = outside(&two);
        let store = Store::open(&two.platform.beside("state/state.redb")).expect("the store can be opened");
        let local = Local::discover(&two.fleet.root()).expect("it is a repository");
        let (sender, mut heard) = unbounded_channel();
        let (mut engine, received) =
            Engine::new(outside, Statuses::Local(Arc::new(local)), store, Heard(sender)).expect("the loop is built");
        let events = engine.events();
        let stir = || events.send(Event::Stir(Some(platform_name()))).expect("the loop runs");
        let running = async { engine.run(received, Until::Stopped).await.expect("the loop ends well") };
        let story = async {
            events.send(Event::Woken).expect("the loop runs");
            hear(&mut heard, "synced").await;
            two.write_profile("two");
            two.platform.commit_all("mesh 2");
            two.platform.git(&["tag", "--force", "mesh-1"]);
            stir();
            hear(&mut heard, "invalid: ST0213").await;
            two.platform.git(&["tag", "--force", "mesh-1", "HEAD~1"]);
            stir();
            assert_eq!(hear(&mut heard, "synced").await, ["synced"], "it is planned anew, and nothing else is said");
            two.hide(true);
            stir();
            assert_eq!(hear(&mut heard, "trouble").await, ["trouble"], "what is pinned is here, so nobody is held");
            two.hide(false);
            two.platform.git(&["tag", "mesh-2"]);
            two.name("refs/tags/mesh-2");
            two.fleet.commit("a tag that nobody locked");
            events.send(Event::Woken).expect("the loop runs");
            hear(&mut heard, "invalid: ST0211").await;
            let second = two.platform.id("HEAD");
            two.name(&second.to_string());
            two.fleet.commit("a commit that is there");
            events.send(Event::Woken).expect("the loop runs");
            hear(&mut heard, "synced").await;
            two.write_profile("three");
            let third = two.platform.commit_all("mesh 3");
            two.name(&third.to_string());
            two.fleet.commit("a commit that the mirror does not have yet");
            events.send(Event::Woken).expect("the loop runs");
            assert_eq!(hear(&mut heard, "synced").await, ["synced"], "what is named and not there is fetched");
            events.send(Event::Stopped).expect("the loop runs");
        };
        tokio::join!(running, story);
    });
}

/// Asks for a sync and waits until the loop says that it is settled.
async fn settle(events: &UnboundedSender<Event>) {
    let ask = async |ask: Ask| {
        let (answer, answered) = oneshot::channel();
        events.send(Event::Asked(Asked { ask, answer })).expect("the loop runs");
        answered.await.expect("the loop answers")
    };
    let said = ask(Ask::Sync(Chosen::default())).await;
    let ticket = Ticket::parse(&said["ticket"]).expect("it gives a ticket");
    while ask(Ask::Settled(ticket, Chosen::default())).await["settled"] != true {
        tokio::task::yield_now().await;
    }
}

#[test]
fn what_goes_wrong_at_each_look_is_told_once_until_it_is_over() {
    let two = Two::locked();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    runtime.block_on(async {
        let outside = outside(&two);
        let store = Store::open(&two.platform.beside("state/state.redb")).expect("the store can be opened");
        let local = Local::discover(&two.fleet.root()).expect("it is a repository");
        let (sender, mut heard) = unbounded_channel();
        let (mut engine, received) =
            Engine::new(outside, Statuses::Local(Arc::new(local)), store, Heard(sender)).expect("the loop is built");
        let events = engine.events();
        let (here, away) = (two.fleet.root().join(".git"), two.fleet.root().join(".away"));
        let running = async { engine.run(received, Until::Stopped).await.expect("the loop ends well") };
        let story = async {
            settle(&events).await;
            let mut troubles = Vec::new();
            for _ in 0..2 {
                std::fs::rename(&here, &away).expect("the folder is ours");
                settle(&events).await;
                settle(&events).await;
                std::fs::rename(&away, &here).expect("the folder is ours");
                settle(&events).await;
                let said: Vec<String> = std::iter::from_fn(|| heard.try_recv().ok()).collect();
                troubles.push(said.iter().filter(|said| *said == "trouble").count());
            }
            assert_eq!(troubles, [1, 1], "once while it lasts, and again when it comes back");
            events.send(Event::Stopped).expect("the loop runs");
        };
        tokio::join!(running, story);
    });
}
