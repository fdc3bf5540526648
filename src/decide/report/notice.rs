//! In: statuses that are told to a forge. Out: what receivers are told of them, in each form.
//! Guarantee: told again, a notice bears the same id; text of others enters no markup.
use super::outbox::Key;
use super::status::{Context, State, Status};
use crate::decide::value::Timestamp;
use crate::name::CommitId;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// It came to no good end.
    Failed,
    /// It waits for a person: an approval, or the acceptance of a branch.
    Held,
    /// All was seen as it is wanted.
    Synced,
    /// A newer commit came first.
    Overtaken,
}

impl Occasion {
    /// Returns the word of the settings, and of what is told.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Held => "held",
            Self::Synced => "synced",
            Self::Overtaken => "overtaken",
        }
    }

    /// Returns what a word means.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Failed, Self::Held, Self::Synced, Self::Overtaken].into_iter().find(|known| known.word() == word)
    }

    /// Returns what a status is the occasion of, if of anything; `is_held` where it waits for a person.
    pub fn of(status: &Status, is_held: bool) -> Option<Self> {
        match status.state {
            _ if is_held => Some(Self::Held),
            State::Pending => None,
            State::Success if status.context == Context::plan(None) => None,
            State::Success => Some(Self::Synced),
            State::Error if status.is_overtaken() => Some(Self::Overtaken),
            State::Failure | State::Error => Some(Self::Failed),
        }
    }
}

/// Returns the environment that a context is of; a plan is of none.
pub fn environment_of(context: &Context) -> Option<&str> {
    context.as_str().strip_prefix("stratify/").filter(|name| *name != "plan")
}

/// Returns a status as it stands in the outbox of a receiver: the first line of its detail says the occasion.
pub fn noticed(status: &Status, occasion: Occasion) -> Status {
    let detail = format!("{}\n{}", occasion.word(), status.try_detail().unwrap_or_default());
    status.clone().detail(&detail)
}

/// What one receiver is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The same however often it is sent.
    pub id: String,
    /// The repository that it speaks of.
    pub repository: Arc<str>,
    /// What it tells.
    pub occasion: Occasion,
    /// The environment, unless it is of a plan.
    pub environment: Option<String>,
    /// The commit.
    pub commit: CommitId,
    /// In a line.
    pub text: String,
    /// What there is to read after it.
    pub detail: Option<String>,
    /// Since when it is so.
    pub at: Timestamp,
}

impl Notice {
    /// Reads what [`noticed`] made; nothing where it is of another form.
    pub fn read(key: &Key, status: &Status) -> Option<Self> {
        let (word, detail) = status.try_detail()?.split_once('\n')?;
        let digest: String = key.digest().to_string().chars().filter(char::is_ascii_hexdigit).take(32).collect();
        Some(Self {
            id: format!("{digest}-{}", status.at.0),
            repository: key.repository.clone(),
            occasion: Occasion::parse(word)?,
            environment: environment_of(&key.context).map(str::to_owned),
            commit: key.commit,
            text: status.text().to_owned(),
            detail: (!detail.is_empty()).then(|| detail.to_owned()),
            at: status.at,
        })
    }

    /// Returns it as JSON of our own.
    pub fn json(&self) -> Json {
        json!({
            "id": self.id,
            "event": self.occasion.word(),
            "repository": &*self.repository,
            "environment": self.environment,
            "commit": self.commit.to_string(),
            "text": self.text,
            "detail": self.detail,
            "time": self.time(),
        })
    }

    /// Returns it as an event of `CloudEvents` 1.0.
    pub fn cloud_event(&self) -> Json {
        json!({
            "specversion": "1.0",
            "id": self.id,
            "source": &*self.repository,
            "type": format!("dev.stratify.{}", self.occasion.word()),
            "subject": self.environment.as_deref().unwrap_or("plan"),
            "time": self.time(),
            "datacontenttype": "application/json",
            "data": self.json(),
        })
    }

    /// Returns it as a message of Slack.
    pub fn slack(&self) -> Json {
        let short: String = self.commit.to_string().chars().take(7).collect();
        let of = self.environment.as_deref().unwrap_or("plan");
        let mut text = format!("*{}*: {of} at `{short}`: {}", self.occasion.word(), escaped(&self.text));
        if let Some(detail) = &self.detail {
            text.push_str("\n```\n");
            // Three of them would end the block.
            text.push_str(&escaped(detail).replace("```", "'''"));
            text.push_str("\n```");
        }
        json!({ "text": text })
    }

    /// Returns the time as RFC 3339 writes it.
    fn time(&self) -> String {
        let at = i64::try_from(self.at.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        at.unwrap_or(jiff::Timestamp::MAX).to_string()
    }
}

/// Returns a text in which Slack sees no link and no mention.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::EnvironmentName;

    fn notice(text: &str) -> Notice {
        let context = Context::environment(None, &EnvironmentName::new("prod").expect("it is a label"));
        let commit = CommitId([0xaa; 20]);
        let key = Key { forge: "ops".into(), repository: "/fleet".into(), commit, context: context.clone() };
        let status = Status::new(commit, context, State::Failure, text, Timestamp(1_000)).detail("eu-1: ```<!here>");
        Notice::read(&key, &noticed(&status, Occasion::Failed)).expect("it was made for it")
    }

    #[test]
    fn text_of_others_mentions_nobody_in_slack() {
        let said = notice("<!channel> & <https://evil.example|click>").slack();
        let said = said.pointer("/text").and_then(Json::as_str).unwrap_or_default().to_owned();
        assert!(!said.contains('<'), "nothing is a mention or a link: {said}");
        assert_eq!(said.matches("```").count(), 2, "the block ends where it is to: {said}");
    }

    #[test]
    fn a_cloud_event_has_what_is_required() {
        let event = notice("eu-1: refused").cloud_event();
        let word = |at: &str| event.pointer(at).and_then(Json::as_str).unwrap_or_default().to_owned();
        assert_eq!((word("/specversion"), word("/source")), ("1.0".into(), "/fleet".into()));
        assert_eq!(word("/type"), "dev.stratify.failed");
        assert_eq!(word("/time"), "1970-01-01T00:00:01Z", "as RFC 3339");
        assert_eq!(word("/id"), word("/data/id"), "one id");
        assert_eq!(word("/data/detail"), "eu-1: ```<!here>", "as it is: JSON has no markup");
    }

    #[test]
    fn only_ends_and_what_waits_for_a_person_are_told() {
        let of = |context: Context, state, text: &str, is_held| {
            Occasion::of(&Status::new(CommitId([1; 20]), context, state, text, Timestamp(1)), is_held)
        };
        let dev = || Context::environment(None, &EnvironmentName::new("dev").expect("it is a label"));
        assert_eq!(of(dev(), State::Pending, "1/2", false), None, "it goes on");
        assert_eq!(of(dev(), State::Pending, "1/2", true), Some(Occasion::Held), "a person has to act");
        assert_eq!(of(dev(), State::Error, "overtaken by 1234567", false), Some(Occasion::Overtaken));
        assert_eq!(of(Context::plan(None), State::Success, "2 changes", false), None, "nothing is synced by it");
    }
}
