//! Golden pairs of requests and answers, in `tests/golden/*.txt`.
//!
//! A case is a block of lines: `#` comment, `>` the request, `!` what the operation answers (JSON of its output, `empty`, or
//! `error <shape>`), `=` what the crate made of the request, `<` the answer. The first two kinds are given, the others
//! computed and compared. `UPDATE_GOLDEN=1` rewrites the files; read the difference before you keep it.

mod input;
mod sqs_model;

use std::fs;
use std::path::Path;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use sluice_wire::{AwsError, Call, ErrorOrigin, ErrorShape, Fault, Value, framework, route};

use input::Input;
use sqs_model::SQS;

const REQUEST_ID: &str = "00000000-1111-2222-3333-444444444444";

static QUEUE_DOES_NOT_EXIST: ErrorShape = ErrorShape {
    name: "QueueDoesNotExist",
    query_code: "AWS.SimpleQueueService.NonExistentQueue",
    status: 400,
    fault: Fault::Sender,
    origin: ErrorOrigin::Service,
};

fn error_named(name: &str) -> AwsError {
    match name {
        "QueueDoesNotExist" => {
            AwsError::new(&QUEUE_DOES_NOT_EXIST, "The specified queue does not exist.")
                .with_query_message("The specified queue does not exist for this wsdl version.")
        }
        "AccessDenied" => {
            AwsError::new(&framework::ACCESS_DENIED, "Access to <x> & \"y\" is denied.")
        }
        "InternalFailure" => {
            AwsError::new(&framework::INTERNAL_FAILURE, "try again").with_cause("secret")
        }
        other => unreachable!("the golden files name no error {other}"),
    }
}

fn parse_request(lines: &[&str]) -> (Parts, Bytes) {
    let head_len = lines.iter().position(|line| line.is_empty()).unwrap_or(lines.len());
    let (method, uri) = lines[0].split_once(' ').expect("a request line");
    let mut builder = Request::builder().method(method).uri(uri);
    for header in &lines[1..head_len] {
        let (name, value) = header.split_once(": ").expect("a header line");
        builder = builder.header(name, value);
    }
    let body = lines.get(head_len + 1..).unwrap_or_default().join("\n");
    (builder.body(()).expect("a valid request").into_parts().0, body.into())
}

fn render_answer(call: &Call, answer: &str) -> Response<Bytes> {
    if let Some(name) = answer.strip_prefix("error ") {
        return call.render_error(&error_named(name), REQUEST_ID);
    }
    if answer == "empty" {
        return call.render_empty(REQUEST_ID);
    }
    let output: Value = serde_json::from_str(answer).expect("an output in JSON");
    call.render(&output, REQUEST_ID)
}

/// Returns what the crate makes of a request, and its answer.
fn exchange(request: &[&str], answer: Option<&str>) -> (String, Response<Bytes>) {
    let (parts, body) = parse_request(request);
    let mut call = match route(&parts, &body, &[&SQS]) {
        Ok(call) => call,
        Err(rejection) => {
            let text = format!("rejected {:?}", rejection.protocol());
            return (text, rejection.render(REQUEST_ID));
        }
    };
    let head = format!("{} {:?} {}", call.operation, call.protocol, call.path());
    match call.take_input::<Input>() {
        Ok(input) => {
            let input = serde_json::to_string(&input).expect("serializes");
            let answer = answer.unwrap_or("error InternalFailure");
            (format!("{head} {input}"), render_answer(&call, answer))
        }
        Err(error) => (format!("{head} refused"), call.render_error(&error, REQUEST_ID)),
    }
}

fn replay(case: &str) -> String {
    let lines_with = |mark: &str| -> Vec<&str> {
        let marked = case.lines().filter_map(|line| line.strip_prefix(mark));
        marked.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect()
    };
    let request = lines_with(">");
    if request.is_empty() {
        return case.to_owned();
    }
    let (seen, response) = exchange(&request, lines_with("!").first().copied());
    let given = case.lines().filter(|line| !line.starts_with(['=', '<']));
    let mut replayed: Vec<String> = given.map(str::to_owned).collect();
    replayed.push(format!("= {seen}"));
    replayed.push(format!("< {}", response.status().as_u16()));
    for (name, value) in response.headers().iter().filter(|(name, _)| *name != "x-amzn-requestid") {
        replayed.push(format!("< {name}: {}", value.to_str().expect("text")));
    }
    assert_eq!(response.headers()["x-amzn-requestid"], REQUEST_ID);
    let body = String::from_utf8(response.into_body().to_vec()).expect("text");
    replayed.push(format!("<\n< {body}").trim_end().to_owned());
    replayed.join("\n")
}

fn check(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    let golden = fs::read_to_string(&path).expect("the golden file exists");
    let replayed: Vec<String> = golden.trim_end().split("\n\n").map(replay).collect();
    let replayed = replayed.join("\n\n") + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &replayed).expect("the golden file is writable");
    }
    for (golden, replayed) in golden.split("\n\n").zip(replayed.split("\n\n")) {
        assert_eq!(golden, replayed, "{file}");
    }
}

#[test]
fn json() {
    check("json.txt");
}

#[test]
fn query() {
    check("query.txt");
}

#[test]
fn legacy_json() {
    check("legacy_json.txt");
}

#[test]
fn routing() {
    check("routing.txt");
}
