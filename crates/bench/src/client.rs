//! One connection to the endpoint that is opened again when it broke.

use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use sluice_wire::{Signer, SigningRequest};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::target::Target;
use crate::tls::Tls;
use crate::{answer, clock};

const AWS_JSON: &str = "application/x-amz-json-1.0";
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a request was not answered with a success.
#[derive(Debug)]
pub(crate) enum CallError {
    /// No connection could be opened.
    NotConnected(io::Error),
    /// The connection ended before the answer did.
    Broken(String),
    /// The endpoint answered an error: status and code.
    Refused(String),
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected(error) => write!(formatter, "cannot connect: {error}"),
            Self::Broken(reason) => write!(formatter, "connection broke: {reason}"),
            Self::Refused(code) => formatter.write_str(code),
        }
    }
}

type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// Signs requests and sends them, one at a time.
pub(crate) struct Client {
    address: String,
    /// With the name that the certificate has to be for.
    tls: Option<(Tls, String)>,
    host: HeaderValue,
    host_text: String,
    signer: Signer,
    open: Option<Open>,
}

/// A connection. hyper's half of it is polled by whoever waits for an answer, which saves a task and its wake-ups.
struct Open {
    sender: SendRequest<Full<Bytes>>,
    driver: Option<Driver>,
}

impl Client {
    pub(crate) fn new(target: &Target) -> Self {
        let host = HeaderValue::from_str(&target.authority);
        Self {
            address: target.address(),
            tls: target.tls.clone().map(|tls| (tls, target.host().to_owned())),
            host: host.unwrap_or(HeaderValue::from_static("localhost")),
            host_text: target.authority.clone(),
            signer: target.signer(),
            open: None,
        }
    }

    /// Opens the connection if there is none.
    pub(crate) async fn connect(&mut self) -> Result<(), CallError> {
        if self.open.as_ref().is_some_and(|open| !open.sender.is_closed()) {
            return Ok(());
        }
        let opening = tokio::time::timeout(CONNECT_TIMEOUT, open(&self.address, self.tls.as_ref()));
        let timed_out = |_elapsed| Err(CallError::NotConnected(io::ErrorKind::TimedOut.into()));
        self.open = Some(opening.await.unwrap_or_else(timed_out)?);
        Ok(())
    }

    /// Sends a request and returns the body of a successful answer.
    pub(crate) async fn call(
        &mut self,
        target: HeaderValue,
        body: Bytes,
    ) -> Result<Bytes, CallError> {
        self.connect().await?;
        let request = self.request(target, body);
        let Some(open) = &mut self.open else {
            return Err(CallError::Broken("closed".to_owned()));
        };
        let (status, body) = match open.exchange(request).await {
            Ok(answered) => answered,
            Err(error) => {
                self.open = None;
                return Err(broken(&error));
            }
        };
        if status == StatusCode::OK {
            return Ok(body);
        }
        Err(CallError::Refused(answer::refusal(status.as_u16(), &body)))
    }

    fn request(&mut self, target: HeaderValue, body: Bytes) -> Request<Full<Bytes>> {
        let signed = [
            ("content-type", AWS_JSON),
            ("host", self.host_text.as_str()),
            ("x-amz-target", target.to_str().unwrap_or_default()),
        ];
        let signing = SigningRequest { method: "POST", path: "/", headers: &signed, body: &body };
        let added = self.signer.sign(&signing, clock::unix_secs());
        let mut headers = HeaderMap::with_capacity(8);
        for (name, value) in added {
            // Credentials that do not fit into a header are found out by the first control call.
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        headers.insert(HOST, self.host.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(AWS_JSON));
        headers.insert(TARGET, target);
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static("/");
        *request.headers_mut() = headers;
        request
    }
}

async fn open(address: &str, tls: Option<&(Tls, String)>) -> Result<Open, CallError> {
    let stream = TcpStream::connect(address).await.map_err(CallError::NotConnected)?;
    stream.set_nodelay(true).map_err(CallError::NotConnected)?;
    match tls {
        None => Open::over(stream).await,
        Some((tls, host)) => {
            let stream = tls.connect(host, stream).await.map_err(CallError::NotConnected)?;
            Open::over(stream).await
        }
    }
}

impl Open {
    async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Self, CallError> {
        let shaken = handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|error| broken(&error))?;
        Ok(Self { sender, driver: Some(Box::pin(connection)) })
    }

    async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), hyper::Error> {
        let Self { sender, driver } = self;
        driven(driver, poll_fn(|cx| sender.poll_ready(cx))).await?;
        let response = driven(driver, sender.send_request(request)).await?;
        let status = response.status();
        let body = driven(driver, read(response.into_body())).await?;
        Ok((status, body))
    }
}

/// Waits for `wanted`, and moves bytes meanwhile.
async fn driven<F: Future>(driver: &mut Option<Driver>, wanted: F) -> F::Output {
    let mut wanted = std::pin::pin!(wanted);
    poll_fn(|cx| {
        if let Some(connection) = driver
            && connection.as_mut().poll(cx).is_ready()
        {
            // How it ended, the sender says as well.
            *driver = None;
        }
        match wanted.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(output),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// The whole body; one that came in one piece, as most do, is not copied.
async fn read(mut body: Incoming) -> Result<Bytes, hyper::Error> {
    let mut first = Bytes::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if !first.is_empty() {
            let mut all = Vec::from(first);
            all.extend_from_slice(&data);
            all.extend_from_slice(&body.collect().await?.to_bytes());
            return Ok(all.into());
        }
        first = data;
        if body.is_end_stream() {
            break;
        }
    }
    Ok(first)
}

fn broken(error: &hyper::Error) -> CallError {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    CallError::Broken(format!("{error}{cause}"))
}
