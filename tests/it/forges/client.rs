//! In: statuses, and each forge's stand-in. Out: what stands there afterwards, and what each refusal means.
//! Guarantee: no token in an error, and none sent to another host.
use super::github::{self, GitHub};
use super::gitlab::{self, GitLab};
use super::http::{Http, Reply};
use super::others::Other;
use crate::mirror::http::authority;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use stratify::client::forge::{Answered, Call, CommitStatus, ForgeError, Meaning, Server, Stand, Trouble};
use stratify::decide::value::{Fault, Owner};
use stratify::observe::forge::reviews::{Approvers, reviews};
use stratify::settings::{Forge, ForgeKind, TokenAt};
use tempfile::TempDir;

const COMMIT: &str = "1c7aa060a221576412f6caff5b55b30337d04278";

/// A client of a forge, with its token in a file.
pub(super) struct Client {
    server: Server,
    folder: TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Client {
    pub(super) fn new(kind: ForgeKind, url: &str, repository: &str, token: &str) -> Self {
        Self::with(kind, url, repository, token, None)
    }

    fn with(kind: ForgeKind, url: &str, repository: &str, token: &str, authority: Option<PathBuf>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("token");
        fs::write(&file, format!("{token}\n")).expect("the folder is ours");
        let settings = Forge {
            kind,
            url: url.to_owned(),
            repository: repository.to_owned(),
            token: TokenAt::File(file),
            user: None,
            authority,
            webhook_secret: None,
            approvers: Vec::new(),
            approver_teams: Vec::new(),
            writes_a_minute: None,
        };
        Self::of(&settings, folder)
    }

    /// Makes one with these settings.
    pub(super) fn of(settings: &Forge, folder: TempDir) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime needs nothing");
        let server = runtime.block_on(async { Server::new(settings) }).expect("the settings are right");
        Self { server, folder, runtime }
    }

    pub(super) fn github(url: &str) -> Self {
        Self::new(ForgeKind::GitHub, url, "acme/fleet", github::TOKEN)
    }

    pub(super) fn post(&self, stand: Stand, context: &str, text: &str) -> Result<(), ForgeError> {
        self.post_to(COMMIT, stand, context, text)
    }

    pub(super) fn post_to(&self, commit: &str, stand: Stand, context: &str, text: &str) -> Result<(), ForgeError> {
        let (link, detail, annotations) = (None, None, [].as_slice());
        let status = CommitStatus { commit, context, stand, text, link, branch: "main", detail, annotations };
        self.runtime.block_on(self.server.send(&self.server.forge().status(&status))).map(drop)
    }

    /// Posts what is refused.
    #[track_caller]
    pub(super) fn refused(&self, why: &str) -> ForgeError {
        self.post(Stand::Success, "stratify/dev", "synced").expect_err(why)
    }

    /// Returns whose review approves the head of a pull request.
    pub(super) fn approved_by(
        &self,
        (number, head, author): (u64, &str, &str),
        approvers: &Approvers,
    ) -> Result<Option<String>, ForgeError> {
        let all = self.runtime.block_on(reviews(&self.server, number, head, author, approvers))?;
        Ok(all.approvals.into_iter().next().map(|approval| approval.by))
    }

    /// Sends a request.
    pub(super) fn send(&self, call: &Call) -> Result<Answered, ForgeError> {
        self.runtime.block_on(self.server.send(call))
    }

    pub(super) fn forge(&self) -> &stratify::client::forge::Forge {
        self.server.forge()
    }

    fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }
}

#[test]
fn github_takes_statuses_in_its_words() {
    let github = GitHub::start();
    let client = Client::github(&github.http.url());
    for (stand, state) in [
        (Stand::Pending, "pending"),
        (Stand::Success, "success"),
        (Stand::Failure, "failure"),
        (Stand::Error, "error"),
        (Stand::Overtaken, "error"),
    ] {
        client.post(stand, "stratify/dev", "3/4 clusters synced").expect("it is taken");
        let latest = github.latest(COMMIT);
        assert_eq!(latest.get("stratify/dev"), Some(&(state.to_owned(), "3/4 clusters synced".to_owned())));
    }
    client.post(Stand::Success, "stratify/dev", &"word ".repeat(60)).expect("a longer text is cut");
    client.post(Stand::Success, &"ü".repeat(400), "fits").expect("a longer name is cut");
}

#[test]
fn each_refusal_of_github_means_what_its_words_say() {
    let github = GitHub::start();
    let limit = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    let secs = Duration::from_secs;
    let cases = [
        (Reply::says(401, "Bad credentials"), Meaning::Operator),
        (Reply::says(403, "Resource not accessible by personal access token"), Meaning::Operator),
        (Reply::says(404, "Not Found"), Meaning::Operator),
        (Reply::says(500, "Server Error"), Meaning::Later),
        (Reply::says(502, ""), Meaning::Later),
        (Reply { code: 503, headers: Vec::new(), body: "<html>Unicorn!</html>".into() }, Meaning::Later),
        (Reply { code: 201, headers: Vec::new(), body: "<html>Sign in</html>".into() }, Meaning::Later),
        (Reply::says(200, "an error that calls itself none"), Meaning::Later),
        (Reply::says(403, limit).with("retry-after", "1"), Meaning::Limited(secs(1))),
        (Reply::says(429, limit).with("retry-after", "0"), Meaning::Limited(secs(0))),
    ];
    for (reply, meaning) in cases {
        let text = format!("{reply:?}");
        github.first(reply);
        // Each with a budget of its own: what a forge asks to be waited for is waited for by all that follow.
        assert_eq!(Client::github(&github.http.url()).refused(&text).meaning, meaning, "{text}");
    }
    for (reply, wait) in [
        (Reply::says(403, limit), secs(60)),
        (Reply::says(429, "Too Many Requests"), secs(60)),
        (
            Reply::says(403, "API rate limit exceeded")
                .with("x-ratelimit-remaining", "0")
                .with("x-ratelimit-limit", "5000")
                .with("x-ratelimit-reset", "1"),
            secs(1),
        ),
    ] {
        let client = Client::github(&github.http.url());
        github.first(reply);
        assert_eq!(client.refused("it is too much").meaning, Meaning::Limited(wait));
        let asked = github.http.seen().len();
        let next = client.refused("the forge asked us to wait");
        assert!(matches!((&next.trouble, next.meaning), (Trouble::Spent, Meaning::Limited(_))), "{next}");
        assert_eq!(github.http.seen().len(), asked, "nothing was sent");
    }
}

#[test]
fn an_error_that_calls_itself_done_is_no_empty_list() {
    let github = GitHub::start();
    let client = Client::github(&github.http.url());
    let forge = client.forge();
    let lists = [forge.pulls(1), forge.comments(7, 1), forge.commits_of(7, 1), forge.hooks()];
    for call in lists.into_iter().chain([forge.reviews(7, 1)]).chain(forge.queue("main")) {
        github.first(Reply::says(200, "Something went wrong, please try again."));
        let refused = client.send(&call).expect_err("it is no list");
        assert_eq!(refused.meaning, Meaning::Later, "{refused}");
        assert!(refused.to_string().contains("a list was expected, and it says: Something went wrong"), "{refused}");
    }
}

#[test]
fn what_github_never_takes_is_told_from_what_it_takes_later() {
    let github = GitHub::start();
    github.state.lock().expect("no answer panics").commits.push(COMMIT.to_owned());
    let client = Client::github(&github.http.url());
    let unknown = client.post_to(&"7".repeat(40), Stand::Success, "stratify/dev", "synced");
    let unknown = unknown.expect_err("it has no such commit");
    assert_eq!(unknown.meaning, Meaning::Never, "{unknown}");
    assert!(unknown.to_string().contains("No commit found for SHA"), "in its words: {unknown}");
    let full = vec![serde_json::Value::Null; 1_000];
    github.state.lock().expect("no answer panics").statuses.insert((COMMIT.into(), "stratify/dev".into()), full);
    let many = client.refused("a thousand are there");
    assert_eq!(many.meaning, Meaning::Never, "{many}");
    assert!(many.to_string().contains("maximum number of statuses"), "in its words: {many}");
}

#[test]
fn a_new_token_counts_at_once_and_no_error_shows_one() {
    let github = GitHub::start();
    let client = Client::github(&github.http.url());
    github.state.lock().expect("no answer panics").token = Some("ghp_new".to_owned());
    github.first(Reply::says(401, &format!("token {} has expired", github::TOKEN)));
    let revoked = client.refused("it was revoked");
    assert!(!format!("{revoked} {revoked:?}").contains(github::TOKEN), "{revoked}");
    assert_eq!(client.refused("it was revoked").meaning, Meaning::Operator);
    fs::write(client.token_file(), "ghp_new\n").expect("the folder is ours");
    client.post(Stand::Success, "stratify/dev", "synced").expect("no restart is needed");
    for (text, why) in [("", "empty"), ("two\nlines", "header")] {
        fs::write(client.token_file(), text).expect("the folder is ours");
        let fault = Fault::from(client.refused("it is no token"));
        assert_eq!(fault.owner, Owner::Operator);
        assert!(fault.to_string().contains(why), "{fault}");
    }
    fs::remove_file(client.token_file()).expect("it is there");
    assert_eq!(client.refused("it is gone").meaning, Meaning::Operator);
}

#[test]
fn no_token_goes_to_another_host_and_no_write_is_lost_on_the_way() {
    let other = Http::start(|_| Reply::says(201, "taken"));
    let github = GitHub::start();
    let client = Client::github(&github.http.url());
    // The same host by another name is another one.
    let elsewhere = other.url().replace("127.0.0.1", "localhost");
    for code in [301, 302, 303, 307, 308] {
        github.first(Reply::says(code, "").with("location", &format!("{elsewhere}/api/v3/x")));
        let refused = client.refused("it leads elsewhere");
        assert!(matches!(refused.trouble, Trouble::Elsewhere(_)), "{code}: {refused}");
        assert_eq!(refused.meaning, Meaning::Operator);
    }
    assert!(other.seen().is_empty(), "the other one heard of nothing");
    github.first(Reply::says(307, "").with("location", "/api/v3/repos/acme/fleet/statuses/beef"));
    client.post(Stand::Success, "stratify/dev", "synced").expect("a path of its own is followed");
    assert_eq!(github.latest("beef").len(), 1, "the write arrived there, with its body");
    github.first(Reply::says(301, "").with("location", "/api/v3/repos/acme/renamed/statuses/beef"));
    let moved = client.refused("a client of old would send a GET there");
    assert!(moved.to_string().contains("it has moved to /api/v3/repos/acme/renamed"), "{moved}");
}

#[test]
fn an_answer_that_is_too_long_is_left() {
    let long = Http::start(|_| Reply { code: 201, headers: Vec::new(), body: "x".repeat(17 << 20) });
    let refused = Client::github(&long.url()).refused("it is too long");
    assert!(matches!(&refused.trouble, Trouble::Malformed(why) if why.contains("longer than")), "{refused}");
}

#[test]
fn a_forge_that_is_down_is_tried_again() {
    let url = Http::start(|_| Reply::says(201, "")).url();
    let refused = Client::github(&url).refused("nobody listens");
    assert!(matches!(refused.trouble, Trouble::Unreachable(_)), "{refused}");
    assert_eq!(refused.meaning, Meaning::Later);
}

#[test]
fn only_the_authority_of_the_settings_is_trusted() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (_, tls) = authority(&folder.path().join("ours"));
    authority(&folder.path().join("other"));
    let server = Http::start_tls(tls, |_| Reply::says(201, ""));
    let client = |of: &str| {
        let file = Path::new(folder.path()).join(of).join("ca.pem");
        Client::with(ForgeKind::GitHub, &server.url(), "acme/fleet", github::TOKEN, Some(file))
    };
    let refused = client("other").refused("its certificate comes from another authority");
    assert!(matches!(refused.trouble, Trouble::Unreachable(_)), "{refused}");
    assert!(server.seen().is_empty(), "nothing was asked");
    client("ours").post(Stand::Success, "stratify/dev", "synced").expect("its certificate is right");
    // The certificate is of the address, and of no name.
    let file = folder.path().join("ours/ca.pem");
    let named = server.url().replace("127.0.0.1", "localhost");
    let refused = Client::with(ForgeKind::GitHub, &named, "acme/fleet", github::TOKEN, Some(file));
    let refused = refused.refused("its certificate is of another name");
    assert!(matches!(&refused.trouble, Trouble::Unreachable(why) if why.contains("not valid for name")), "{refused}");
    assert_eq!(server.seen().len(), 1, "nothing was asked");
}

#[test]
fn gitlab_takes_statuses_by_its_state_machine() {
    let gitlab = GitLab::start();
    let client = Client::new(ForgeKind::GitLab, &gitlab.http.url(), "acme/platform/fleet", gitlab::TOKEN);
    let post = |stand, text: &str| client.post(stand, "stratify/dev", text);
    post(Stand::Pending, "syncing").expect("it is taken");
    let again = post(Stand::Pending, "still syncing").expect_err("it cannot be worded anew");
    assert_eq!(again.meaning, Meaning::Done, "it is as it was to be: {again}");
    post(Stand::Failure, "eu-1 failed").expect("it is taken");
    post(Stand::Success, "2/2 clusters synced").expect("a correction is another job");
    post(Stand::Overtaken, "overtaken by beef").expect("it is taken");
    let states: Vec<String> = gitlab.jobs().into_iter().map(|job| format!("{} {}", job.branch, job.state)).collect();
    assert_eq!(states, ["main failed", "main success", "main canceled"]);
    gitlab.state.lock().expect("no answer panics").busy = 1;
    assert_eq!(post(Stand::Success, "synced").expect_err("another one has its turn").meaning, Meaning::Later);
    let gone = client.post_to(&"0".repeat(40), Stand::Success, "stratify/dev", "synced");
    assert_eq!(gone.expect_err("it has no such commit").meaning, Meaning::Never);
    let wrong = Client::new(ForgeKind::GitLab, &gitlab.http.url(), "acme/other", gitlab::TOKEN);
    assert_eq!(wrong.refused("there is no such project").meaning, Meaning::Operator);
}

#[test]
fn bitbucket_and_azure_take_statuses_in_their_words() {
    let cloud = Other::bitbucket_cloud();
    let client = Client::new(ForgeKind::BitbucketCloud, &cloud.http.url(), "acme/fleet", "bb-token");
    let long = format!("stratify/{}", "environment-with-a-long-name".repeat(3));
    for (context, stand) in
        [("stratify/dev", Stand::Pending), ("stratify/dev", Stand::Overtaken), (&long, Stand::Error)]
    {
        client.post(stand, context, "text").expect("it is taken");
    }
    let builds = cloud.builds();
    assert_eq!(builds["stratify/dev"]["state"], "STOPPED", "the same key takes the place of the one before");
    assert_eq!(builds.len(), 2, "a long name has a key of its own: {builds:?}");
    let gone = client.post_to(&"0".repeat(40), Stand::Success, "stratify/dev", "synced");
    assert_eq!(gone.expect_err("it has no such commit").meaning, Meaning::Never);

    let center = Other::bitbucket_data_center();
    let client = Client::new(ForgeKind::BitbucketDataCenter, &center.http.url(), "OPS/fleet", "dc-token");
    client.post(Stand::Error, "stratify/dev", "unreachable").expect("an answer without a body is one");
    let build = &center.builds()["stratify/dev"];
    assert_eq!((&build["state"], &build["ref"]), (&"UNKNOWN".into(), &"refs/heads/main".into()));
    let wrong = Client::new(ForgeKind::BitbucketDataCenter, &center.http.url(), "OPS/other", "dc-token");
    assert_eq!(wrong.refused("there is no such repository").meaning, Meaning::Operator);

    let azure = Other::azure_devops();
    let client = Client::new(ForgeKind::AzureDevOps, &azure.http.url(), "acme/ops/fleet", "az-token");
    client.post(Stand::Success, "stratify/prod", "synced").expect("it is taken");
    assert_eq!(azure.builds()["stratify/prod"]["state"], "succeeded");
    let page = Client::new(ForgeKind::AzureDevOps, &azure.http.url(), "acme/ops/fleet", "wrong");
    let page = page.refused("it shows the page for signing in");
    assert!(matches!(page.trouble, Trouble::Malformed(_)), "{page}");
}
