//! The Query protocol, which IAM and STS speak: a form goes out, XML comes back.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde_json::{Map, Value};

/// Elements within each other; answers of IAM have fewer.
const DEPTH_MAX: usize = 32;

/// A service that speaks the Query protocol.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueryService {
    /// As in the scope of signatures.
    pub(super) name: &'static str,
    version: &'static str,
}

/// Who exists, and what they may.
pub(crate) const IAM: QueryService = QueryService { name: "iam", version: "2010-05-08" };
/// Who calls, and temporary credentials.
pub(crate) const STS: QueryService = QueryService { name: "sts", version: "2011-06-15" };

/// The form of a request.
pub(super) fn form(service: QueryService, operation: &str, parameters: &[(&str, &str)]) -> String {
    let fixed = [("Action", operation), ("Version", service.version)];
    let pairs = fixed.iter().chain(parameters);
    let pairs = pairs.map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let encode = |byte| match byte {
        byte if is_plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Reads an answer as JSON: what is inside of its outermost element, and of the result in there.
pub(super) fn result(xml: &str, operation: &str) -> Option<Value> {
    let mut answer = document(xml)?;
    match answer.get_mut(format!("{operation}Result")) {
        Some(result) => Some(result.take()),
        None => Some(Value::Object(Map::new())),
    }
}

/// Reads code and message of an error.
pub(super) fn error(xml: &str) -> Option<(String, String)> {
    let answer = document(xml)?;
    let member =
        |name: &str| answer.pointer(&format!("/Error/{name}"))?.as_str().map(str::to_owned);
    Some((member("Code")?, member("Message").unwrap_or_default()))
}

/// An element that is not over yet.
#[derive(Default)]
struct Open {
    name: String,
    text: String,
    members: Vec<(String, Value)>,
}

/// Reads a document: elements are objects, lists or texts. An empty list is an empty text.
fn document(xml: &str) -> Option<Value> {
    let mut reader = Reader::from_str(xml);
    let mut open = vec![Open::default()];
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) if open.len() < DEPTH_MAX => {
                let name = start.name().as_ref().to_owned();
                open.push(Open { name, ..Open::default() });
            }
            Event::Start(_) => return None,
            Event::Empty(start) => {
                let name = start.name().as_ref().to_owned();
                open.last_mut()?.members.push((name, Value::from("")));
            }
            Event::Text(part) => open.last_mut()?.text.push_str(&part.xml10_content()),
            Event::GeneralRef(part) => {
                let text = &mut open.last_mut()?.text;
                match part.resolve_char_ref().ok()? {
                    Some(char) => text.push(char),
                    None => text.push_str(resolve_predefined_entity(&part.xml10_content())?),
                }
            }
            Event::End(_) => {
                let closed = open.pop()?;
                let name = closed.name.clone();
                open.last_mut()?.members.push((name, closed.value()));
            }
            Event::Eof => {
                let root = open.pop().filter(|_| open.is_empty())?;
                return root.members.into_iter().next().map(|(_, value)| value);
            }
            Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
        }
    }
}

impl Open {
    fn value(self) -> Value {
        if self.members.is_empty() {
            return Value::from(self.text);
        }
        if self.members.iter().all(|(name, _)| name == "member") {
            return self.members.into_iter().map(|(_, value)| value).collect();
        }
        Value::Object(self.members.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_become_objects_lists_and_texts() {
        let xml = "<?xml version=\"1.0\"?><ListUsersResponse xmlns=\"x\"><ListUsersResult><Users>\
                   <member><UserName>a&amp;&#98;</UserName><Path>/</Path></member></Users><Tags/>\
                   <IsTruncated>false</IsTruncated></ListUsersResult><ResponseMetadata>\
                   <RequestId>1</RequestId></ResponseMetadata></ListUsersResponse>";
        let expected = json!({
            "Users": [{ "UserName": "a&b", "Path": "/" }], "Tags": "", "IsTruncated": "false"
        });
        assert_eq!(result(xml, "ListUsers"), Some(expected));
        let nothing = "<DeleteUserResponse><ResponseMetadata/></DeleteUserResponse>";
        assert_eq!(result(nothing, "DeleteUser"), Some(json!({})));
    }

    #[test]
    fn errors_have_a_code_and_a_message() {
        let xml = "<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code>\
                   <Message>none</Message></Error></ErrorResponse>";
        assert_eq!(error(xml), Some(("NoSuchEntity".to_owned(), "none".to_owned())));
        for other in ["", "<html>", "{}", "<a></b>", &"<a>".repeat(DEPTH_MAX)] {
            assert_eq!(error(other), None, "{other}");
        }
    }

    #[test]
    fn forms_are_encoded() {
        let text = form(STS, "AssumeRole", &[("RoleArn", "arn:a/b c")]);
        assert_eq!(text, "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aa%2Fb%20c");
    }
}
