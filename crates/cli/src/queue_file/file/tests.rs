use sluice_server::services::sqs::declared_queues::DeadLetterQueue;

use super::*;

const YAML: &str = include_str!("../../../tests/queue_files/queues.yaml");
const TOML: &str = include_str!("../../../tests/queue_files/queues.toml");
const ELASTICMQ: &str = include_str!("../../../tests/queue_files/elasticmq.conf");
const GOAWS: &str = include_str!("../../../tests/queue_files/goaws.yaml");

fn queue(place: &str, name: &str, attributes: &[(&str, &str)]) -> DeclaredQueue {
    let texts = attributes.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    DeclaredQueue {
        place: place.to_owned(),
        name: name.to_owned(),
        attributes: texts.collect(),
        ..DeclaredQueue::default()
    }
}

fn dead_letters(name: &str, count: &str) -> Option<DeadLetterQueue> {
    Some(DeadLetterQueue { name: name.to_owned(), receive_count_max: count.to_owned() })
}

fn tags(pairs: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// The queues of a file without their places, to compare two files.
fn without_places(name: &str, source: &str) -> Vec<DeclaredQueue> {
    let mut queues = parse(name, source).expect("a well-formed file").queues;
    queues.iter_mut().for_each(|queue| queue.place.clear());
    queues
}

#[test]
fn our_own_schema_reads_the_same_from_yaml_and_toml() {
    let found = parse("q.yaml", YAML).expect("a well-formed file");
    let orders = queue(
        "q.yaml:3",
        "orders",
        &[("VisibilityTimeout", "10"), ("ReceiveMessageWaitTimeSeconds", "5")],
    );
    let orders = DeclaredQueue {
        tags: tags(&[("team", "blue")]),
        dead_letter_queue: dead_letters("orders-dead-letters", "3"),
        ..orders
    };
    let payments = DeclaredQueue {
        account: Some("111122223333".to_owned()),
        region: Some("eu-west-1".to_owned()),
        ..queue("q.yaml:10", "payments.fifo", &[("ContentBasedDeduplication", "true")])
    };
    let dead = queue("q.yaml:9", "orders-dead-letters", &[]);
    assert_eq!(found.queues, [orders, dead, payments]);
    assert_eq!(found.notes, Vec::<String>::new());
    assert_eq!(without_places("q.toml", TOML), without_places("q.yaml", YAML));
}

#[test]
fn elasticmq_files_are_understood() {
    let found = parse("mq.conf", ELASTICMQ).expect("a well-formed file");
    let orders = queue(
        "mq.conf:23",
        "orders",
        &[
            ("VisibilityTimeout", "10"),
            ("DelaySeconds", "5"),
            ("ReceiveMessageWaitTimeSeconds", "0"),
        ],
    );
    let orders = DeclaredQueue {
        tags: tags(&[("team", "blue"), ("cost-centre", "4711")]),
        dead_letter_queue: dead_letters("orders-dead-letters", "3"),
        ..orders
    };
    let payments = DeclaredQueue {
        dead_letter_queue: dead_letters("payments-dead-letters.fifo", "5"),
        ..queue(
            "mq.conf:39",
            "payments.fifo",
            &[("VisibilityTimeout", "60"), ("ContentBasedDeduplication", "true")],
        )
    };
    let expected = [
        orders,
        queue("mq.conf:38", "orders-dead-letters", &[]),
        payments,
        queue("mq.conf:45", "payments-dead-letters.fifo", &[]),
    ];
    let expected = expected.map(|queue| DeclaredQueue {
        account: Some("000000000000".to_owned()),
        region: Some("us-west-2".to_owned()),
        ..queue
    });
    assert_eq!(found.queues, expected);
    let ignored: Vec<&str> =
        found.notes.iter().map(|note| note.split('`').nth(1).unwrap_or("")).collect();
    assert_eq!(ignored, ["include", "node-address", "rest-sqs", "generate-node-address"]);
}

#[test]
fn goaws_files_are_understood() {
    let found = parse("goaws.yaml", GOAWS).expect("a well-formed file");
    let policy = r#"{"maxReceiveCount": 100, "deadLetterTargetArn":"arn:aws:sqs:eu-west-1:100010001000:orders-dlq"}"#;
    let orders = [
        ("ReceiveMessageWaitTimeSeconds", "20"),
        ("RedrivePolicy", policy),
        ("VisibilityTimeout", "30"),
    ];
    let dead = [("ReceiveMessageWaitTimeSeconds", "0"), ("VisibilityTimeout", "60")];
    let expected =
        [queue("goaws.yaml:11", "orders", &orders), queue("goaws.yaml:14", "orders-dlq", &dead)];
    let expected = expected.map(|queue| DeclaredQueue {
        account: Some("100010001000".to_owned()),
        region: Some("eu-west-1".to_owned()),
        ..queue
    });
    assert_eq!(found.queues, expected);
    assert_eq!(found.notes.len(), 2, "{:?}", found.notes);
    assert!(found.notes[0].contains("Topics are ignored"), "{:?}", found.notes);
    assert!(found.notes[1].contains("--account 100010001000"), "{:?}", found.notes);
}

#[test]
fn an_empty_file_declares_nothing() {
    for (name, source) in [("q.yaml", ""), ("q.yaml", "queues:\n"), ("q.toml", ""), ("q.conf", "")]
    {
        assert_eq!(parse(name, source), Ok(Declarations::default()), "{name}: {source}");
    }
}

#[test]
fn a_problem_names_file_line_queue_key_and_what_is_wanted() {
    for (name, source, expected) in [
        (
            "q.yaml",
            "queue:\n  - name: a\n",
            "q.yaml:1: unknown key `queue`, did you mean `queues`?",
        ),
        ("q.yaml", "queues: 5\n", "q.yaml:1: queues: found `5`, wants a list"),
        ("q.yaml", "queues:\n  - attributes: {}\n", "q.yaml:2: found no name, wants `name`"),
        (
            "q.yaml",
            "queues:\n  - name: a\n    tag: {}\n",
            "q.yaml:3: queue `a`: unknown key `tag`, did you mean `tags`?",
        ),
        (
            "q.yaml",
            "queues:\n  - name: a\n    attributes:\n      Policy: {a: 1}\n",
            "q.yaml:4: queue `a`: Policy: found a section, wants a text or a number",
        ),
        (
            "q.toml",
            "[[queues]]\nname = \"a\"\ndeadLetterQueue = { name = \"b\" }\n",
            "q.toml:3: queue `a`: deadLetterQueue: wants `name` and `maxReceiveCount`",
        ),
        (
            "q.conf",
            "queues {\n  a { delay = 1500 }\n}\n",
            "q.conf:2: queue `a`: delay: found `1500`, wants whole seconds, such as `10 seconds` or `15000` for milliseconds",
        ),
        (
            "q.conf",
            "queues {\n  a { copyTo = b }\n}\n",
            "q.conf:2: queue `a`: `copyTo` has no counterpart in SQS, and Sluice does not have it; remove it",
        ),
        (
            "q.conf",
            "queues.a.delay = ${DELAY}\n",
            "q.conf:1: queue `a`: delay: found `${DELAY}`, wants the value itself: substitutions are not understood",
        ),
        (
            "q.conf",
            "queues {\n  a.fifo { }\n}\n",
            "q.conf:2: queue `a`: fifo: found a section, wants true or false; quote a name with a dot: \"a.fifo\"",
        ),
        (
            "goaws.yml",
            "One:\n  Queues: []\nTwo:\n  Queues: []\n",
            "goaws.yml:1: found environments One, Two, wants `Local` among them, or one only",
        ),
    ] {
        assert_eq!(parse(name, source).expect_err(source), expected);
    }
    assert!(
        parse("queues.txt", "").expect_err("no format").contains("wants a name that ends with")
    );
}
