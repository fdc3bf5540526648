//! In: the text of our comment, and a pull request. Out: the pull request has it, once.
//! Guarantee: the comment of before is worded anew; another one is made only where there is none of ours.
use crate::client::forge::{Answered, Comment, ForgeError, Meaning, Server};
use crate::client::kill::{Of, point};
use crate::decide::report::is_comment_of_ours;

/// How many pages of comments are looked through: ours is among the first, since it is made when the pull request opens.
const PAGES_MAX: usize = 20;

/// Who we are.
#[derive(Debug, Default)]
pub enum Ourselves {
    /// It was not asked yet.
    #[default]
    Unasked,
    /// The forge does not say.
    Unknown,
    /// As comments name us.
    Known(String),
}

impl Ourselves {
    /// Whether a comment is ours. Where nobody says who we are, by its mark alone.
    async fn wrote(&mut self, server: &Server, comment: &Comment) -> Result<bool, ForgeError> {
        if !is_comment_of_ours(&comment.text) {
            return Ok(false);
        }
        let forge = server.forge();
        if matches!(self, Self::Unasked) {
            let told = match forge.ourselves() {
                None => forge.app().map(str::to_owned),
                Some(call) => match server.send(&call).await {
                    Ok(answered) => forge.read_ourselves(&answered.body),
                    // A token that is of no user.
                    Err(error) if matches!(error.code(), Some(401 | 403 | 404)) => None,
                    Err(error) => return Err(error),
                },
            };
            *self = told.map_or(Self::Unknown, Self::Known);
        }
        Ok(match (&*self, &comment.author) {
            (Self::Known(ours), Some(author)) => ours.eq_ignore_ascii_case(author),
            _ => true,
        })
    }
}

/// Makes the comment of a pull request say this; `known` is its id, where we made it. Returns its id.
pub async fn put(
    server: &Server,
    ourselves: &mut Ourselves,
    number: u64,
    known: Option<u64>,
    text: &str,
) -> Result<Option<u64>, ForgeError> {
    if let Some(id) = known.filter(|_| server.forge().knows_comments_by_id()) {
        let known = Comment { id, version: None, text: String::new(), author: None };
        match write(server, number, Some(&known), text).await {
            // A person deleted it: then another one is made. Some forges call that forbidden.
            Err(error) if matches!(error.code(), Some(403 | 404 | 410)) && !is_limit(&error) => {}
            answered => return answered.map(|_| Some(id)),
        }
    }
    match try_find(server, ourselves, number).await? {
        Some(found) if found.text.trim_end() == text.trim_end() => return Ok(Some(found.id)),
        Some(found) => match write(server, number, Some(&found), text).await {
            // It bears our mark and is somebody else's.
            Err(error) if matches!(error.code(), Some(403 | 404)) && !is_limit(&error) => {}
            answered => return answered.map(|_| Some(found.id)),
        },
        None => {}
    }
    let answered = write(server, number, None, text).await?;
    Ok(answered.body.get("id").and_then(serde_json::Value::as_u64))
}

fn is_limit(error: &ForgeError) -> bool {
    matches!(error.meaning, Meaning::Limited(_))
}

async fn write(server: &Server, number: u64, of: Option<&Comment>, text: &str) -> Result<Answered, ForgeError> {
    point(Of::Post);
    let answered = server.send(&server.forge().comment(number, of, text)).await;
    point(Of::Post);
    answered
}

/// Returns our comment, by its mark: one of somebody else with it is theirs, who could word it otherwise at any time.
async fn try_find(server: &Server, ourselves: &mut Ourselves, number: u64) -> Result<Option<Comment>, ForgeError> {
    for page in 1..=PAGES_MAX {
        let answered = server.send(&server.forge().comments(number, page)).await?;
        let (comments, is_more) = server.forge().read_comments(&answered.body);
        for comment in comments {
            if ourselves.wrote(server, &comment).await? {
                return Ok(Some(comment));
            }
        }
        if !is_more {
            break;
        }
    }
    Ok(None)
}
