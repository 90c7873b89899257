//! What of inputs and outputs is recorded: all but what is listed here.
//!
//! The list is by name, at any depth and for every operation, so that an operation that takes or gives the same again
//! cannot forget it.

use serde_json::{Map, Value, json};

/// What is in the place of what is hidden.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// Members whose values no record has: contents of messages, and secrets.
const SECRET_MEMBERS: [&str; 6] = [
    "Body",
    "MessageAttributes",
    "MessageBody",
    "MessageSystemAttributes",
    "SecretAccessKey",
    "SessionToken",
];

/// Entries of batches; one that is a mere text may be a message.
const ENTRIES: &str = "Entries";

/// Members that are left out, as CloudTrail does with what KMS encrypts.
const OMITTED_MEMBERS: [&str; 4] = ["CiphertextBlob", "GrantToken", "GrantTokens", "Plaintext"];

/// Members whose keys are names that users chose, and stay as they are.
const MAPS: [&str; 8] = [
    "Attributes",
    "DestinationEncryptionContext",
    "EncryptionContext",
    "EncryptionContextEquals",
    "EncryptionContextSubset",
    "SourceEncryptionContext",
    "Tags",
    "tags",
];

/// Larger parameters or answers are left out, as CloudTrail does.
const SHOWN_BYTES_MAX: usize = 100 << 10;

/// Parameters or answers with more levels are left out: who reads JSON gives up somewhere, at 128 if it is this server, and would not
/// see the record.
const DEPTH_MAX: usize = 64;

/// Makes of an input or output what its record says of it: member names begin with a small letter.
pub(super) fn shown(value: Value) -> Value {
    let shown = members(value);
    let bytes = shown.to_string().len();
    let reason = if bytes > SHOWN_BYTES_MAX {
        "FIELD_SIZE_LIMIT"
    } else if depth(&shown) > DEPTH_MAX {
        "FIELD_DEPTH_LIMIT"
    } else {
        return shown;
    };
    json!({ "omitted": true, "originalSize": bytes, "reason": reason })
}

fn depth(value: &Value) -> usize {
    let below = match value {
        Value::Object(object) => object.values().map(depth).max(),
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return 0,
    };
    below.unwrap_or_default() + 1
}

fn members(value: Value) -> Value {
    match value {
        Value::Object(mut object) => match object.remove("member") {
            // A list of the Query protocol.
            Some(Value::Object(items)) if object.is_empty() => {
                Value::Array(items.into_iter().map(|(_, item)| members(item)).collect())
            }
            Some(other) => {
                object.insert("member".to_owned(), other);
                structure(object)
            }
            None => structure(object),
        },
        Value::Array(items) => Value::Array(items.into_iter().map(members).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// Whether all that is in there has names to tell what is secret.
fn is_structures(value: &Value) -> bool {
    value.is_object() || value.as_array().is_some_and(|items| items.iter().all(Value::is_object))
}

fn structure(object: Map<String, Value>) -> Value {
    let is_omitted = |name: &str| OMITTED_MEMBERS.contains(&name);
    let present = object.into_iter().filter(|(name, value)| !value.is_null() && !is_omitted(name));
    let member = |(name, value): (String, Value)| {
        let shown = match value {
            _ if SECRET_MEMBERS.contains(&name.as_str()) => Value::from(HIDDEN),
            value if name == ENTRIES && !is_structures(&value) => Value::from(HIDDEN),
            Value::Object(map) if MAPS.contains(&name.as_str()) && !map.contains_key("member") => {
                Value::Object(map.into_iter().map(|(key, value)| (key, members(value))).collect())
            }
            value => members(value),
        };
        (lower_camel(&name), shown)
    };
    Value::Object(present.map(member).collect())
}

/// `MD5OfMessageBody` becomes `mD5OfMessageBody`, as in CloudTrail.
fn lower_camel(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|char| char.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_small_but_for_those_that_users_chose() {
        let input = json!({
            "QueueName": "q", "Attributes": { "VisibilityTimeout": "60" }, "tags": { "Team": "a" },
            "AWSAccountIds": ["1"], "Absent": null
        });
        let expected = json!({
            "queueName": "q", "attributes": { "VisibilityTimeout": "60" }, "tags": { "Team": "a" },
            "aWSAccountIds": ["1"]
        });
        assert_eq!(shown(input), expected);
    }

    #[test]
    fn lists_of_the_query_protocol_are_lists() {
        let input = json!({ "Tags": { "member": { "1": { "Key": "Team", "Value": "a" } } } });
        assert_eq!(shown(input), json!({ "tags": [{ "key": "Team", "value": "a" }] }));
    }

    #[test]
    fn secrets_are_hidden_at_any_depth() {
        for name in SECRET_MEMBERS {
            let input =
                json!({ "Entries": [{ "Id": "a", name: { "Secret": ["hush"] } }], name: "hush" });
            let text = shown(input).to_string();
            assert!(!text.contains("hush") && text.contains(r#""id":"a""#), "{text}");
            assert_eq!(text.matches(HIDDEN).count(), 2, "{text}");
        }
    }

    #[test]
    fn entries_without_names_are_hidden() {
        for entries in [json!("hush"), json!(["hush"]), json!([{ "Id": "a" }, "hush"])] {
            assert_eq!(shown(json!({ ENTRIES: entries })), json!({ "entries": HIDDEN }));
        }
    }

    #[test]
    fn what_keys_encrypt_is_left_out_at_any_depth() {
        for name in OMITTED_MEMBERS {
            let input = json!({ "Entries": [{ "KeyId": "k", name: "hush" }], name: ["hush"] });
            assert_eq!(shown(input), json!({ "entries": [{ "keyId": "k" }] }));
        }
    }

    /// Words in the names of what may have to be hidden.
    const SUSPICIOUS: [&str; 7] =
        ["body", "credential", "passw", "plaintext", "private", "secret", "token"];
    /// Names with such a word that are no secrets, and what golden responses have in their place.
    const HARMLESS: [&str; 13] = [
        "Credentials",
        "GetFederationTokenResponse",
        "GetFederationTokenResult",
        "GetSessionTokenResponse",
        "GetSessionTokenResult",
        "MD5OfBody",
        "MD5OfMessageBody",
        "NextToken",
        "grant-token",
        "plaintext",
        "secret",
        "session-token",
        "token",
    ];

    /// Every name of a member in the golden pairs of all operations.
    fn member_names(directory: &std::path::Path, names: &mut std::collections::BTreeSet<String>) {
        for entry in std::fs::read_dir(directory).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                member_names(&path, names);
                continue;
            }
            let text =
                String::from_utf8_lossy(&std::fs::read(path).expect("readable")).into_owned();
            let is_part = |char: char| char.is_ascii_alphanumeric() || char == '-';
            for (place, end) in text.match_indices(['"', '=', '>', '.']) {
                let name = text[..place].rsplit(|char| !is_part(char)).next().unwrap_or_default();
                let begin = text[..place - name.len()].chars().next_back();
                let is_name = match end {
                    "\"" => begin == Some('"') && text[place..].starts_with("\":"),
                    ">" => begin == Some('<'),
                    _ => matches!(begin, Some('&' | '?' | '.' | '\n')),
                };
                if is_name {
                    names.insert(name.to_owned());
                }
            }
        }
    }

    #[test]
    fn no_operation_takes_or_gives_a_secret_that_is_not_listed() {
        let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let mut names = std::collections::BTreeSet::new();
        member_names(&golden, &mut names);
        for expected in ["MessageBody", "Body", "QueueUrl", "MD5OfMessageBody", "NextToken"] {
            assert!(names.contains(expected), "{expected} is in none of {names:?}");
        }
        let is_suspicious = |name: &&String| {
            let name = name.to_lowercase();
            SUSPICIOUS.iter().any(|word| name.contains(word))
        };
        let is_listed = |name: &str| {
            let lists: [&[&str]; 3] = [&SECRET_MEMBERS, &OMITTED_MEMBERS, &HARMLESS];
            lists.iter().any(|list| list.contains(&name))
        };
        let unlisted: Vec<&String> =
            names.iter().filter(is_suspicious).filter(|name| !is_listed(name)).collect();
        assert!(unlisted.is_empty(), "neither hidden nor harmless: {unlisted:?}");
    }

    #[test]
    fn what_is_too_large_is_left_out() {
        let fits = json!({ "a": "x".repeat(SHOWN_BYTES_MAX - 8) });
        assert_eq!(shown(fits.clone()), fits);
        let large = shown(json!({ "a": "x".repeat(SHOWN_BYTES_MAX) }));
        assert_eq!(large["omitted"], true, "{large}");
    }

    #[test]
    fn what_is_too_deep_is_left_out() {
        let nested = |levels: usize| (1..levels).fold(json!([]), |inner, _| json!([inner]));
        let fits = json!({ "a": nested(DEPTH_MAX - 1) });
        assert_eq!(shown(fits.clone()), fits);
        let deep = shown(json!({ "a": nested(DEPTH_MAX) }));
        assert_eq!(deep["reason"], "FIELD_DEPTH_LIMIT", "{deep}");
    }
}
