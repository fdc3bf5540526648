//! In: a request and what befalls it. Out: the answer, or an error that ends the client's connection.
//! Guarantee: as many requests reach the server as the fault says; bodies of answers are passed on as they come.
use super::Fault;
use super::fault::Refusal;
use anyhow::anyhow;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderMap, Request, Response};
use http_body_util::channel::{Channel, Sender};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Why a connection ends.
pub(super) type Broken = anyhow::Error;

type Answer = Response<BoxBody<Bytes, Broken>>;

/// What a body may hold back between the server and the client, in frames: enough to keep both busy.
const FRAMES: usize = 16;

/// The server behind.
#[derive(Clone)]
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    pub(super) connector: TlsConnector,
}

impl Upstream {
    /// Passes a request on, but for what befalls it.
    pub(super) async fn pass(&self, request: Request<Incoming>, fault: Option<Fault>) -> Result<Answer, Broken> {
        let (mut head, body) = request.into_parts();
        without_hops(&mut head.headers);
        let request = Request::from_parts(head, Full::new(body.collect().await?.to_bytes()));
        match fault {
            None => self.ask(request).await,
            Some(Fault::CutBefore) => Err(anyhow!("cut before the server heard of it")),
            Some(Fault::CutAfter) => {
                self.ask_whole(request).await?;
                Err(anyhow!("cut after the server carried it out"))
            }
            Some(Fault::CutWithin(bytes)) => Ok(piped(self.ask(request).await?, Pipe::Cut(bytes))),
            Some(Fault::DelayBefore(time)) => {
                tokio::time::sleep(time).await;
                self.ask(request).await
            }
            Some(Fault::DelayAfter(time)) => {
                let answer = self.ask(request).await?;
                tokio::time::sleep(time).await;
                Ok(answer)
            }
            Some(Fault::Duplicate) => {
                self.ask_whole(request.clone()).await?;
                self.ask(request).await
            }
            Some(Fault::Refuse(refusal)) => Ok(refused(refusal)),
            Some(Fault::RefuseAfter(refusal)) => {
                self.ask_whole(request).await?;
                Ok(refused(refusal))
            }
            Some(Fault::Trickle(time)) => Ok(piped(self.ask(request).await?, Pipe::Trickle(time))),
            Some(Fault::Mute) => Ok(piped(self.ask(request).await?, Pipe::Mute)),
            Some(Fault::ExpireWatch) => Ok(expired_watch()),
        }
    }

    /// Asks the server over a connection for this request alone, so that none waits for another's.
    async fn ask(&self, request: Request<Full<Bytes>>) -> Result<Answer, Broken> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::from(self.address.ip());
        let stream = self.connector.connect(name, stream).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut answer = sender.send_request(request).await?;
        without_hops(answer.headers_mut());
        Ok(answer.map(|body| body.map_err(Broken::from).boxed()))
    }

    /// Asks the server, and waits until it has done all of it.
    async fn ask_whole(&self, request: Request<Full<Bytes>>) -> Result<(), Broken> {
        self.ask(request).await?.into_body().collect().await?;
        Ok(())
    }
}

/// Takes what is said of a connection, and not of a request.
fn without_hops(headers: &mut HeaderMap) {
    headers.remove(CONNECTION);
    headers.remove(TRANSFER_ENCODING);
}

/// How a body is passed on.
#[derive(Clone, Copy)]
enum Pipe {
    Cut(usize),
    Trickle(Duration),
    Mute,
}

fn piped(answer: Answer, pipe: Pipe) -> Answer {
    let (head, body) = answer.into_parts();
    let (sender, channel) = Channel::new(FRAMES);
    tokio::spawn(pump(body, sender, pipe));
    Response::from_parts(head, channel.boxed())
}

async fn pump(mut body: BoxBody<Bytes, Broken>, mut sender: Sender<Bytes, Broken>, pipe: Pipe) {
    let mut left = if let Pipe::Cut(bytes) = pipe { bytes } else { usize::MAX };
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(mut data) = frame.into_data() else { continue };
        let is_last = data.len() > left;
        data.truncate(left);
        left -= data.len();
        match pipe {
            Pipe::Cut(_) => {
                sender.send_data(data).await.ok();
            }
            // It ends with the proxy.
            Pipe::Mute => return std::future::pending().await,
            Pipe::Trickle(time) => {
                for at in 0..data.len() {
                    if sender.send_data(data.slice(at..=at)).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(time).await;
                }
            }
        }
        if is_last {
            return sender.abort(anyhow!("cut within the answer"));
        }
    }
}

fn refused(refusal: Refusal) -> Answer {
    let mut answer = Response::builder().status(refusal.code()).header(CONTENT_TYPE, "application/json");
    if let Some(seconds) = refusal.retry_after() {
        answer = answer.header(RETRY_AFTER, seconds);
    }
    answer.body(whole(refusal.status().to_string())).expect("it is an answer")
}

fn expired_watch() -> Answer {
    let event = json!({ "type": "ERROR", "object": Refusal::Expired.status() });
    let answer = Response::builder().header(CONTENT_TYPE, "application/json");
    answer.body(whole(format!("{event}\n"))).expect("it is an answer")
}

fn whole(text: String) -> BoxBody<Bytes, Broken> {
    Full::from(text).map_err(|never| match never {}).boxed()
}
