//! In: what commands ask of the process that serves. Out: answers, out of what the loop knows.
//! Guarantee: an answer never waits for a sync.
use super::engine::{Engine, Observer};
use super::look::Compared;
use crate::decide::value::Fault;
use crate::name::ClusterName;
use crate::serve::socket::{Acceptance, Ask, Asked};
use serde_json::{Value as Json, json};

impl<O: Observer> Engine<O> {
    pub(super) fn asked(&mut self, asked: Asked) {
        let answer = match &asked.ask {
            Ask::Status => self.view(),
            Ask::Why(cluster) => self.why(cluster),
            Ask::Accept(acceptance) => match self.accept(acceptance) {
                Ok(()) => json!({ "accepted": acceptance.commit.to_string() }),
                Err(fault) => json!({ "error": fault.to_string() }),
            },
            Ask::Sync => {
                self.look();
                json!({ "looking": true })
            }
        };
        // Who asked may have gone.
        let _ = asked.answer.send(answer);
    }

    fn accept(&mut self, acceptance: &Acceptance) -> Result<(), Fault> {
        let Acceptance { commit, tag, repository } = acceptance;
        self.outside.mirrors().accept(repository.as_ref(), *commit, tag.as_deref())?;
        match (repository, tag) {
            (None, None) => self.look(),
            _ => self.stir(repository.clone(), Compared::WithNothing),
        }
        Ok(())
    }

    fn view(&self) -> Json {
        let clusters = self
            .told
            .reports
            .values()
            .map(|report| json!({ "cluster": report.cluster.as_str(), "lines": report.lines }));
        json!({
            "head": self.head.map(|head| head.to_string()),
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
        json!({ "cluster": cluster.as_str(), "lines": lines })
    }
}
