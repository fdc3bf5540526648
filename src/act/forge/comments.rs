//! In: the text of our comment, and a pull request. Out: the pull request has it, once.
//! Guarantee: the comment of before is worded anew; another one is made only where there is none of ours.
use crate::client::forge::{Comment, ForgeError, Server};
use crate::decide::report::COMMENT_MARK;

/// How many pages of comments are looked through: ours is among the first, since it is made when the pull request opens.
const PAGES_MAX: usize = 20;

/// Makes the comment of a pull request say this; `known` is its id, where we made it. Returns its id.
pub async fn put(server: &Server, number: u64, known: Option<u64>, text: &str) -> Result<Option<u64>, ForgeError> {
    let forge = server.forge();
    if let Some(id) = known {
        match server.send(&forge.comment(number, Some(id), text)).await {
            // A person deleted it: then another one is made.
            Err(error) if matches!(error.code(), Some(404 | 410)) => {}
            answered => return answered.map(|_| Some(id)),
        }
    }
    match try_find(server, number).await? {
        Some(found) if found.text.trim_end() == text.trim_end() => Ok(Some(found.id)),
        Some(found) => server.send(&forge.comment(number, Some(found.id), text)).await.map(|_| Some(found.id)),
        None => {
            let answered = server.send(&forge.comment(number, None, text)).await?;
            Ok(answered.body.get("id").and_then(serde_json::Value::as_u64))
        }
    }
}

/// Returns our comment, by its mark.
async fn try_find(server: &Server, number: u64) -> Result<Option<Comment>, ForgeError> {
    for page in 1..=PAGES_MAX {
        let answered = server.send(&server.forge().comments(number, page)).await?;
        let (comments, is_more) = server.forge().read_comments(&answered.body);
        let ours = comments.into_iter().find(|comment| comment.text.starts_with(COMMENT_MARK));
        if ours.is_some() || !is_more {
            return Ok(ours);
        }
    }
    Ok(None)
}
