//! In: statuses that the outbox says. Out: notes, in the repository around or in the mirror and the remote; or a forge's.
//! Guarantee: a status of a remote repository counts as posted once the remote has it.
use crate::act::forge::notes;
use crate::act::forge::statuses::{self, Runs, Whereabouts};
use crate::client::forge::Server;
use crate::client::git::Objects;
use crate::decide::report::Status;
use crate::decide::report::outbox::{Post, Refusal};
use crate::decide::value::{Fault, Owner, Timestamp};
use crate::name::CommitId;
use crate::observe::mirror::Mirror;
use crate::observe::worktree::Local;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The forge of the embedded default, and the repository there.
const NOTES: &str = "notes";

/// How many statuses are posted together: where they are pushed, one push takes as long as a hundred.
const POSTS_MAX: usize = 100;

/// How many go to a forge in a row, so that what it refuses is seen before the next ones.
const SENT_MAX: u64 = 20;

/// Where the statuses are.
#[derive(Clone)]
pub enum Statuses {
    /// In the repository of this machine, where people read them.
    Local(Arc<Local>),
    /// In the mirror of a remote one.
    Mirror(Arc<Mirror>),
    /// On the forge of a remote one; what was said stands in the mirror's notes, too, where commands read it.
    Forge {
        /// The mirror.
        mirror: Arc<Mirror>,
        /// The forge.
        server: Arc<Server>,
        /// The watched branch.
        branch: Arc<str>,
        /// The check runs that are not at their end.
        runs: Arc<Runs>,
    },
}

/// What became of a post.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) post: Post,
    pub(super) refused: Option<Refusal>,
    pub(super) fault: Option<Fault>,
}

/// Where statuses go: the names of the forge and of the repository there.
pub type Place = (Arc<str>, Arc<str>);

impl Statuses {
    /// Returns the objects in which the notes are.
    pub fn objects(&self) -> &Objects {
        match self {
            Self::Local(local) => local.objects(),
            Self::Mirror(mirror) | Self::Forge { mirror, .. } => mirror.objects(),
        }
    }

    /// Returns the forge, where there is one.
    pub fn server(&self) -> Option<&Arc<Server>> {
        if let Self::Forge { server, .. } = self { Some(server) } else { None }
    }

    /// Returns where they go.
    pub fn place(&self) -> Place {
        match self {
            Self::Local(_) | Self::Mirror(_) => (NOTES.into(), NOTES.into()),
            Self::Forge { server, .. } => {
                let forge = server.forge();
                (format!("{} {}", forge.kind().word(), forge.url()).into(), forge.repository().into())
            }
        }
    }

    /// Takes away the lock that a process left which was killed while it posted.
    pub(super) fn unlock(&self) -> Result<(), Fault> {
        notes::unlock(self.objects())
    }

    /// Returns how many statuses may be posted now; where none, when.
    pub(super) fn room(&self) -> Result<usize, Timestamp> {
        match self {
            Self::Local(_) | Self::Mirror(_) => Ok(POSTS_MAX),
            Self::Forge { server, .. } => Ok(usize::try_from(server.room()?.min(SENT_MAX)).unwrap_or(1)),
        }
    }

    /// Posts statuses, and tells of each as soon as it is known what became of it.
    /// `places` are those of commits that are not on the watched branch.
    pub(super) async fn post_all(
        self,
        posts: Vec<Post>,
        places: BTreeMap<CommitId, Whereabouts>,
        mut tell: impl FnMut(Answer) + Send + 'static,
    ) {
        let place = self.place();
        let is_ours = |post: &Post| post.key.forge == place.0 && post.key.repository == place.1;
        let (posts, others): (Vec<Post>, Vec<Post>) = posts.into_iter().partition(is_ours);
        for post in others {
            let why = "the settings name another forge now";
            tell(Answer { post, refused: Some(Refusal::Permanent(why.into())), fault: None });
        }
        match self {
            Self::Forge { mirror, server, branch, runs } => {
                let said: Vec<Status> = posts.iter().map(|post| post.status.clone()).collect();
                let noted = tokio::task::spawn_blocking(move || notes::post_all(mirror.objects(), &said)).await;
                if let Ok(Err(fault)) = noted {
                    tracing::warn!(%fault, "what is told to the forge is not noted here");
                }
                send_all((&server, &runs), &branch, &places, posts, tell).await;
            }
            notes => {
                // Where this does not end, neither does the process: posts are on their way for ever.
                let answers = tokio::task::spawn_blocking(move || notes.note_all(posts)).await;
                answers.into_iter().flatten().for_each(tell);
            }
        }
    }

    /// Notes together; what fails for a reason that may be one status's alone is tried one by one.
    fn note_all(&self, posts: Vec<Post>) -> Vec<Answer> {
        let all: Vec<Status> = posts.iter().map(|post| post.status.clone()).collect();
        let noted = match self {
            Self::Local(local) => notes::post_all(local.objects(), &all),
            Self::Mirror(mirror) => notes::post_remote(mirror.objects(), &mirror.address(), &all),
            Self::Forge { .. } => Err(Fault::bug("a forge takes no notes")),
        };
        match noted {
            Ok(()) => posts.into_iter().map(|post| Answer { post, refused: None, fault: None }).collect(),
            Err(fault) if posts.len() > 1 && !fault.spurious => {
                let each = posts.into_iter().flat_map(|post| self.note_all(vec![post])).collect::<Vec<_>>();
                each.into_iter().collect()
            }
            Err(fault) => {
                let refusal = if fault.spurious || fault.owner != Owner::Bug {
                    Refusal::Retry { after: None }
                } else {
                    Refusal::Permanent(fault.to_string().into())
                };
                let answer = |post| Answer { post, refused: Some(refusal.clone()), fault: Some(fault.repeated()) };
                posts.into_iter().map(answer).collect()
            }
        }
    }

    /// Returns the commit that a revision names.
    pub(super) fn resolve(&self, revision: &str) -> Result<CommitId, Fault> {
        self.objects().find_commit(revision)
    }
}

/// Sends one after the other; once one is refused for a reason that holds for all, the others wait like it.
async fn send_all(
    (server, runs): (&Server, &Runs),
    watched: &str,
    places: &BTreeMap<CommitId, Whereabouts>,
    posts: Vec<Post>,
    mut tell: impl FnMut(Answer),
) {
    let mut waits: Option<Refusal> = None;
    let watched = Whereabouts { branch: watched.to_owned(), pull: None };
    for post in posts {
        if let Some(refusal) = &waits {
            tell(Answer { post, refused: Some(refusal.clone()), fault: None });
            continue;
        }
        let place = places.get(&post.key.commit).unwrap_or(&watched);
        match statuses::post(server, runs, place, &post.status).await {
            Ok(()) => tell(Answer { post, refused: None, fault: None }),
            Err(refused) => {
                waits = refused.is_for_all.then(|| refused.refusal.clone());
                tell(Answer { post, refused: Some(refused.refusal), fault: Some(refused.fault) });
            }
        }
    }
}
