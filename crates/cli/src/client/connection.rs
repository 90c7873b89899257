//! One request, one answer over HTTP/1.1: AWS JSON, or the Query protocol.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use sluice_bench::{Target, Tls};

use super::endpoint::{Endpoint, Scheme};
use super::query::{self, QueryService};
use super::signature::Credentials;
use crate::arguments::OutputArgs;
use crate::exit::{Failure, chain};

/// Ten messages of 1 MiB, every byte escaped, and room for the rest.
const ANSWER_BYTES_MAX: usize = 64 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// On top of what a long poll may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Which server to talk to; on every client command.
#[derive(Debug, Args)]
pub(crate) struct ConnectionArgs {
    /// The server, or any other SQS endpoint, http or https.
    #[arg(
        long,
        value_name = "URL",
        env = "SLUICE_ENDPOINT",
        default_value = "http://127.0.0.1:9324",
        hide_env_values = true,
        help_heading = "Connection"
    )]
    pub(crate) endpoint: String,
    /// Region that requests are signed for. Credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else stand-ins.
    #[arg(
        long,
        env = "SLUICE_REGION",
        default_value = "us-east-1",
        hide_env_values = true,
        help_heading = "Connection"
    )]
    region: String,
    /// File with certificates of authorities, PEM, to trust beside those that this machine trusts; for https.
    #[arg(
        long,
        value_name = "FILE",
        env = "AWS_CA_BUNDLE",
        hide_env_values = true,
        help_heading = "Connection"
    )]
    ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl ConnectionArgs {
    /// An endpoint and this identity as the load generator takes them.
    pub(crate) fn target_at(&self, endpoint: &str) -> Result<Target, Failure> {
        let endpoint = Endpoint::parse(endpoint).map_err(Failure::Usage)?;
        Ok(Target {
            authority: endpoint.host().to_owned(),
            tls: tls(&endpoint, self.ca_file.as_deref())?,
            region: self.region.clone(),
            credentials: Credentials::given_or_stand_in().into(),
        })
    }
}

fn tls(endpoint: &Endpoint, ca_file: Option<&Path>) -> Result<Option<Tls>, Failure> {
    match endpoint.scheme {
        Scheme::Http => Ok(None),
        Scheme::Https => {
            Tls::new(ca_file).map(Some).map_err(|error| Failure::Usage(error.to_string()))
        }
    }
}

/// A service that speaks AWS JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JsonService {
    /// As in the scope of signatures.
    name: &'static str,
    target_prefix: &'static str,
    content_type: &'static str,
}

const SQS: JsonService = JsonService {
    name: "sqs",
    target_prefix: "AmazonSQS",
    content_type: "application/x-amz-json-1.0",
};
/// Keys.
pub(crate) const KMS: JsonService = JsonService {
    name: "kms",
    target_prefix: "TrentService",
    content_type: "application/x-amz-json-1.1",
};

/// A client of one endpoint.
pub(crate) struct Connection {
    client: HttpClient,
    endpoint: Endpoint,
    region: String,
    credentials: Credentials,
}

enum HttpClient {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

impl HttpClient {
    fn new(tls: Option<&Tls>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let builder = Client::builder(TokioExecutor::new());
        let Some(tls) = tls else { return Self::Plain(builder.build(connector)) };
        connector.enforce_http(false);
        Self::Tls(builder.build(HttpsConnector::from((connector, tls.client_config()))))
    }

    fn request(&self, request: Request<Full<Bytes>>) -> ResponseFuture {
        match self {
            Self::Plain(client) => client.request(request),
            Self::Tls(client) => client.request(request),
        }
    }
}

impl Connection {
    /// Prepares a client; nothing is sent yet.
    pub(crate) fn new(args: &ConnectionArgs) -> Result<Self, Failure> {
        let endpoint = Endpoint::parse(&args.endpoint).map_err(Failure::Usage)?;
        let credentials = Credentials::given_or_stand_in();
        Self::to(endpoint, args.region.clone(), args.ca_file.as_deref(), credentials)
    }

    /// Prepares a client of an endpoint.
    pub(crate) fn to(
        endpoint: Endpoint,
        region: String,
        ca_file: Option<&Path>,
        credentials: Credentials,
    ) -> Result<Self, Failure> {
        let client = HttpClient::new(tls(&endpoint, ca_file)?.as_ref());
        Ok(Self { client, endpoint, region, credentials })
    }

    /// Calls an operation of SQS and returns its output, an empty object where it has none.
    pub(crate) async fn call(&self, operation: &str, input: &Value) -> Result<Value, Failure> {
        self.call_waiting(operation, input, 0).await
    }

    /// Calls an operation of SQS that may wait on purpose.
    pub(crate) async fn call_waiting(
        &self,
        operation: &str,
        input: &Value,
        wait_secs: u64,
    ) -> Result<Value, Failure> {
        self.json(SQS, operation, input, wait_secs).await
    }

    /// Calls an operation of a service that speaks AWS JSON, which may wait on purpose.
    pub(crate) async fn json(
        &self,
        service: JsonService,
        operation: &str,
        input: &Value,
        wait_secs: u64,
    ) -> Result<Value, Failure> {
        let JsonService { name, target_prefix, content_type } = service;
        let target = format!("{target_prefix}.{operation}");
        let headers = [("content-type", content_type), ("x-amz-target", target.as_str())];
        let request = self.request(name, &headers, input.to_string())?;
        read_answer(&self.exchange(request, wait_secs).await?)
    }

    /// Calls an operation of the Query protocol and returns its result, an empty object where it has none.
    pub(crate) async fn query(
        &self,
        service: QueryService,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Value, Failure> {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let body = query::form(service, operation, parameters);
        let request = self.request(service.name, &headers, body)?;
        read_query_answer(&self.exchange(request, 0).await?, operation)
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        wait_secs: u64,
    ) -> Result<Response<Bytes>, Failure> {
        let timeout = ANSWER_TIMEOUT + Duration::from_secs(wait_secs);
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| {
                if let Some(explained) = Tls::explained(&error, self.endpoint.host()) {
                    return explained;
                }
                let reason = chain(&error);
                let hint = if error.is_connect() { "; is the server running?" } else { "" };
                format!("{reason}{hint}")
            })?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX)
                .collect()
                .await
                .map_err(|error| format!("the answer broke off: {}", chain(error.as_ref())))?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        let answer = match tokio::time::timeout(timeout, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} s", timeout.as_secs())),
        };
        answer.map_err(|reason: String| {
            Failure::Unreachable(format!("{}: {reason}", self.endpoint.url()))
        })
    }

    /// The URL of a queue: as given, or looked up by name.
    pub(crate) async fn queue_url(&self, queue: &str) -> Result<String, Failure> {
        if queue.starts_with("http://") || queue.starts_with("https://") {
            return Ok(queue.to_owned());
        }
        let output = self.call("GetQueueUrl", &json!({ "QueueName": queue })).await?;
        match output.get("QueueUrl").and_then(Value::as_str) {
            Some(url) => Ok(url.to_owned()),
            None => Err(Failure::Refused("the answer to GetQueueUrl has no QueueUrl".to_owned())),
        }
    }

    fn request(
        &self,
        service: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let (body, mut headers) = (Bytes::from(body), headers.to_vec());
        headers.push(("host", self.endpoint.host()));
        let mut builder = Request::post(self.endpoint.url());
        for (name, value) in &headers {
            builder = builder.header(*name, *value);
        }
        for (name, value) in self.credentials.sign(service, &self.region, &headers, &body) {
            builder = builder.header(name, value);
        }
        builder.body(Full::new(body)).map_err(|error| {
            Failure::Usage(format!("region or credentials do not fit into a header: {error}"))
        })
    }
}

fn read_answer(answer: &Response<Bytes>) -> Result<Value, Failure> {
    let status = answer.status();
    let body = answer.body();
    let document =
        if body.is_empty() { Some(json!({})) } else { serde_json::from_slice::<Value>(body).ok() };
    if status.is_success() {
        return document.ok_or_else(|| {
            Failure::Refused(
                "the answer is not JSON; is this an endpoint of AWS or Sluice?".to_owned(),
            )
        });
    }
    let member =
        |name: &str| document.as_ref().and_then(|object| object.get(name)).and_then(Value::as_str);
    let code = member("__type").map_or("", |name| name.rsplit('#').next().unwrap_or(name));
    let message = member("message").or_else(|| member("Message")).unwrap_or("");
    Err(refused(status, code, message))
}

fn read_query_answer(answer: &Response<Bytes>, operation: &str) -> Result<Value, Failure> {
    let (status, body) = (answer.status(), String::from_utf8_lossy(answer.body()));
    if status.is_success() {
        return query::result(&body, operation)
            .ok_or_else(|| Failure::Refused("the answer is not XML; is this IAM?".to_owned()));
    }
    let (code, message) = query::error(&body).unwrap_or_default();
    Err(refused(status, &code, &message))
}

fn refused(status: StatusCode, code: &str, message: &str) -> Failure {
    Failure::Refused(match (code, message) {
        ("", "") => format!("the server answered {status}"),
        (code, "") => format!("{code} ({status})"),
        (code, message) => format!("{code}: {message}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &'static str) -> Response<Bytes> {
        let builder = Response::builder().status(status);
        builder.body(Bytes::from_static(body.as_bytes())).expect("the status is valid")
    }

    #[test]
    fn an_empty_success_is_an_empty_object() {
        let value = read_answer(&answer(200, "")).expect("this is a success");
        assert_eq!(value, json!({}));
    }

    #[test]
    fn errors_show_code_and_message() {
        let body = r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no such queue"}"#;
        let failure = read_answer(&answer(400, body)).expect_err("the server refused");
        assert_eq!(failure.to_string(), "QueueDoesNotExist: no such queue");
    }

    #[test]
    fn errors_of_the_query_protocol_show_code_and_message() {
        let body = "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>no user</Message></Error></ErrorResponse>";
        let failure = read_query_answer(&answer(404, body), "GetUser").expect_err("refused");
        assert_eq!(failure.to_string(), "NoSuchEntity: no user");
    }

    #[test]
    fn an_error_page_of_a_proxy_shows_its_status() {
        let failure = read_answer(&answer(502, "<html>")).expect_err("the proxy refused");
        assert_eq!(failure.to_string(), "the server answered 502 Bad Gateway");
    }
}
