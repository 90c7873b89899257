//! AWS services on the gateway. Services never import each other.
//!
//! An operation is one file that implements [`Operation`] and one line in its service's list.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sluice_wire::{AwsError, Call, ServiceModel, framework};

use crate::audit::{AuditLog, Draft, EventCategory};
use crate::broker::Broker;
use crate::config::VpcEndpoint;
use crate::gateway::{Authoriser, Identity};
use crate::http::Agreed;
use crate::identities::Identities;
use crate::keys::Keys;

pub mod cloudtrail;
pub mod iam;
pub mod kms;
pub mod sqs;
pub mod sts;

mod constraints;
mod member_list;
mod page;
mod tag;
mod target;

pub use target::{InputKeys, Resource};
pub(crate) use target::{Reach, Target, tag_of};

/// Everything an operation may use besides its input. Made by the gateway for each request.
#[derive(Clone)]
pub struct Context {
    /// Queues and messages.
    pub broker: Broker,
    /// Who calls.
    pub identity: Identity,
    /// Who exists.
    pub identities: Identities,
    /// KMS keys.
    pub keys: Keys,
    /// Region from the credential scope, else the configured one.
    pub region: Arc<str>,
    /// Scheme, host and port for queue URLs, without trailing slash: `http://127.0.0.1:9324`.
    pub base_url: Arc<str>,
    /// Where the request came from.
    pub origin: Origin,
    /// Who called what, if that is recorded.
    pub(crate) audit: Option<AuditLog>,
    /// Decides whether the caller may.
    pub(crate) authoriser: Arc<Authoriser>,
    /// The configured region; queues outside it carry their region in the URL path.
    pub default_region: Arc<str>,
    /// Value of the `X-Amzn-Trace-Id` header.
    pub trace_header: Option<String>,
    /// Server-wide switches beyond SQS.
    pub extensions: Extensions,
    /// Now, epoch milliseconds.
    pub now_ms: u64,
}

/// Behaviour beyond SQS, off by default in `serve`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extensions {
    /// `PeekMessages`: look at messages without receiving them.
    pub peek: Switch,
    /// A queue that is named and does not exist is created. In `dev` only.
    pub create_queues_on_use: Switch,
    /// Limits of SQS, or above them.
    pub sqs_limits: sqs::Limits,
}

/// An optional feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// Available.
    On,
    /// Answers as if it did not exist.
    Off,
}

/// Where a request came from, as policies ask for it.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The client's address, if it has one; behind a trusted proxy the one that the proxy tells.
    pub address: Option<IpAddr>,
    /// Whether it came over TLS.
    pub is_secure: bool,
    /// What TLS the client agreed on with this server.
    pub(crate) agreed: Option<Agreed>,
    /// `User-Agent`
    pub user_agent: Option<Box<str>>,
    /// The VPC endpoint through which it came.
    pub endpoint: Option<Arc<VpcEndpoint>>,
}

/// Marks an operation whose successful answer has no members (contract §1.3).
#[derive(Debug, Clone, Copy, Serialize)]
pub struct NoOutput {}

/// One API operation, declared once and served by every protocol of its service.
pub trait Operation: Send + Sync + 'static {
    /// Name on the wire, for example `SendMessage`.
    const NAME: &'static str;
    /// IAM action it is authorised as, for example `sqs:SendMessage` for `SendMessageBatch` too.
    const IAM_ACTION: &'static str;
    /// How the audit log takes it.
    const EVENT_CATEGORY: EventCategory = EventCategory::Management;
    /// Input members, with the names of the JSON protocol.
    type Input: DeserializeOwned + Send;
    /// Output members; [`NoOutput`] where the model has no output shape.
    type Output: Serialize + Send;
    /// Whether the answer has an output shape.
    const OUTPUT: OutputShape = OutputShape::Members;

    /// The resource that the caller needs permission for.
    fn resource(input: &Self::Input) -> Resource;

    /// Other actions that the caller needs permission for, and on what.
    fn also_needs(_input: &Self::Input) -> Vec<(&'static str, Resource)> {
        Vec::new()
    }

    /// Condition keys that the input tells.
    fn keys(_input: &Self::Input) -> InputKeys {
        InputKeys::default()
    }

    /// Runs the operation.
    fn run(
        context: &Context,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output, AwsError>> + Send;
}

/// Whether an operation's success has members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputShape {
    /// Rendered as an object, `{}` when nothing is to say.
    Members,
    /// Rendered as a zero-length body (JSON) or without a result element (Query).
    None,
}

type Answer = http::Response<bytes::Bytes>;
type RunFuture<'a> = Pin<Box<dyn Future<Output = Result<Answer, AwsError>> + Send + 'a>>;

type Serve = for<'a> fn(&'a Context, &'a mut Call, &'a str, Option<&'a mut Draft>) -> RunFuture<'a>;

/// An [`Operation`] with its types erased, as the gateway calls it.
pub struct OperationEntry {
    /// Name on the wire.
    pub name: &'static str,
    /// IAM action.
    pub iam_action: &'static str,
    /// How the audit log takes it.
    pub event_category: EventCategory,
    /// Decodes, authorises, runs and encodes; notes for the audit log what others cannot.
    pub(crate) serve: Serve,
}

impl OperationEntry {
    /// Makes the entry of one operation.
    pub const fn of<O: Operation>() -> Self {
        Self {
            name: O::NAME,
            iam_action: O::IAM_ACTION,
            event_category: O::EVENT_CATEGORY,
            serve: serve::<O>,
        }
    }
}

fn serve<'a, O: Operation>(
    context: &'a Context,
    call: &'a mut Call,
    request_id: &'a str,
    mut audited: Option<&'a mut Draft>,
) -> RunFuture<'a> {
    Box::pin(async move {
        let input: O::Input = call.take_input()?;
        if let Some(draft) = &mut audited
            && let Some(target) = O::resource(&input).target(context, O::IAM_ACTION)
        {
            draft.acts_on(&target);
        }
        authorise::<O>(context, &input)?;
        let output = O::run(context, input).await?;
        if let Some(draft) = audited {
            draft.answers(&output);
        }
        Ok(match O::OUTPUT {
            OutputShape::Members => call.render(&output, request_id),
            OutputShape::None => call.render_empty(request_id),
        })
    })
}

fn authorise<O: Operation>(context: &Context, input: &O::Input) -> Result<(), AwsError> {
    let may = |action, resource: &_| {
        context.authoriser.authorise(context, action, resource, || O::keys(input))
    };
    may(O::IAM_ACTION, &O::resource(input))?;
    O::also_needs(input).iter().try_for_each(|(action, resource)| may(action, resource))
}

/// What clients read of a fault of the store; it was logged once, when the store failed.
fn storage_failed() -> AwsError {
    let text = "The server's storage has failed, or is being closed. Try again later.";
    AwsError::new(&framework::SERVICE_UNAVAILABLE, text)
}

/// One AWS service: its protocol description and its operations.
pub struct Service {
    /// How it looks on the wire.
    pub model: &'static ServiceModel,
    /// Its operations.
    pub operations: &'static [OperationEntry],
}

/// Every service of this server, in routing order.
pub static SERVICES: &[&Service] =
    &[&sqs::SERVICE, &iam::SERVICE, &sts::SERVICE, &cloudtrail::SERVICE, &kms::SERVICE];
