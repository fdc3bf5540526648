//! In: asks of commands. Out: an answer for each, from what the loop knows.
//! Guarantee: nothing that takes long is done in the loop.
use super::super::repository_look::Compared;
use super::super::statuses::Statuses;
use super::super::world::Target;
use super::{Engine, Event, Observer, is_telling};
use crate::decide::drift::Found;
use crate::decide::report::{Report, Standing};
use crate::decide::schedule::Wake;
use crate::decide::value::{Diagnostic, Fault, counted};
use crate::name::{ClusterName, CommitId, EnvironmentName};
use crate::observe::forge::notes;
use crate::serve::socket::{Acceptance, Ask, Asked, Chosen, Ticket};
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
            Ask::Outbox => self.outbox_view(),
            Ask::Why(cluster) => self.why(&cluster),
            Ask::Sync(chosen) => self.sync(&chosen),
            Ask::Settled(ticket, chosen) => self.settled(ticket, &chosen),
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

    /// Returns the clusters that are meant, as far as the head has them.
    fn chosen(&self, chosen: &Chosen) -> Vec<ClusterName> {
        let is_meant = |name: &&ClusterName| chosen.includes(name, &self.told.environment_of(name));
        self.told.clusters().filter(is_meant).cloned().collect()
    }

    /// Looks for new commits, and at the clusters that are asked for; by its ticket one asks whether all that has ended.
    fn sync(&mut self, chosen: &Chosen) -> Json {
        let clusters = self.chosen(chosen);
        for cluster in &clusters {
            self.outside.forgive(cluster);
            self.request(cluster, Wake::Asked);
        }
        // A look that is under way may have begun before the commit that is asked for was there.
        let ticket = Ticket { look: self.looks + 1 + u64::from(self.looking), ends: self.ends };
        self.look();
        let names: Vec<&str> = clusters.iter().map(ClusterName::as_str).collect();
        json!({ "looking": true, "ticket": ticket.value(), "clusters": names })
    }

    /// Says whether the look of a ticket has ended, and the clusters that are asked for came to their end after it.
    fn settled(&self, ticket: Ticket, chosen: &Chosen) -> Json {
        let clusters = self.chosen(chosen);
        let open: Vec<&ClusterName> = clusters.iter().filter(|cluster| self.schedule.is_open(cluster)).collect();
        let is_looked = self.looks >= ticket.look
            && self.preparing + self.releasing + self.unplanned == 0
            && self.stirring.is_empty();
        // Where nothing else is under way, what is to be said of it is there for whoever looks next.
        let is_posted = self.posting == 0 && !(self.is_settled() && self.outbox.is_pressing());
        if !is_looked || !is_posted || (self.held.is_none() && !open.is_empty()) {
            return json!({ "settled": false, "progress": self.progress_of(&open) });
        }
        let reports = self.told.reports.values().filter(|it| chosen.includes(&it.cluster, &it.environment));
        // Our own writes are seen as changes of a target, and a look after them has nothing to tell of what was asked.
        let since = |report: &Report| {
            let wrote = self.wrote.get(&report.cluster).filter(|(end, wrote)| {
                *end > ticket.ends && wrote.commit == report.commit && report.standing.condition.is_good()
            });
            wrote.map_or_else(|| told_of(report), |(_, wrote)| told_of(wrote))
        };
        let known: Vec<&str> = if chosen.clusters.is_empty() {
            self.told.names().map(EnvironmentName::as_str).collect()
        } else {
            self.told.clusters().map(ClusterName::as_str).collect()
        };
        json!({
            "settled": true,
            "head": self.head.map(|head| head.to_string()),
            "held": self.held,
            "troubles": self.troubles_of(|of| !is_telling(of)),
            "untold": self.troubles_of(is_telling),
            "clusters": clusters.iter().map(ClusterName::as_str).collect::<Vec<_>>(),
            "known": known,
            "all": self.told.clusters().count(),
            "reports": reports.map(since).collect::<Vec<_>>(),
        })
    }

    /// Says in a line how far the clusters are that are not at their end.
    fn progress_of(&self, open: &[&ClusterName]) -> Option<String> {
        let running = open.iter().find_map(|cluster| Some((cluster, self.outside.progress(cluster)?)));
        let others = open.len().saturating_sub(1);
        let more = if others == 0 { String::new() } else { format!(", and {others} more") };
        running.map(|(cluster, progress)| {
            format!("{cluster}: {} of {}{more}", progress.done, counted(progress.of, "layer"))
        })
    }

    fn view(&self) -> Json {
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
            "clusters": self.told.standings().map(Standing::data).collect::<Vec<_>>(),
        })
    }

    /// Returns what went wrong at the last try of what is as asked.
    fn troubles_of(&self, is: impl Fn(&str) -> bool) -> Vec<&String> {
        self.troubles.iter().filter(|(of, _)| is(of)).flat_map(|(_, said)| said).collect()
    }

    fn outbox_view(&self) -> Json {
        let mut view = json!({ "rows": super::waiting::rows_of(&self.outbox) });
        view["notices"] = self.notices.waiting();
        view["troubles"] = self.troubles_of(is_telling).into_iter().cloned().collect();
        view["comments"] = self.pulls.drafts.len().into();
        view["looking"] = (self.pulls.looking || self.pulls.stale_due.is_some()).into();
        view
    }

    fn why(&self, cluster: &ClusterName) -> Json {
        let is_running = self.schedule.is_open(cluster);
        let progress = self.outside.progress(cluster).filter(|_| is_running);
        let mut lines: Vec<String> = Vec::new();
        if let Some(progress) = progress {
            lines.push(format!("{} of {} layers are done", progress.done, progress.of));
            lines.extend(progress.blocked.iter().map(|blocked| format!("layer {}: {}", blocked.layer, blocked.why)));
        } else if let Some(report) = self.told.reports.get(cluster) {
            lines.extend(report.lines.iter().cloned());
        }
        json!({ "cluster": cluster.as_str(), "held": self.held, "running": is_running, "lines": lines })
    }
}

/// Returns what is told of a cluster; what was found in documents is only counted, who asks has them too.
fn told_of(report: &Report) -> Json {
    let mut data = report.data();
    let said = |said: &Diagnostic| {
        json!({
            "code": said.code.0,
            "error": said.is_error(),
            "message": said.message,
            "expected": said.expected,
            "nearest": said.nearest,
            "hint": said.hint,
        })
    };
    if let Some(fields) = data.as_object_mut() {
        let placeless: Vec<Json> = report.placeless().map(said).collect();
        fields.insert("placed".into(), json!(report.diagnostics.len() - placeless.len()));
        fields.insert("said".into(), placeless.into());
    }
    data
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
