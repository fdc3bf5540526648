//! In: a script: commands, each with what it gave below it as `> …`. Out: the script with what it gives now.
//! Guarantee: comments, commands and empty lines stay as they are.
use super::target::{Spot, mark, short};
use super::{Mishap, World, book, cluster, commits};
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use stratify::control::prepare::prepare;
use stratify::control::sync::sync;
use stratify::decide::document::Site;
use stratify::decide::report::{Report, failed};
use stratify::decide::value::{Map, Timestamp, Value};
use stratify::name::{EnvironmentName, ObjectId};

/// Runs a script and returns it with what it gives.
pub(crate) fn run(script: &str) -> String {
    let mut runner = Runner::new();
    let lines: Vec<&str> = script.lines().filter(|line| !line.starts_with("> ")).collect();
    let (mut given, mut at) = (String::new(), 0);
    while let Some(line) = lines.get(at) {
        let inner = lines[at + 1..].iter().take_while(|line| line.starts_with("  ")).count();
        let block: Vec<String> = lines[at + 1..=at + inner].iter().map(|line| line.trim().to_owned()).collect();
        for line in &lines[at..=at + inner] {
            given += &[*line, "\n"].concat();
        }
        at += inner + 1;
        if !line.is_empty() && !line.starts_with('#') {
            for said in runner.command(line, &block) {
                given += &["> ", &said, "\n"].concat();
            }
        }
    }
    given
}

/// What runs commands.
pub(crate) struct Runner {
    /// The world in which they run.
    pub(crate) world: World,
    /// The last commit.
    last: Option<String>,
}

impl Runner {
    /// Returns one in a new world.
    pub(crate) fn new() -> Self {
        Self { world: World::new(), last: None }
    }

    /// Runs a command with the lines below it, and returns what it gave.
    pub(crate) fn command(&mut self, line: &str, block: &[String]) -> Vec<String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let seconds = |text: &str| text.trim_end_matches('s').parse::<u64>().expect("it is a number of seconds");
        let mut state = self.world.state();
        match words.as_slice() {
            ["commit", name] => {
                drop(state);
                self.world.history.add(name, self.last.as_deref(), block);
                self.last = Some((*name).to_owned());
            }
            ["target", "directory"] => state.cluster.has_folders = true,
            ["approve", what, "by", who, "as", name] => {
                drop(state);
                self.approve(what, who, name);
            }
            ["sync", commit, how @ ..] => {
                drop(state);
                return self.sync(commit, how);
            }
            ["lose", name] => {
                drop(state);
                self.world.history.lose(name);
            }
            ["healthy", object, "never"] => {
                state.cluster.healthy_after.insert((*object).into(), None);
            }
            ["healthy", object, "after", time] => {
                state.cluster.healthy_after.insert((*object).into(), Some(seconds(time)));
            }
            ["lingers", object, time] => {
                state.cluster.lingers.insert((*object).into(), seconds(time));
            }
            ["unreadable", object, "for", time] => {
                let until = Timestamp(state.now.0 + seconds(time) * 1000);
                state.unreadable.insert((*object).into(), until);
            }
            ["mishap", how, what @ ..] => {
                state.mishaps.insert(what.join(" "), mishap(how));
            }
            ["edit" | "remove" | "put" | "unmark", ..] => {
                drop(state);
                self.by_others(&words);
            }
            ["show"] => {
                drop(state);
                return self.show();
            }
            _ => panic!("`{line}` is no command"),
        }
        Vec::new()
    }

    /// Approves what a commit would change.
    fn approve(&mut self, commit: &str, who: &str, name: &str) {
        let fleet = self.world.history.fleet(commits::id(commit)).expect("the commit is there");
        let clusters = BTreeSet::from([cluster()]);
        let mut prepared = finish(prepare(&self.world, &fleet, &clusters)).expect("it ends");
        let change = prepared.pop().expect("the cluster is there").change.expect("it can be told");
        self.world.history.approve(name, commit, &change.id.to_string(), who);
        self.last = Some(name.to_owned());
    }

    /// Syncs: `sync COMMIT`, `… killed after N`, `… superseded after Ns`.
    fn sync(&self, commit: &str, how: &[&str]) -> Vec<String> {
        {
            let mut state = self.world.state();
            let now = state.now.0;
            (state.superseded, state.writes_left) = (None, None);
            match how {
                [] => {}
                ["killed", "after", writes] => state.writes_left = Some(writes.parse().expect("it is a number")),
                ["superseded", "after", time] => {
                    let time: u64 = time.trim_end_matches('s').parse().expect("it is a number");
                    state.superseded = Some(Timestamp(now + time * 1000));
                }
                other => panic!("`{}` is no way to sync", other.join(" ")),
            }
        }
        let ended = self.sync_once(commit);
        let mut state = self.world.state();
        state.flush();
        let mut lines = std::mem::take(&mut state.log);
        lines.extend(ended);
        lines
    }

    fn sync_once(&self, commit: &str) -> Vec<String> {
        let id = commits::id(commit);
        let report = match finish(sync(&self.world, &cluster(), id)) {
            None => return vec!["killed".into()],
            Some(Ok(report)) => report,
            Some(Err(fault)) => {
                let environment = EnvironmentName::new("prod").expect("it is a label");
                failed(&cluster(), &environment, id, None, fault, Timestamp(0))
            }
        };
        self.told(&report)
    }

    fn told(&self, report: &Report) -> Vec<String> {
        let mut lines: Vec<String> = report.lines.clone();
        lines.extend(report.diagnostics.iter().filter(|said| !said.is_error()).map(|said| said.message.clone()));
        for line in &mut lines {
            for commit in self.world.history.ids() {
                *line = line.replace(&commit.to_string(), &self.world.name(commit));
            }
            *line = without_ids(line);
        }
        let again = if report.spurious { ", and is tried again" } else { "" };
        let mut lines = lines.into_iter();
        let first = lines.next().unwrap_or_default();
        std::iter::once(format!("= {first}{again}")).chain(lines.map(|line| format!("= {line}"))).collect()
    }

    /// What others do: `edit Kind/name VALUE`, `remove Kind/name`, `put Kind/name VALUE`, `unmark Kind/name`.
    fn by_others(&self, words: &[&str]) {
        let mut state = self.world.state();
        let now = state.now;
        let cluster = &mut state.cluster;
        if words[0] == "put" {
            let (kind, name) = words[1].split_once('/').expect("an object has a kind and a name");
            let id =
                ObjectId { group: "".into(), kind: kind.into(), namespace: Some("shop".into()), name: name.into() };
            let manifest = Map::from_iter([("kind", Value::from(kind)), ("value", Value::from(words[2]))]);
            return cluster.put(Spot { folder: None, place: (Site::Workload, id) }, manifest.into(), now);
        }
        let spot = cluster.objects.keys().find(|spot| short(&spot.place.1) == words[1]).expect("it is there").clone();
        let stored = cluster.objects.remove(&spot).expect("it was found");
        if words[0] == "unmark" {
            let mut manifest = stored.manifest;
            manifest.make_map().get_mut("metadata").map(|metadata| metadata.make_map().remove("labels"));
            cluster.put(spot, manifest, now);
        } else if let Some(value) = words.get(2) {
            let mut manifest = stored.manifest;
            manifest.make_map().insert("value".into(), Value::string(value));
            cluster.put(spot, manifest, now);
        }
    }

    fn show(&self) -> Vec<String> {
        let state = self.world.state();
        let objects = state.cluster.objects.iter().map(|(spot, stored)| {
            let value = stored.manifest.get("value").and_then(Value::as_str).unwrap_or_default();
            format!("{}={value} ({})", short(&spot.place.1), mark(&stored.manifest).unwrap_or("nobody's"))
        });
        let books = state.cluster.inventories.values().map(|inventory| format!("list {}", book(inventory)));
        books.chain(objects).collect()
    }
}

/// Leaves out ids, which change with every form that is digested.
fn without_ids(line: &str) -> String {
    let is_id = |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = line.split(|letter: char| !letter.is_ascii_alphanumeric()).find(is_id);
    id.map_or_else(|| line.to_owned(), |id| line.replace(id, "ID"))
}

fn mishap(word: &str) -> Mishap {
    match word {
        "refused" => Mishap::Refused,
        "done" => Mishap::Done,
        "lost" => Mishap::Lost,
        "overtaken" => Mishap::Overtaken,
        other => panic!("`{other}` is no mishap"),
    }
}

/// Runs to the end; nothing here waits for anything outside, so what is pending was killed.
pub(crate) fn finish<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(ended) => Some(ended),
        Poll::Pending => None,
    }
}
