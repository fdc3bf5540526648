//! In: the status of a commit, with what is to be read at its lines. Out: the check run of GitHub that says the same.
//! Guarantee: one that is at its end is never opened again: the next one is another run of the same name, which takes its
//! place; no more annotations than one request may have.
use super::call::{Call, Method, parts};
use super::kind::Forge;
use super::statuses::{CommitStatus, Stand, name};
use serde_json::{Value as Json, json};

/// How many annotations a request may have.
const ANNOTATIONS_MAX: usize = 50;

impl Forge {
    /// Returns the request that makes a check run, or that words one anew which is not at its end: `run` is its number.
    pub fn check(&self, status: &CommitStatus<'_>, run: Option<u64>) -> Call {
        let short = status.commit.get(..7).unwrap_or(status.commit);
        let attempt = format!("post {} of {short} to {}", status.context, self.repository());
        let runs = format!("/repos/{}/check-runs", parts(self.repository()));
        let mut body = said(status);
        body["name"] = name(status.context, &self.capabilities()).into();
        if let Some(run) = run {
            return Call::write(&attempt, Method::Patch, format!("{runs}/{run}"), body, &[200]);
        }
        body["head_sha"] = status.commit.into();
        Call::write(&attempt, Method::Post, runs, body, &[201])
    }
}

fn said(status: &CommitStatus<'_>) -> Json {
    let conclusion = match status.stand {
        Stand::Pending => None,
        Stand::Success => Some("success"),
        Stand::Failure => Some("failure"),
        // `neutral` would let a required check pass of which nobody knows.
        Stand::Error => Some("timed_out"),
        Stand::Overtaken => Some("cancelled"),
    };
    let annotations: Vec<Json> = status.annotations.iter().take(ANNOTATIONS_MAX).map(annotation).collect();
    let mut output = json!({ "title": status.text, "summary": status.detail.unwrap_or(status.text) });
    if !annotations.is_empty() {
        output["annotations"] = annotations.into();
    }
    let mut body = json!({ "output": output });
    if let Some(link) = status.link {
        // An empty one is refused.
        body["details_url"] = link.into();
    }
    match conclusion {
        None => body["status"] = "in_progress".into(),
        Some(conclusion) => {
            body["status"] = "completed".into();
            body["conclusion"] = conclusion.into();
        }
    }
    body
}

fn annotation(annotation: &super::statuses::Annotation<'_>) -> Json {
    json!({
        "path": annotation.path,
        "start_line": annotation.line,
        "end_line": annotation.line,
        "annotation_level": "failure",
        "message": annotation.text,
    })
}
