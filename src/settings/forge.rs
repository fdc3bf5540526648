//! In: the part of the operator's file that describes the forge of the repository. Out: which one it is, where, and who we are.
//! Guarantee: a forge has exactly one token, and it stands in a file or a variable, never here; what the address of the
//! repository says already need not be said again.
use super::address::is_address;
use crate::decide::document::Fragment;
use crate::decide::document::field_types::{Field, Shape, optional, required};
use crate::decide::value::{Code, Diagnostic};
use std::path::{Path, PathBuf};

/// The forge on which a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forge {
    /// Which one it is.
    pub kind: ForgeKind,
    /// The address of its server, without a slash at its end.
    pub url: String,
    /// The repository, as the forge names it: `owner/name`.
    pub repository: String,
    /// The file or the variable with the token.
    pub token: TokenAt,
    /// The user whose token it is, where the forge wants both.
    pub user: Option<String>,
    /// The file with the one authority (PEM) that its certificate must come from.
    pub authority: Option<PathBuf>,
    /// The file with the secret that signs its webhooks; without one, none is taken.
    pub webhook_secret: Option<PathBuf>,
    /// The users whose review of a pull request approves what it shows, as the forge names them.
    pub approvers: Vec<String>,
    /// The teams whose members' reviews do, as `organisation/team`.
    pub approver_teams: Vec<String>,
    /// How many writes a minute it takes of us, where that is not what its kind takes.
    pub writes_a_minute: Option<u32>,
}

/// Where the token of a forge stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenAt {
    /// In a file, which is read again when it changes.
    File(PathBuf),
    /// In a variable of the environment.
    Variable(String),
    /// Nowhere: an app of GitHub is given one for an hour.
    App(App),
}

/// An app of GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its number, or its client's id.
    pub id: String,
    /// The file with its private key (PEM).
    pub key: PathBuf,
    /// The number of its installation; asked for where it is not given.
    pub installation: Option<u64>,
}

/// Which forge it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ForgeKind {
    /// github.com, or GitHub Enterprise.
    GitHub,
    /// gitlab.com, or one's own.
    GitLab,
    /// Gitea or Forgejo.
    Gitea,
    /// bitbucket.org.
    BitbucketCloud,
    /// Bitbucket Data Center.
    BitbucketDataCenter,
    /// Azure DevOps.
    AzureDevOps,
}

/// The words of the settings, each with what it means.
const KINDS: &[(&str, ForgeKind)] = &[
    ("github", ForgeKind::GitHub),
    ("gitlab", ForgeKind::GitLab),
    ("gitea", ForgeKind::Gitea),
    ("forgejo", ForgeKind::Gitea),
    ("bitbucket-cloud", ForgeKind::BitbucketCloud),
    ("bitbucket-data-center", ForgeKind::BitbucketDataCenter),
    ("azure-devops", ForgeKind::AzureDevOps),
];

const WORDS: &[&str] =
    &["github", "gitlab", "gitea", "forgejo", "bitbucket-cloud", "bitbucket-data-center", "azure-devops"];

pub(super) const FIELDS: &[Field] = &[
    required("kind", Shape::Word(WORDS), "Which forge it is."),
    optional(
        "url",
        Shape::Checked(is_address, "http:// or https:// and a host, without user, query or fragment"),
        "The forge's address; default: the host of the repository's url, or the kind's public one.",
    ),
    optional("repository", Shape::Text, "The repository as the forge names it; default: the path of the url."),
    optional("tokenFile", Shape::Text, "A file with the token by which statuses and comments are posted."),
    optional("tokenVariable", Shape::Text, "A variable of the environment with the token."),
    optional(
        "app",
        Shape::Object(APP),
        "The app of GitHub by which check runs and comments are made, without a token.",
    ),
    optional(
        "writesAMinute",
        Shape::Integer(1, 100_000),
        "How many writes a minute the forge takes of us; default: what its kind is known to take (GitHub: 120).",
    ),
    optional("user", Shape::Text, "The user whose token it is, where the forge wants both (Bitbucket Cloud)."),
    optional("authorityFile", Shape::Text, "The authority (PEM) that the forge's certificate must come from."),
    optional(
        "webhookSecretFile",
        Shape::Text,
        "A file with the secret that signs the forge's webhooks; without it none is taken.",
    ),
    optional(
        "approvers",
        Shape::List(&Shape::Text),
        "The users whose review of a pull request approves what it shows; on Bitbucket Cloud their account ids, on Azure DevOps the addresses by which they sign in.",
    ),
    optional(
        "approverTeams",
        Shape::List(&Shape::Checked(is_team, "ORGANISATION/TEAM, or a group of GitLab")),
        "The teams whose members' reviews do (GitHub, Gitea, Forgejo, groups of GitLab); the token needs to read members.",
    ),
];

const APP: &[Field] = &[
    required("id", Shape::Scalar, "The app's number, or its client's id."),
    required("keyFile", Shape::Text, "The file with its private key (PEM)."),
    optional("installation", Shape::Integer(1, i64::MAX), "The number of its installation; default: the repository's."),
];

fn is_team(text: &str) -> bool {
    // A group of GitLab stands in twenty others at most.
    let is_part = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(char::is_control);
    text.split('/').all(is_part) && text.split('/').count() <= 21
}

/// A forge without a token, or with two.
const ONE_TOKEN: Code = Code(903);

/// A forge whose address or repository cannot be told.
const NO_PLACE: Code = Code(904);

/// Approvers on a forge whose reviews are not read.
const NO_REVIEWS: Code = Code(905);

impl ForgeKind {
    /// Returns the word by which the settings name it.
    pub fn word(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("forge", |(word, _)| word)
    }

    fn parse(word: &str) -> Option<Self> {
        KINDS.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind)
    }

    /// Returns the address of the one that everybody means, where there is one.
    fn public(self) -> Option<&'static str> {
        match self {
            Self::GitHub => Some("https://github.com"),
            Self::GitLab => Some("https://gitlab.com"),
            Self::BitbucketCloud => Some("https://bitbucket.org"),
            Self::AzureDevOps => Some("https://dev.azure.com"),
            Self::Gitea | Self::BitbucketDataCenter => None,
        }
    }

    /// Returns how many parts the name of a repository has there, at least and at most.
    fn parts(self) -> (usize, usize) {
        match self {
            // Groups of GitLab have groups inside, twenty at most.
            Self::GitLab => (2, 22),
            Self::AzureDevOps => (3, 3),
            _ => (2, 2),
        }
    }
}

/// Returns what is wrong with a repository's forge beyond its fields; `repository` is the part around it.
pub(super) fn check(repository: &Fragment) -> Vec<Diagnostic> {
    let Some(part) = repository.get("forge") else { return Vec::new() };
    let mut said = Vec::new();
    let tokens = ["tokenFile", "tokenVariable", "app"].into_iter().filter(|key| part.get(key).is_some()).count();
    if tokens != 1 {
        let found = if tokens == 0 { "the forge has no token" } else { "the forge has two tokens" };
        let expected = "exactly one of: tokenFile, tokenVariable, app (GitHub)";
        said.push(Diagnostic::error(ONE_TOKEN, found).at(part.span()).expected(expected));
    }
    let Some(kind) = part.get("kind").and_then(|kind| ForgeKind::parse(kind.text())) else { return said };
    if let Some(app) = part.get("app").filter(|_| kind != ForgeKind::GitHub) {
        let found = format!("{} knows no apps", kind.word());
        said.push(Diagnostic::error(ONE_TOKEN, found).at(app.span()).expected("tokenFile or tokenVariable"));
    }
    said.extend(check_reviews(&part, kind));
    let place = place(&part, kind, repository.get("url").map(|url| url.text().to_owned()).as_deref());
    if let Err((key, why)) = place {
        let at = part.get(key).map_or_else(|| part.span(), |part| part.span());
        said.push(Diagnostic::error(NO_PLACE, why).at(at).expected(format!("`{key}` of the forge")));
    }
    said
}

/// Returns what of teams is asked of a forge that has no such teams.
fn check_reviews(part: &Fragment, kind: ForgeKind) -> Vec<Diagnostic> {
    let mut said = Vec::new();
    let mut say = |at: &Fragment, found: String, hint: &str| {
        said.push(Diagnostic::error(NO_REVIEWS, found).at(at.span()).hint(hint.to_owned()));
    };
    let word = kind.word();
    let Some(teams) = part.get("approverTeams") else { return said };
    match kind {
        ForgeKind::GitLab => {}
        ForgeKind::GitHub | ForgeKind::Gitea => {
            for team in teams.items().filter(|team| team.text().matches('/').count() != 1) {
                let found = format!("the team `{}` is not of the form ORGANISATION/TEAM", team.text());
                say(&team, found, "name the organisation that it is of");
            }
        }
        _ => say(&teams, format!("teams of {word} are not asked"), "name the users, as `approvers`"),
    }
    said
}

/// Reads a checked part; `url` is that of the repository.
pub(super) fn read(part: &Fragment, url: Option<&str>, folder: &Path) -> Option<Forge> {
    let text = |key: &str| part.get(key).map(|part| part.text().to_owned());
    let file = |key: &str| text(key).map(|path| folder.join(path));
    let kind = ForgeKind::parse(&text("kind")?)?;
    let (url, repository) = place(part, kind, url).ok()?;
    let token = file("tokenFile").map(TokenAt::File).or_else(|| text("tokenVariable").map(TokenAt::Variable));
    let token = token.or_else(|| Some(TokenAt::App(app(&part.get("app")?, folder)?)))?;
    let number = |part: &Fragment, key: &str| part.get(key).and_then(|part| part.value().as_i64());
    Some(Forge {
        kind,
        url,
        repository,
        token,
        user: text("user"),
        authority: file("authorityFile"),
        webhook_secret: file("webhookSecretFile"),
        approvers: texts(part, "approvers"),
        approver_teams: texts(part, "approverTeams"),
        writes_a_minute: number(part, "writesAMinute").and_then(|number| u32::try_from(number).ok()),
    })
}

fn texts(part: &Fragment, key: &str) -> Vec<String> {
    part.get(key).iter().flat_map(Fragment::items).map(|item| item.text().to_owned()).collect()
}

fn app(part: &Fragment, folder: &Path) -> Option<App> {
    let id = part.get("id")?;
    Some(App {
        id: id.value().as_i64().map_or_else(|| id.text().to_owned(), |number| number.to_string()),
        key: folder.join(part.get("keyFile")?.text()),
        installation: part.get("installation").and_then(|it| it.value().as_i64()).and_then(|it| u64::try_from(it).ok()),
    })
}

/// Returns the address of the forge and the name of the repository, or the field that has to say it, and why.
fn place(part: &Fragment, kind: ForgeKind, url: Option<&str>) -> Result<(String, String), (&'static str, String)> {
    let text = |key: &str| part.get(key).map(|part| part.text().to_owned());
    let found = url.and_then(split);
    let base = match (text("url"), &found, kind.public()) {
        (Some(url), ..) => url,
        (None, _, Some(public)) if kind != ForgeKind::GitLab && kind != ForgeKind::GitHub => public.to_owned(),
        (None, Some((Some(base), _)), _) => base.clone(),
        (None, _, Some(public)) => public.to_owned(),
        (None, ..) => return Err(("url", format!("the address of the {} cannot be told", kind.word()))),
    };
    let named = text("repository").or_else(|| found.map(|(_, path)| from_path(kind, &path))).unwrap_or_default();
    let parts: Vec<&str> = named.split('/').collect();
    let (least, most) = kind.parts();
    let is_name = |part: &&str| !part.is_empty() && *part != "." && *part != ".." && !part.contains(char::is_control);
    if !(least..=most).contains(&parts.len()) || !parts.iter().all(is_name) {
        let expected = if kind == ForgeKind::AzureDevOps { "ORGANISATION/PROJECT/REPOSITORY" } else { "OWNER/NAME" };
        return Err(("repository", format!("the repository `{named}` is not of the form {expected}")));
    }
    Ok((base.trim_end_matches('/').to_owned(), named))
}

/// Takes the address of a repository apart: that of its server, where it is the web's, and the path.
fn split(url: &str) -> Option<(Option<String>, String)> {
    if let Some((scheme, rest)) = url.split_once("://") {
        let (host, path) = rest.split_once('/')?;
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        // The port of SSH is not that of the web.
        let is_web = matches!(scheme, "http" | "https");
        let name = host.split_once(':').map_or(host, |(name, _)| name);
        let base = match scheme {
            _ if is_web => Some(format!("{scheme}://{host}")),
            "ssh" => Some(format!("https://{name}")),
            _ => None,
        };
        return Some((base, path.to_owned()));
    }
    let (host, path) = url.split_once(':')?;
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    (!host.contains('/')).then(|| (Some(format!("https://{host}")), path.to_owned()))
}

/// Returns the name of a repository out of the path of its address.
fn from_path(kind: ForgeKind, path: &str) -> String {
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    match kind {
        ForgeKind::BitbucketDataCenter => path.strip_prefix("scm/").unwrap_or(path).to_owned(),
        // By SSH it is `v3/ORGANISATION/PROJECT/REPOSITORY`.
        ForgeKind::AzureDevOps => path.strip_prefix("v3/").unwrap_or(path).replacen("/_git/", "/", 1),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_told_by_its_address() {
        let of = |kind, url: &str| split(url).map(|(base, path)| (base.unwrap_or_default(), from_path(kind, &path)));
        let cases = [
            (ForgeKind::GitHub, "https://github.com/acme/fleet.git", "https://github.com", "acme/fleet"),
            (ForgeKind::GitHub, "git@ghe.acme.example:acme/fleet.git", "https://ghe.acme.example", "acme/fleet"),
            (ForgeKind::GitLab, "ssh://git@lab.acme.example:2222/a/b/fleet", "https://lab.acme.example", "a/b/fleet"),
            (ForgeKind::Gitea, "http://127.0.0.1:3000/acme/fleet.git", "http://127.0.0.1:3000", "acme/fleet"),
            (ForgeKind::BitbucketDataCenter, "https://bb.example/scm/OPS/fleet.git", "https://bb.example", "OPS/fleet"),
            (ForgeKind::AzureDevOps, "https://me@dev.azure.com/o/p/_git/r", "https://dev.azure.com", "o/p/r"),
            (ForgeKind::AzureDevOps, "git@ssh.dev.azure.com:v3/o/p/r", "https://ssh.dev.azure.com", "o/p/r"),
        ];
        for (kind, url, base, name) in cases {
            assert_eq!(of(kind, url), Some((base.to_owned(), name.to_owned())), "{url}");
        }
        assert_eq!(split("file:///srv/fleet.git"), Some((None, "srv/fleet.git".into())), "a folder is no server");
        assert!(!is_address("https://token@github.com"), "no credential stands in the settings");
    }
}
