//! In: the program of Gitea. Out: a pull request from its plan over its approval and merge to the clusters, on a real forge.
//! Guarantee: all of it is on the loopback and in one folder; statuses and comments are read where people read them.
mod gitea;

use super::example::FILES;
use super::scratch::Scratch;
use super::{DEV, READ, written};
use crate::act::forge::hooks::install;
use crate::cli::args::Demo;
use crate::cli::command::{Answer, Failure};
use crate::cli::print::{Printer, Text, Tone};
use crate::client::forge::{ForgeError, Told};
use crate::client::git::{fault, in_folder};
use crate::decide::value::{Fault, Owner};
use crate::settings::DOOR;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gitea::{Gitea, PASSWORD, Person, free_port};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// The contexts of the example.
const CONTEXTS: [&str; 4] = ["stratify/plan", "stratify/dev", "stratify/staging", "stratify/prod"];

/// How long a step may take: seconds on an idle machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// How often the forge is asked meanwhile.
const LOOK: Duration = Duration::from_millis(200);

/// The most lines of a comment that are shown.
const LINES_MAX: usize = 60;

const REPOSITORY: &str = "/repos/ada/fleet";

/// Shows the way of a pull request.
pub(super) fn run(options: &Demo, program: &Path, printer: &Printer) -> Result<Answer, Failure> {
    let root = Scratch::folder(options.keep.as_deref())?;
    let gitea = Gitea::start(program, &root.join("gitea"))?;
    let mut story = Story::begin(gitea, root, printer, options.fast)?;
    let first = story.first()?;
    story.synced("1. The example fleet is pushed to Gitea: it is synced, and its commit says so", &first)?;
    let (number, head) = story.open()?;
    story.planned(number, &head)?;
    story.title("3. It cannot be merged yet: main wants the plan's success and an approval");
    let refused = story.refused(number)?;
    story.say(Tone::Plain, &format!("  {refused}"))?;
    story.title("4. Grace, who did not write it, reviews the plan on the forge, and approves it");
    let review = json!({ "event": "APPROVED", "body": "nobody looks at it on dev" });
    let path = format!("{REPOSITORY}/pulls/{number}/reviews");
    story.grace.post("approve the pull request", &path, review).map_err(Fault::from)?;
    story.say(Tone::Plain, &format!("  an approving review of #{number}, of exactly {}", short(&head)))?;
    let merged = story.merged(number)?;
    story.synced("5. It is merged. What was reviewed is what is applied: layers go in reverse order", &merged)?;
    story.end(&[first, head, merged])
}

/// What the demo has.
struct Story<'a> {
    gitea: Gitea,
    ada: Person,
    grace: Person,
    _server: super::scratch::Server,
    root: PathBuf,
    log_read: usize,
    printer: &'a Printer,
    is_fast: bool,
}

impl<'a> Story<'a> {
    /// Makes users, a repository, and a process that serves it.
    fn begin(gitea: Gitea, root: PathBuf, printer: &'a Printer, is_fast: bool) -> Result<Self, Failure> {
        let attempt = "could not write the demo's settings";
        let token = |name: &str| -> Result<PathBuf, Fault> {
            let file = root.join(format!("{name}.token"));
            fs::write(&file, gitea.user(name)?).map_err(in_folder(attempt))?;
            Ok(file)
        };
        let (ada, grace) = (token("ada")?, token("grace")?);
        let (ada, grace) = (Person::new(&gitea, "ada/fleet", ada)?, Person::new(&gitea, "ada/fleet", grace)?);
        let repository = json!({ "name": "fleet", "private": true, "default_branch": "main", "auto_init": true });
        ada.post("make a repository", "/user/repos", repository).map_err(Fault::from)?;
        let rights = json!({ "permission": "write" });
        ada.put("let Grace write", &format!("{REPOSITORY}/collaborators/grace"), rights).map_err(Fault::from)?;
        push_example(&ada).map_err(Fault::from)?;
        let port = free_port()?;
        let (url, secret) = (gitea.url(), "of-the-demo");
        fs::write(root.join("hook.secret"), secret).map_err(in_folder(attempt))?;
        let forge = "kind: gitea, tokenFile: ada.token, webhookSecretFile: hook.secret, approvers: [grace]";
        let text = format!(
            "repository:\n  url: {url}/ada/fleet.git\n  branch: main\n  tokenFile: ada.token\n  forge: {{ {forge} }}\n\
             state: state\nlisten: 127.0.0.1:{port}\n"
        );
        fs::write(root.join("stratify.yaml"), text).map_err(in_folder(attempt))?;
        let server = Scratch { root: root.clone() }.serve(Some(&root.join("stratify.yaml")))?;
        let door = format!("http://127.0.0.1:{port}{DOOR}");
        ada.wait(install(ada.server(), &door, &secret.to_owned().into())).map_err(Fault::from)?;
        let protection = json!({
            "rule_name": "main", "enable_push": true, "enable_status_check": true,
            "status_check_contexts": ["stratify/plan"], "required_approvals": 1,
        });
        ada.post("protect main", &format!("{REPOSITORY}/branch_protections"), protection).map_err(Fault::from)?;
        Ok(Self { gitea, ada, grace, _server: server, root, log_read: 0, printer, is_fast })
    }

    /// Returns the first commit.
    fn first(&self) -> Result<String, Failure> {
        let branch = self.ada.get("read main", format!("{REPOSITORY}/branches/main")).map_err(Fault::from)?;
        Ok(id(&branch, "/commit/id")?)
    }

    /// Waits until a commit is synced everywhere, and shows what was written and what the forge says of it.
    fn synced(&mut self, title: &str, commit: &str) -> Result<(), Failure> {
        self.title(title);
        let is_over = |told: &[Told]| {
            CONTEXTS.iter().all(|name| told.iter().any(|one| one.context == *name && one.state != "pending"))
        };
        let told = self.wait_for(commit, is_over)?;
        let mut log_read = self.log_read;
        for line in written(&Scratch { root: self.root.clone() }.log(), &mut log_read) {
            self.say(Tone::Plain, &line)?;
        }
        self.log_read = log_read;
        self.statuses(commit, &told)?;
        self.pause();
        Ok(())
    }

    /// Opens the pull request; returns its number and its head.
    fn open(&mut self) -> Result<(u64, String), Failure> {
        self.title(
            "2. Ada opens a pull request: dev-1 is to lose its observability. It is planned as if it were merged",
        );
        let read = self.ada.get("read a file", format!("{REPOSITORY}/contents/{DEV}?ref=main")).map_err(Fault::from)?;
        let text = read["content"].as_str().and_then(|text| STANDARD.decode(text.replace('\n', "")).ok());
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| Fault::bug("it is a text"))?;
        let text =
            text.replace("    - name: edge\n", "    - name: edge\n    - { name: observability, remove: true }\n");
        let file = json!({ "operation": "update", "path": DEV, "sha": read["sha"], "content": STANDARD.encode(text) });
        let title = "dev-1: no observability";
        let change = json!({ "branch": "main", "new_branch": "no-observability", "message": title, "files": [file] });
        self.ada.post("commit a change", &format!("{REPOSITORY}/contents"), change).map_err(Fault::from)?;
        let pull = json!({ "title": title, "head": "no-observability", "base": "main" });
        let pull = self.ada.post("open a pull request", &format!("{REPOSITORY}/pulls"), pull).map_err(Fault::from)?;
        let number = pull["number"].as_u64().ok_or_else(|| Fault::bug("it has a number"))?;
        self.say(Tone::Faint, &format!("  {}/ada/fleet/pulls/{number}", self.gitea.url()))?;
        Ok((number, id(&pull, "/head/sha")?))
    }

    /// Waits for the plan, and shows it as people read it.
    fn planned(&mut self, number: u64, head: &str) -> Result<(), Failure> {
        let told = self
            .wait_for(head, |told| told.iter().any(|one| one.context == "stratify/plan" && one.state != "pending"))?;
        self.statuses(head, &told)?;
        let begun = Instant::now();
        loop {
            let path = format!("{REPOSITORY}/issues/{number}/comments");
            let comments = self.ada.get("read the comments", path).map_err(Fault::from)?;
            if let Some(text) = comments.pointer("/0/body").and_then(Value::as_str) {
                self.say(Tone::Faint, "  the comment:")?;
                for line in text.lines().skip(1).take(LINES_MAX) {
                    self.say(Tone::Plain, &format!("  | {line}"))?;
                }
                self.pause();
                return Ok(());
            }
            self.late(begun, "the comment of the pull request did not come")?;
        }
    }

    fn merge(&self, number: u64) -> Result<Value, ForgeError> {
        let path = format!("{REPOSITORY}/pulls/{number}/merge");
        self.ada.post("merge the pull request", &path, json!({ "Do": "merge" }))
    }

    /// Returns why it cannot be merged, once the forge has looked.
    fn refused(&self, number: u64) -> Result<String, Failure> {
        let begun = Instant::now();
        loop {
            match self.merge(number) {
                Ok(_) => return Ok("it was merged".to_owned()),
                Err(error) if error.to_string().contains("try again") => self.late(begun, &error.to_string())?,
                Err(error) => return Ok(error.to_string()),
            }
        }
    }

    /// Merges it, once the forge knows that nothing is in the way; returns the new head.
    fn merged(&self, number: u64) -> Result<String, Failure> {
        let begun = Instant::now();
        while let Err(error) = self.merge(number) {
            self.late(begun, &error.to_string())?;
        }
        self.first()
    }

    fn wait_for(&self, commit: &str, is_over: impl Fn(&[Told]) -> bool) -> Result<Vec<Told>, Failure> {
        let (begun, forge) = (Instant::now(), self.ada.server().forge());
        let call = forge.statuses(commit);
        loop {
            let answered = self.ada.wait(self.ada.server().send(&call)).map_err(Fault::from)?;
            let told = forge.read_statuses(&answered.body);
            if is_over(&told) {
                return Ok(told);
            }
            self.late(begun, &format!("the statuses of {commit} did not come"))?;
        }
    }

    /// Waits a moment, or fails where it was too long.
    fn late(&self, begun: Instant, what: &str) -> Result<(), Fault> {
        thread::sleep(LOOK);
        let log = Scratch { root: self.root.clone() }.log();
        let message = format!("{what}; see {}", log.display());
        if begun.elapsed() < PATIENCE {
            Ok(())
        } else {
            Err(fault(Owner::Bug, false, message, "tell us, with that log"))
        }
    }

    fn statuses(&self, commit: &str, told: &[Told]) -> Result<(), Failure> {
        self.say(Tone::Faint, &format!("  commit {commit}, on the forge:"))?;
        for one in told {
            let tone = if one.state == "success" { Tone::Good } else { Tone::Strong };
            let mut text = Text::default();
            text.pieces([(tone, format!("{:>17} {}: ", one.context, one.state)), (Tone::Plain, one.text.clone())]);
            self.printer.answer(&text, &Value::Null)?;
        }
        Ok(())
    }

    fn title(&self, title: &str) {
        let mut text = Text::default();
        text.line("");
        text.pieces([(Tone::Strong, title.to_owned())]);
        // Where nobody reads it, the demo goes on and says so at its end.
        let _ = self.printer.answer(&text, &Value::Null);
    }

    fn say(&self, tone: Tone, line: &str) -> Result<(), Failure> {
        let mut text = Text::default();
        text.pieces([(tone, line.to_owned())]);
        Ok(self.printer.answer(&text, &Value::Null)?)
    }

    fn pause(&self) {
        if !self.is_fast {
            thread::sleep(READ);
        }
    }

    fn end(self, commits: &[String]) -> Result<Answer, Failure> {
        self.title("6. Every commit has its statuses, there for all who look at it");
        for commit in commits {
            let told = self.wait_for(commit, |_| true)?;
            self.statuses(commit, &told)?;
        }
        let root = self.root.display().to_string();
        let mut text = Text::default();
        text.line("");
        text.pieces([
            (Tone::Good, "That was the way of a pull request.".to_owned()),
            (Tone::Plain, " Gitea and the process have ended; to look further, start it again:".to_owned()),
        ]);
        text.line(format!("  {}", self.gitea.again()));
        text.line(format!("and see {}, as ada or grace with the password {PASSWORD}, and:", self.gitea.url()));
        for command in ["forge check", "statuses", "outbox", "status", "serve"] {
            text.line(format!("  stratify --settings {root}/stratify.yaml {command}"));
        }
        Ok(Answer::new(text, json!({ "folder": root, "commits": commits })))
    }
}

/// Commits the example in one step.
fn push_example(ada: &Person) -> Result<(), ForgeError> {
    let readme = ada.get("read a file", format!("{REPOSITORY}/contents/README.md?ref=main"))?;
    let file = |(path, bytes): &(&str, &[u8])| {
        let content = STANDARD.encode(bytes);
        if *path == "README.md" {
            return json!({ "operation": "update", "path": path, "sha": readme["sha"], "content": content });
        }
        json!({ "operation": "create", "path": path, "content": content })
    };
    let files: Vec<Value> = FILES.iter().map(file).collect();
    let commit = json!({ "branch": "main", "message": "the example fleet", "files": files });
    ada.post("commit the example", &format!("{REPOSITORY}/contents"), commit).map(drop)
}

fn id(value: &Value, at: &str) -> Result<String, Fault> {
    let id = value.pointer(at).and_then(Value::as_str);
    id.map(str::to_owned).ok_or_else(|| Fault::bug("Gitea tells the commit"))
}

fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}
