//! TLS, and who calls, with the AWS SDK for Rust: see `../README.md`.

use std::collections::HashMap;
use std::fmt::{Debug, Formatter};
use std::fs::read;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::http::HttpRequest;
use aws_sdk_sqs::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::{
    BehaviorVersion, Builder, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
    SharedHttpClient,
};
use aws_sdk_sqs::error::{BoxError, DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_smithy_async::time::StaticTimeSource;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_types::SigningName;

/// For which a signature is good.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// That a request may take, if it is signed so long before its time is over.
const MARGIN: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_secs(60);

const WRONG: &str = "SignatureDoesNotMatch";
const UNKNOWN: &str = "InvalidClientTokenId";
const DENIED: &str = "AccessDenied";

fn variable(name: &str) -> String {
    std::env::var(name).expect("run.py sets it")
}

/// The credentials of a profile. `aws-config` would read them, and bring clients of other services.
fn profile(wanted: &str) -> Credentials {
    let file = std::fs::read_to_string(variable("AWS_SHARED_CREDENTIALS_FILE")).expect("readable");
    let (_, section) = file.split_once(&format!("[{wanted}]\n")).expect("the profile");
    let settings: HashMap<&str, &str> =
        section.lines().map_while(|line| line.split_once(" = ")).collect();
    let token = settings.get("aws_session_token").map(ToString::to_string);
    let (id, secret) = (settings["aws_access_key_id"], settings["aws_secret_access_key"]);
    Credentials::new(id, secret, token, None, "profile")
}

/// HTTPS that trusts whom `SSL_CERT_FILE` names, or whom `store` holds.
fn https(store: TrustStore) -> SharedHttpClient {
    let context = TlsContext::builder().with_trust_store(store);
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(context.build().expect("complete"))
        .build_https()
}

fn configured(caller: &str) -> Builder {
    aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(profile(caller))
        .endpoint_url(variable("SLUICE_ENDPOINT"))
        .http_client(https(TrustStore::default()))
}

fn fresh() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    format!("rust-tls-{:x}", now.expect("after 1970").as_nanos())
}

async fn create_refused(config: Builder, code: &str, said: &str) {
    let create = Client::from_conf(config.build()).create_queue();
    let error = create.queue_name(fresh()).send().await.expect_err(code);
    assert_eq!(error.code(), Some(code), "{error:?}");
    assert!(error.message().is_some_and(|text| text.contains(said)), "{error:?}");
    let SdkError::ServiceError(answer) = error else { panic!("{error:?}") };
    assert_eq!(answer.raw().status().as_u16(), 403);
}

#[tokio::test]
async fn the_right_key_gets_in() {
    for caller in ["right", "temporary"] {
        let sqs = Client::from_conf(configured(caller).build());
        let created = sqs.create_queue().queue_name(fresh()).send().await.expect("created");
        let url = created.queue_url.expect("a URL");
        assert!(url.starts_with(&(variable("SLUICE_ENDPOINT") + "/")), "{url}");
        let send = sqs.send_message().queue_url(&url).message_body("naïve 😀");
        send.send().await.expect("sent");
        let receive = sqs.receive_message().queue_url(&url).wait_time_seconds(10);
        let messages = receive.send().await.expect("received").messages.expect("one");
        assert_eq!(messages[0].body(), Some("naïve 😀"));
        let handle = messages[0].receipt_handle().expect("a handle");
        let delete = sqs.delete_message().queue_url(&url).receipt_handle(handle);
        delete.send().await.expect("deleted");
    }
}

#[tokio::test]
async fn others_do_not() {
    for (caller, region, code) in [
        ("wrong-secret", "us-east-1", WRONG),
        ("right", "eu-west-1", WRONG),
        ("unknown", "us-east-1", UNKNOWN),
        ("inactive", "us-east-1", UNKNOWN),
        ("wrong-token", "us-east-1", UNKNOWN),
        ("reader", "us-east-1", DENIED),
    ] {
        create_refused(configured(caller).region(Region::new(region)), code, "").await;
    }
}

/// Signs for another service.
#[derive(Debug)]
struct SignFor(&'static str);

impl Intercept for SignFor {
    fn name(&self) -> &'static str {
        "SignFor"
    }

    fn modify_before_signing(
        &self,
        _: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(SigningName::from_static(self.0));
        Ok(())
    }
}

/// Changes a request after it was signed.
struct Change<F>(F);

impl<F> Debug for Change<F> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Change")
    }
}

impl<F: Fn(&mut HttpRequest) + Send + Sync> Intercept for Change<F> {
    fn name(&self) -> &'static str {
        "Change"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0(context.request_mut());
        Ok(())
    }
}

/// Signs at another time. It tries once, so that it does not set its clock by the answer.
fn signing_at(time: SystemTime) -> Builder {
    let once = configured("right").retry_config(RetryConfig::disabled());
    once.time_source(StaticTimeSource::new(time))
}

fn other_body(request: &mut HttpRequest) {
    let signed = str::from_utf8(request.body().bytes().expect("in memory")).expect("JSON");
    let changed = signed.replace("rust-tls-", "rust-tlt-");
    *request.body_mut() = changed.into();
}

fn other_operation(request: &mut HttpRequest) {
    request.headers_mut().insert("x-amz-target", "AmazonSQS.DeleteQueue");
}

#[tokio::test]
async fn what_was_signed_otherwise() {
    let (now, right) = (SystemTime::now(), || configured("right"));
    for (config, said) in [
        (right().interceptor(SignFor("sns")), "'sqs'"),
        (signing_at(now - WINDOW - MINUTE), "Signature expired"),
        (signing_at(now + WINDOW + MINUTE), "Signature not yet current"),
        (right().interceptor(Change(other_body)), "does not match"),
        (right().interceptor(Change(other_operation)), "does not match"),
    ] {
        create_refused(config, WRONG, said).await;
    }
}

#[tokio::test]
async fn a_captured_request_once_its_time_is_over() {
    let captured: Arc<OnceLock<HttpRequest>> = Arc::default();
    let kept = Arc::clone(&captured);
    let capture = Change(move |request: &mut HttpRequest| {
        kept.set(request.try_clone().expect("in memory")).expect("the only one");
    });
    let in_time = signing_at(SystemTime::now() - WINDOW + MARGIN).interceptor(capture);
    let create = Client::from_conf(in_time.build()).create_queue();
    create.queue_name(fresh()).send().await.expect("created");
    tokio::time::sleep(MARGIN + Duration::from_secs(2)).await;

    let again = move || captured.get().expect("captured").try_clone().expect("in memory");
    let other = again.clone();
    let replay = Change(move |request: &mut HttpRequest| *request = again());
    create_refused(configured("right").interceptor(replay), WRONG, "Signature expired").await;
    let replay_dated_now = Change(move |request: &mut HttpRequest| {
        let now = request.headers().get("x-amz-date").expect("signed").to_owned();
        *request = other();
        request.headers_mut().insert("x-amz-date", now);
    });
    create_refused(configured("right").interceptor(replay_dated_now), WRONG, "").await;
}

#[tokio::test]
async fn an_authority_that_is_not_trusted() {
    let other = read(variable("SLUICE_OTHER_AUTHORITY")).expect("readable");
    let trusted = TrustStore::empty().with_pem_certificate(other);
    let config = configured("right").http_client(https(trusted)).build();
    let error = Client::from_conf(config).list_queues().send().await.expect_err("not trusted");
    assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
    let text = DisplayErrorContext(error).to_string();
    assert!(text.contains("invalid peer certificate"), "{text}");
}
