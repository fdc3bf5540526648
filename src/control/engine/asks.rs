//! In: asks of commands. Out: an answer for each, from what the loop knows.
//! Guarantee: nothing that takes long is done in the loop.
use super::super::look::Compared;
use super::super::statuses::Statuses;
use super::super::world::Target;
use super::{Engine, Event, Observer};
use crate::decide::drift::Found;
use crate::decide::schedule::Wake;
use crate::decide::value::Fault;
use crate::name::{ClusterName, CommitId, EnvironmentName};
use crate::observe::forge::notes;
use crate::serve::socket::{Acceptance, Ask, Asked};
use serde_json::{Value as Json, json};

impl<O: Observer> Engine<O> {
    pub(super) fn asked(&mut self, asked: Asked) {
        let Asked { ask, answer } = asked;
        let said = match ask {
            Ask::Status(revision) => {
                let (statuses, view, head) = (self.statuses.clone(), self.view(), self.head);
                tokio::task::spawn_blocking(move || {
                    let found = statuses_of(&statuses, revision.as_deref(), head);
                    let said = found.map_or_else(|fault| refusal(&fault), |found| with(found, &view));
                    // Who asked may have gone.
                    let _ = answer.send(said);
                });
                return;
            }
            Ask::Accept(acceptance) => {
                let (outside, events) = (self.outside.clone(), self.events.clone());
                tokio::task::spawn_blocking(move || {
                    let Acceptance { commit, tag, repository } = &acceptance;
                    let said = match outside.mirrors().accept(repository.as_ref(), *commit, tag.as_deref()) {
                        Ok(()) => {
                            let said = json!({ "accepted": commit.to_string() });
                            let _ = events.send(Event::Accepted(acceptance));
                            said
                        }
                        Err(fault) => refusal(&fault),
                    };
                    let _ = answer.send(said);
                });
                return;
            }
            Ask::Why(cluster) => self.why(&cluster),
            Ask::Sync { cluster, environment } => self.sync(cluster.as_ref(), environment.as_ref()),
        };
        let _ = answer.send(said);
    }

    /// What was held by the branch or by a record goes on; what reads a tag or another repository is planned anew.
    pub(super) fn accepted(&mut self, acceptance: Acceptance) {
        let Acceptance { tag, repository, .. } = acceptance;
        if tag.is_some() || repository.is_some() {
            return self.stir(repository, Compared::WithNothing);
        }
        let clusters: Vec<ClusterName> = self.told.unsettled().collect();
        for cluster in clusters {
            self.request(&cluster, Wake::Asked);
        }
        self.look();
    }

    /// Looks for new commits, and at the clusters that are asked for.
    fn sync(&mut self, cluster: Option<&ClusterName>, environment: Option<&EnvironmentName>) -> Json {
        let is_asked_for = |name: &&ClusterName| {
            cluster.is_none_or(|only| only == *name)
                && environment.is_none_or(|only| *only == self.told.environment_of(name))
        };
        let clusters: Vec<ClusterName> = self.told.clusters().filter(is_asked_for).cloned().collect();
        let known: Vec<&str> = match (cluster, environment) {
            (Some(_), _) => self.told.clusters().map(ClusterName::as_str).collect(),
            _ => self.told.names().map(EnvironmentName::as_str).collect(),
        };
        if clusters.is_empty() && (cluster.is_some() || environment.is_some()) {
            return json!({ "unknown": true, "known": known });
        }
        for cluster in &clusters {
            self.outside.forgive(cluster);
            self.request(cluster, Wake::Asked);
        }
        self.look();
        json!({ "looking": true, "clusters": clusters.iter().map(ClusterName::as_str).collect::<Vec<_>>() })
    }

    fn view(&self) -> Json {
        let clusters = self
            .told
            .reports
            .values()
            .map(|report| json!({ "cluster": report.cluster.as_str(), "lines": report.lines }));
        let left = self.told.clusters().flat_map(|cluster| {
            let found = self.outside.found(cluster).into_iter().filter(Found::stays);
            found.map(move |found| format!("{cluster}: {found}"))
        });
        json!({
            "drift": left.collect::<Vec<_>>(),
            "head": self.head.map(|head| head.to_string()),
            "held": self.held,
            "running": self.schedule.running(),
            "waiting": self.schedule.waiting(),
            "clusters": clusters.collect::<Vec<_>>(),
        })
    }

    fn why(&self, cluster: &ClusterName) -> Json {
        let mut lines: Vec<String> = Vec::new();
        if let Some(progress) = self.outside.progress(cluster) {
            if progress.done < progress.of {
                lines.push(format!("{} of {} layers are done", progress.done, progress.of));
            }
            lines.extend(progress.blocked.iter().map(|blocked| format!("layer {}: {}", blocked.layer, blocked.why)));
        }
        if let Some(report) = self.told.reports.get(cluster) {
            lines.extend(report.lines.iter().cloned());
        }
        json!({ "cluster": cluster.as_str(), "held": self.held, "lines": lines })
    }
}

/// Returns the statuses of a revision; without one, of the head.
fn statuses_of(statuses: &Statuses, revision: Option<&str>, head: Option<CommitId>) -> Result<Json, Fault> {
    let commit = match (revision, head) {
        (Some(revision), _) => statuses.resolve(revision)?,
        (None, Some(head)) => head,
        (None, None) => return Ok(json!({ "commit": null, "statuses": [] })),
    };
    let found = notes::read(statuses.objects(), commit)?;
    let lines: Vec<String> = found.iter().map(crate::decide::report::Status::encode).collect();
    Ok(json!({ "commit": commit.to_string(), "statuses": lines }))
}

fn with(mut found: Json, view: &Json) -> Json {
    if let (Some(found), Some(view)) = (found.as_object_mut(), view.as_object()) {
        found.extend(view.clone());
    }
    found
}

fn refusal(fault: &Fault) -> Json {
    json!({ "error": fault.to_string(), "hint": fault.hint })
}
