//! What conditions and variables of policies can ask a request for (IAM, "Global condition keys").

use sluice_policy::{ContextKeys, Values};
use sluice_wire::iso_8601;

use super::identity::Caller;
use crate::identities::{Holder, Tags};
use crate::services::{Context, InputKeys, Target, tag_of};

/// The keys of one request, besides those that its principal has by itself.
pub(super) struct RequestKeys<'a> {
    pub(super) context: &'a Context,
    pub(super) target: &'a Target,
    /// What the input of the operation tells.
    pub(super) of_input: &'a InputKeys,
    /// Of the caller.
    pub(super) tags_of_identity: &'a Tags,
}

impl ContextKeys for RequestKeys<'_> {
    fn values(&self, key: &str) -> Option<Values<'_>> {
        let (context, origin) = (self.context, &self.context.origin);
        match key {
            "aws:securetransport" => Some(if origin.is_secure { "true" } else { "false" }.into()),
            "aws:sourceip" if origin.endpoint.is_none() => self.address(),
            "aws:vpcsourceip" if origin.endpoint.is_some() => self.address(),
            "aws:sourcevpce" => origin.endpoint.as_ref().map(|it| Values::from(&*it.id)),
            "aws:sourcevpc" => origin.endpoint.as_ref()?.vpc.as_deref().map(Values::from),
            "aws:vpceaccount" => origin.endpoint.as_ref().map(|it| Values::from(&*it.account)),
            "aws:useragent" => origin.user_agent.as_deref().map(Values::from),
            "aws:requestedregion" => Some(Values::from(&*context.region)),
            "aws:currenttime" => Some(iso_8601(context.now_ms / 1_000).into()),
            "aws:epochtime" => Some((context.now_ms / 1_000).to_string().into()),
            "aws:viaawsservice" => {
                Some(if self.is_via_service() { "true" } else { "false" }.into())
            }
            "kms:calleraccount" => match context.identity.caller {
                Caller::Anonymous => None,
                Caller::Claimed(_) | Caller::Known(_) => {
                    Some(Values::from(&*context.identity.account))
                }
            },
            "aws:tokenissuetime" => {
                let issued_at_ms = context.identity.credentials()?.issued_at_ms?;
                Some(iso_8601(issued_at_ms / 1_000).into())
            }
            // Those of a user or a root that are not temporary have no such key; nobody has shown a device for the others.
            "aws:multifactorauthpresent" => {
                context.identity.credentials()?.issued_at_ms.map(|_| "false".into())
            }
            "aws:sourceidentity" => match self.holder()? {
                Holder::Role(session) => session.source_identity.as_deref().map(Values::from),
                Holder::Root | Holder::User { .. } | Holder::FederatedUser(_) => None,
            },
            _ => self.tag(key).or_else(|| self.of_input.get(key)).or_else(|| self.of_target(key)),
        }
    }
}

impl RequestKeys<'_> {
    /// Whether a service asks for its caller.
    pub(super) fn is_via_service(&self) -> bool {
        self.of_input.get("kms:viaservice").is_some()
    }

    fn address(&self) -> Option<Values<'_>> {
        self.context.origin.address.map(|address| address.to_string().into())
    }

    fn tag(&self, key: &str) -> Option<Values<'_>> {
        let of_target = key.strip_prefix("aws:resourcetag/");
        if let Some(tag) = of_target.or_else(|| key.strip_prefix("iam:resourcetag/")) {
            return self.target.guarded.as_ref()?.tag(tag).map(Values::from);
        }
        let tag = key.strip_prefix("aws:principaltag/")?;
        let passed = self.holder().and_then(Holder::passed);
        let of_session = passed.and_then(|passed| tag_of(&passed.tags, tag));
        of_session.or_else(|| tag_of(self.tags_of_identity, tag)).map(Values::from)
    }

    fn of_target(&self, key: &str) -> Option<Values<'_>> {
        self.target.guarded.as_ref()?.value(key)
    }

    fn holder(&self) -> Option<&Holder> {
        self.context.identity.credentials().map(|key| &key.holder)
    }
}
