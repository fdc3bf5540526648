//! In: an answer that a living cluster would give. Out: what comes of it instead.
//! Guarantee: each is a way in which real servers are gone; a client that waits is given nothing that ends its wait.
use super::Body;
use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt;
use http_body_util::channel::Channel;
use std::time::Duration;

/// How a cluster is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// Nobody listens any more.
    Refuses,
    /// It takes connections and requests, and never answers.
    Silent,
    /// It answers a byte a second.
    Slow,
}

/// How long a slow one takes for each byte.
const BYTE: Duration = Duration::from_secs(1);

impl Death {
    /// Returns what a client gets instead of an answer.
    pub(super) async fn instead(self, answer: Response<Body>) -> Response<Body> {
        if self != Self::Slow {
            return std::future::pending().await;
        }
        let (head, body) = answer.into_parts();
        let (mut sender, channel) = Channel::new(1);
        tokio::spawn(async move {
            // A watch has no end; what it says comes as slowly.
            let mut body = body;
            while let Some(Ok(frame)) = body.frame().await {
                for byte in frame.into_data().unwrap_or_default() {
                    tokio::time::sleep(BYTE).await;
                    if sender.send_data(Bytes::copy_from_slice(&[byte])).await.is_err() {
                        return;
                    }
                }
            }
        });
        Response::from_parts(head, channel.boxed())
    }
}
