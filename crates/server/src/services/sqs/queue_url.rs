//! Queue URLs: how they are built and which spellings are understood (design §6).
//!
//! Only the path counts on input; the host is whatever name the client knows the server by.

use crate::broker::QueueKey;
use crate::services::Context;

/// What a queue URL may leave out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'a> {
    /// The caller's account: owner of a queue given by its bare name.
    pub(crate) account: &'a str,
    /// The request's region: where a bare name is looked up.
    pub(crate) region: &'a str,
    /// The configured region: where a URL without region points.
    pub(crate) default_region: &'a str,
}

impl<'a> Caller<'a> {
    /// Takes the caller out of a request's context.
    pub(crate) fn of(context: &'a Context) -> Self {
        Self {
            account: &context.identity.account,
            region: &context.region,
            default_region: &context.default_region,
        }
    }

    /// Names a queue of the caller.
    pub(crate) fn key(&self, name: &str) -> QueueKey {
        key(self.account, self.region, name)
    }

    /// Names a queue of an account; of the caller, if none is given.
    pub(crate) fn key_of(&self, owner: Option<&str>, name: &str) -> QueueKey {
        let owner = owner.filter(|owner| !owner.is_empty());
        key(owner.unwrap_or(self.account), self.region, name)
    }
}

/// Builds the URL of a queue: `<base>/<account>/<name>`, or `<base>/queue/<region>/<account>/<name>`
/// outside the default region.
pub(crate) fn build(context: &Context, key: &QueueKey) -> String {
    format!("{}{}", context.base_url, path(key, &context.default_region))
}

/// Reads a queue URL, its path, or a bare queue name. `None` when no queue can have this URL.
pub(crate) fn parse(text: &str, caller: &Caller<'_>) -> Option<QueueKey> {
    let path = match text.split_once("://") {
        Some((_, after_scheme)) => after_scheme.split_once('/')?.1,
        None => text,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    match segments[..] {
        [name] | ["queue", name] => Some(caller.key(name)),
        [account, name] => Some(key(account, caller.default_region, name)),
        ["queue", region, account, name] | [region, account, name] => {
            Some(key(account, region, name))
        }
        _ => None,
    }
}

fn path(key: &QueueKey, default_region: &str) -> String {
    if key.region == default_region {
        format!("/{}/{}", key.account, key.name)
    } else {
        format!("/queue/{}/{}/{}", key.region, key.account, key.name)
    }
}

fn key(account: &str, region: &str, name: &str) -> QueueKey {
    QueueKey { account: account.to_owned(), region: region.to_owned(), name: name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLER: Caller<'_> =
        Caller { account: "111122223333", region: "eu-west-1", default_region: "us-east-1" };

    #[test]
    fn every_spelling_of_a_queue_is_understood() {
        let own = key("111122223333", "eu-west-1", "orders");
        let in_default_region = key("000000000000", "us-east-1", "orders");
        let elsewhere = key("000000000000", "ap-south-1", "orders");
        for (text, expected) in [
            ("orders", &own),
            ("/orders", &own),
            ("queue/orders", &own),
            ("http://localhost:9324/queue/orders", &own),
            ("http://localhost:9324/000000000000/orders", &in_default_region),
            ("http://localhost:9324/000000000000/orders/", &in_default_region),
            ("https://sqs.us-east-1.amazonaws.com/000000000000/orders", &in_default_region),
            ("/000000000000/orders", &in_default_region),
            ("000000000000/orders?Action=SendMessage", &in_default_region),
            ("http://h/queue/ap-south-1/000000000000/orders", &elsewhere),
            ("http://h/ap-south-1/000000000000/orders", &elsewhere),
        ] {
            assert_eq!(parse(text, &CALLER).as_ref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn texts_without_a_queue_are_no_queue() {
        for text in [
            "",
            "/",
            "http://whatever-incorrect-queue-address",
            "http://h/",
            "a/b/c/d",
            "a/b/c/d/e",
        ] {
            assert_eq!(parse(text, &CALLER), None, "{text}");
        }
    }

    #[test]
    fn a_built_path_reads_back_as_the_same_queue() {
        for region in ["us-east-1", "eu-west-1", "ap-south-1"] {
            let queue = key("000000000000", region, "orders.fifo");
            let path = path(&queue, CALLER.default_region);
            assert_eq!(parse(&path, &CALLER), Some(queue), "{path}");
        }
    }
}
