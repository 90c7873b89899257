//! Properties of both protocols: what is encoded comes back, and no bytes at all do harm.

mod input;
mod sqs_model;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;
use http::request::Parts;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde::Serialize;
use sluice_wire::{Blob, decoded_body, route};

use input::{AttributeValue, Entry, Input};
use sqs_model::SQS;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn request(uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut builder = Request::builder().method("POST").uri(uri);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(()).expect("a valid request").into_parts().0
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,12}", "[ -~\r\n\t]{0,12}", any::<String>()]
}

fn blob() -> impl Strategy<Value = Blob> {
    vec(any::<u8>(), 0..20).prop_map(|bytes| Blob(bytes.into()))
}

fn attribute_value() -> impl Strategy<Value = AttributeValue> {
    let fields = (option::of(text()), text(), option::of(blob()), vec(blob(), 0..3));
    fields.prop_map(|(data_type, string, binary_value, binary_list_values)| AttributeValue {
        data_type,
        string_value: Some(string),
        binary_value,
        binary_list_values,
    })
}

fn entry() -> impl Strategy<Value = Entry> {
    let fields = (text(), option::of(text()), btree_map(text(), attribute_value(), 0..3));
    fields.prop_map(|(id, message_body, message_attributes)| Entry {
        id: Some(id),
        message_body,
        message_attributes,
    })
}

fn input() -> impl Strategy<Value = Input> {
    let scalars = (option::of(text()), option::of(text()), option::of(any::<i32>()));
    let maps = (btree_map(text(), text(), 0..4), btree_map(text(), attribute_value(), 0..4));
    (scalars, maps, vec(text(), 0..4), vec(entry(), 0..4)).prop_map(
        |((queue_url, message_body, delay_seconds), maps, attribute_names, entries)| Input {
            queue_url,
            message_body,
            delay_seconds,
            attributes: maps.0,
            message_attributes: maps.1,
            attribute_names,
            entries,
            ..Input::default()
        },
    )
}

/// Builds the parameters of an input, with the wire names of the flattened form.
#[derive(Default)]
struct Form(Vec<(String, String)>);

impl Form {
    fn scalar(&mut self, name: String, value: Option<impl ToString>) {
        self.0.extend(value.map(|value| (name, value.to_string())));
    }

    fn blob(&mut self, name: String, blob: &Blob) {
        let json = serde_json::to_value(blob).expect("serializes");
        self.scalar(name, json.as_str());
    }

    fn attributes(
        &mut self,
        prefix: &str,
        attributes: &BTreeMap<String, AttributeValue>,
        gap: usize,
    ) {
        for (at, (name, value)) in attributes.iter().enumerate() {
            let prefix = format!("{prefix}MessageAttribute.{}", at * gap + 1);
            self.scalar(format!("{prefix}.Name"), Some(name));
            self.scalar(format!("{prefix}.Value.DataType"), value.data_type.as_ref());
            self.scalar(format!("{prefix}.Value.StringValue"), value.string_value.as_ref());
            if let Some(blob) = &value.binary_value {
                self.blob(format!("{prefix}.Value.BinaryValue"), blob);
            }
            for (at, blob) in value.binary_list_values.iter().enumerate() {
                self.blob(format!("{prefix}.Value.BinaryListValue.{}", at * gap + 1), blob);
            }
        }
    }

    fn new(input: &Input, gap: usize) -> Self {
        let mut form = Self::default();
        form.scalar("Action".into(), Some("SendMessageBatch"));
        form.scalar("QueueUrl".into(), input.queue_url.as_ref());
        form.scalar("MessageBody".into(), input.message_body.as_ref());
        form.scalar("DelaySeconds".into(), input.delay_seconds);
        for (at, (name, value)) in input.attributes.iter().enumerate() {
            form.scalar(format!("Attribute.{}.Name", at * gap + 1), Some(name));
            form.scalar(format!("Attribute.{}.Value", at * gap + 1), Some(value));
        }
        for (at, name) in input.attribute_names.iter().enumerate() {
            form.scalar(format!("AttributeName.{}", at * gap + 1), Some(name));
        }
        form.attributes("", &input.message_attributes, gap);
        for (at, entry) in input.entries.iter().enumerate() {
            let prefix = format!("SendMessageBatchRequestEntry.{}.", at * gap + 1);
            form.scalar(format!("{prefix}Id"), entry.id.as_ref());
            form.scalar(format!("{prefix}MessageBody"), entry.message_body.as_ref());
            form.attributes(&prefix, &entry.message_attributes, gap);
        }
        form
    }
}

fn encoded(pairs: &[(String, String)]) -> String {
    let percent = |text: &str| -> String {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
        let encode = |byte| match byte {
            b' ' => "+".to_owned(),
            byte if plain(&byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(encode).collect()
    };
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value))).collect();
    pairs.join("&")
}

/// Returns the content of the first element called `name`, as an XML parser reads it.
fn element_text(xml: &str, name: &str) -> String {
    let mut reader = Reader::from_str(xml);
    let mut inside = false;
    let mut text = String::new();
    loop {
        match reader.read_event().expect("well-formed XML") {
            Event::Start(start) => inside |= start.name().as_ref() == name,
            Event::End(end) if end.name().as_ref() == name => inside = false,
            Event::Text(part) if inside => text.push_str(&part.xml10_content()),
            Event::GeneralRef(part) if inside => {
                let char = part.resolve_char_ref().expect("a legal character reference");
                let name = part.xml10_content();
                match quick_xml::escape::resolve_predefined_entity(&name) {
                    Some(resolved) => text.push_str(resolved),
                    None => text.push(char.expect("a character reference")),
                }
            }
            Event::Eof => return text,
            Event::End(_)
            | Event::Empty(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_)
            | Event::GeneralRef(_) => {}
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    body: String,
    attributes: BTreeMap<String, String>,
    unspelled: BTreeMap<String, String>,
}

proptest! {
    #[test]
    fn an_input_survives_the_form_in_any_order(
        (pairs, expected) in (input(), 1_usize..400_000_000).prop_flat_map(|(input, gap)| {
            (Just(Form::new(&input, gap).0).prop_shuffle(), Just(input))
        }),
    ) {
        let parts = request("/", &[FORM]);
        let mut call = route(&parts, &encoded(&pairs).into(), &[&SQS]).expect("routes");
        prop_assert_eq!(call.take_input::<Input>().expect("parses"), expected);
    }

    #[test]
    fn an_input_survives_json(expected in input()) {
        let parts = request("/", &[("x-amz-target", "AmazonSQS.SendMessageBatch")]);
        let body = serde_json::to_vec(&expected).expect("serializes");
        let mut call = route(&parts, &body.into(), &[&SQS]).expect("routes");
        prop_assert_eq!(call.take_input::<Input>().expect("parses"), expected);
    }

    #[test]
    fn xml_parsers_read_back_what_was_written(
        body in text(),
        attributes in btree_map(text(), text(), 0..3),
        unspelled in btree_map(text(), text(), 0..3),
    ) {
        let parts = request("/?Action=ReceiveMessage", &[]);
        let call = route(&parts, &Bytes::new(), &[&SQS]).expect("routes");
        let output = Output { body: body.clone(), attributes, unspelled };
        let response = call.render(&output, "id").into_body();
        let xml = std::str::from_utf8(&response).expect("text");
        let legal: String = body
            .chars()
            .map(|char| match char {
                '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'.. => char,
                _ => '\u{FFFD}',
            })
            .collect();
        prop_assert_eq!(element_text(xml, "Body"), legal);
        prop_assert_eq!(element_text(xml, "RequestId"), "id");
    }

    #[test]
    fn no_form_does_harm(body in prop_oneof![
        vec(any::<u8>(), 0..200),
        "Action=[A-Z]?&((QueueUrl|Attribute|Tag|Name|Value|member|entry|[0-9]{1,20}|\\.|=|&|%|a){0,20})"
            .prop_map(String::into_bytes),
    ]) {
        let parts = request("/1/q?Action=ReceiveMessage", &[FORM]);
        match route(&parts, &body.into(), &[&SQS]) {
            Ok(mut call) => drop(call.take_input::<Input>()),
            Err(rejection) => drop(rejection.render("id")),
        }
    }

    #[test]
    fn no_json_does_harm(body in prop_oneof![
        vec(any::<u8>(), 0..200),
        "\\{\"(Entries|Attributes|MessageBody|DelaySeconds)\":[\\[\\]{}:,\"0-9a-z.eE+-]{0,30}\\}?"
            .prop_map(String::into_bytes),
    ]) {
        let parts = request("/", &[("x-amz-target", "AmazonSQS.SendMessage")]);
        match route(&parts, &body.into(), &[&SQS]) {
            Ok(mut call) => drop(call.take_input::<Input>()),
            Err(rejection) => drop(rejection.render("id")),
        }
    }

    #[test]
    fn no_header_does_harm(
        target in "\\PC{0,20}",
        authorization in "(AWS4-HMAC-SHA256 )?(Credential=)?[a-z/=, ]{0,30}",
        body in vec(any::<u8>(), 0..50),
    ) {
        let headers =
            [("x-amz-target", &*target), ("authorization", &authorization), ("content-encoding", "gzip")];
        let mut builder = Request::builder();
        for (name, value) in headers {
            builder = builder.header(name, value.as_bytes());
        }
        let (parts, ()) = builder.body(()).expect("printable header values").into_parts();
        let body = decoded_body(&parts.headers, body.into(), 1_000).unwrap_or_default();
        match route(&parts, &body, &[&SQS]) {
            Ok(call) => drop(call.render_error(&call.unknown_operation(), "id")),
            Err(rejection) => drop(rejection.render("id")),
        }
    }
}
