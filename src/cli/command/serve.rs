//! In: the fleet around the current folder. Out: a process that keeps its clusters where Git says, until it is told to end.
//! Guarantee: woken by files, signals and commands, and by a poll where all of them fail.
use super::current_fleet::Here;
use super::{Answer, Failure};
use crate::cli::print::Text;
use crate::control::engine::{Engine, Event, Observer, Until, forward, forward_asks};
use crate::control::statuses::Statuses;
use crate::decide::report::Report;
use crate::decide::value::Fault;
use crate::name::{ClusterName, CommitId, RepoName};
use crate::observe::watch::{Queue, Signal, Wake, Watch, Why, poll, signals, watch_folder, watch_local};
use crate::serve::door::{self, Hook};
use crate::serve::socket::{listen, serve};
use crate::settings::OWN;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

/// How many asks of commands may wait: each is a person.
const ASKS_MAX: usize = 16;

/// Serves until a signal ends it.
pub(super) fn run(settings: Option<&Path>) -> Result<Answer, Failure> {
    let here = Here::find(settings)?;
    let runtime = tokio::runtime::Runtime::new().map_err(Fault::bug)?;
    let (outside, store, statuses) = here.outside(runtime.handle())?;
    runtime.block_on(async {
        let (mut engine, received) = Engine::new(outside.clone(), statuses.clone(), store, Log::default())?;
        let events = engine.events();
        let name = RepoName::new(OWN).expect("it is a label");
        let own = name.clone();
        let queue = Arc::new(Queue::default());
        // A remote repository is polled; its forge may tell of changes by webhooks.
        let refs = match &statuses {
            Statuses::Local(local) => Some(watch_local(local.git_folder(), &name, &queue)),
            Statuses::Mirror(_) | Statuses::Forge { .. } => None,
        };
        std::fs::create_dir_all(&here.settings.targets)
            .map_err(crate::client::git::in_folder("could not make the folder of the targets"))?;
        let drifted = events.clone();
        let targets = watch_folder(&here.settings.targets, move || drop(drifted.send(Event::Touched)));
        let disturbed = events.clone();
        outside.watch(move |cluster, disturbance| {
            drop(disturbed.send(Event::Drifted(cluster.clone(), disturbance)));
        });
        for warning in [refs.as_ref().and_then(Watch::warning), targets.warning()].into_iter().flatten() {
            tracing::warn!(warning, "changes are seen later");
        }
        let (to, asks) = mpsc::channel(ASKS_MAX);
        let listener = listen(&here.settings.state)?;
        tokio::spawn(serve(listener, to));
        tokio::spawn(forward_asks(asks, events.clone()));
        tokio::spawn(forward(queue.clone(), name.clone(), events.clone()));
        let names = std::iter::once(&name).chain(here.settings.repositories.keys()).cloned().collect();
        tokio::spawn(signalled(events, queue.clone(), names)?);
        let others = here.settings.repositories.iter().map(|(name, repository)| (name.clone(), repository.poll));
        let polls = std::iter::once((name, here.settings.repository.poll)).chain(others).collect();
        let polled = queue.clone();
        tokio::spawn(async move { poll(&polled, polls).await });
        if let Some(address) = here.settings.listen {
            let listener = door::listen(address).await?;
            let address = listener.local_addr().map_err(Fault::bug)?;
            let hooks: Vec<Hook> = here.hook(&own).into_iter().collect();
            let webhooks = hooks.len();
            tracing::info!(%address, webhooks, "listening");
            tokio::spawn(door::serve(listener, hooks, here.settings.plan_pages(), queue.clone()));
        }
        let repository = here.settings.repository.url.as_deref().unwrap_or("the one around");
        tracing::info!(repository, branch = here.settings.branch(), "serving");
        engine.run(received, Until::Stopped).await
    })?;
    Ok(Answer::new(Text::of("stopped: what is open goes on at the next start"), json!({ "stopped": true })))
}

fn signalled(
    events: mpsc::UnboundedSender<Event>,
    queue: Arc<Queue>,
    repositories: Vec<RepoName>,
) -> Result<impl Future<Output = ()>, Fault> {
    let mut signals = signals()?;
    Ok(async move {
        loop {
            match signals.next().await {
                Signal::Stop => {
                    let _ = events.send(Event::Stopped);
                    return;
                }
                Signal::Reload => {
                    let wakes = repositories.iter().map(|name| Wake { repository: name.clone(), why: Why::Signal });
                    wakes.for_each(|wake| queue.push(wake));
                }
            }
        }
    })
}

/// Tells in the log; of a cluster that ends as it did before, nothing.
#[derive(Default)]
struct Log {
    /// How the last sync of each cluster ended.
    ends: BTreeMap<ClusterName, (CommitId, String)>,
}

impl Observer for Log {
    fn head(&mut self, commit: CommitId, clusters: usize) {
        tracing::info!(%commit, clusters, "head");
    }

    fn held(&mut self, why: &str) {
        tracing::warn!(why, "held");
    }

    fn ended(&mut self, report: &Report) {
        let (cluster, text) = (report.cluster.as_str(), report.lines.first().map_or("", String::as_str));
        let end = (report.commit, text.to_owned());
        if self.ends.insert(report.cluster.clone(), end.clone()) == Some(end) {
            tracing::debug!(cluster, commit = %report.commit, text, "ended");
        } else {
            tracing::info!(cluster, commit = %report.commit, text, "ended");
        }
    }

    fn trouble(&mut self, fault: &Fault) {
        tracing::warn!(%fault, "trouble");
    }
}
