// sqs-consumer and sqs-producer, as their documentation shows them: all they know is the queue's URL. `root` makes the queues and looks
// at them.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { SQS } from "@aws-sdk/client-sqs";
import { Consumer } from "sqs-consumer";
import { Producer } from "sqs-producer";

const WAIT_MS = 60_000;

const root = new SQS({ endpoint: process.env.SLUICE_ENDPOINT });
const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error: console.error };
const sqs = new SQS({ logger: quiet }); // what the two make themselves, but it does not warn that the host is not Amazon's
after(() => [root, sqs].forEach((client) => client.destroy()));

async function freshQueue(label, Attributes = {}) {
  const fifo = Attributes.FifoQueue === "true" ? ".fifo" : "";
  const QueueName = `${label}-${randomUUID().slice(0, 8)}${fifo}`;
  return (await root.createQueue({ QueueName, Attributes })).QueueUrl;
}

async function counts(QueueUrl) {
  const names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"];
  const { Attributes } = await root.getQueueAttributes({ QueueUrl, AttributeNames: names });
  return names.map((name) => Number(Attributes[name]));
}

const isEmpty = async (QueueUrl) => (await counts(QueueUrl)).every((count) => count === 0);

async function until(question, described) {
  for (const deadline = Date.now() + WAIT_MS; !(await question()); await sleep(50)) {
    assert.ok(Date.now() < deadline, described);
  }
}

function produce(queueUrl, messages) {
  return Producer.create({ queueUrl, sqs }).send(messages);
}

// Runs a consumer while `story` goes on; the errors it emitted are the result.
async function consuming(queueUrl, options, story) {
  const errors = [];
  const consumer = Consumer.create({ queueUrl, sqs, waitTimeSeconds: 5, suppressFifoWarning: true, ...options });
  for (const event of ["error", "processing_error", "timeout_error"]) {
    consumer.on(event, (error) => errors.push(`${event}: ${error.message}`));
  }
  consumer.start();
  try {
    await story(consumer);
  } finally {
    const stopped = new Promise((resolve) => consumer.once("stopped", resolve));
    consumer.stop({ abort: true });
    await stopped;
  }
  return errors.filter((error) => !/abort/i.test(error));
}

test("a handler for single messages", async () => {
  const queue = await freshQueue("single");
  const bodies = Array.from({ length: 25 }, (_, n) => `message-${n}`);
  const seen = [];
  const handleMessage = async (message) => {
    seen.push(message.Body);
    return message;
  };
  const errors = await consuming(queue, { handleMessage }, async () => {
    await produce(queue, bodies);
    await until(async () => seen.length >= 25 && (await isEmpty(queue)), "not all messages were handled");
  });
  assert.deepEqual(errors, []);
  assert.deepEqual(seen.sort(), bodies.sort());
});

test("a handler for batches acknowledges what it returns", async () => {
  const queue = await freshQueue("batch", { VisibilityTimeout: "5" });
  await produce(queue, Array.from({ length: 10 }, (_, n) => `message-${n}`));
  const attempts = new Map();
  const handleMessageBatch = async (messages) => {
    for (const { Body } of messages) attempts.set(Body, (attempts.get(Body) ?? 0) + 1);
    return messages.filter(({ Body }) => Body !== "message-3" || attempts.get(Body) === 2);
  };
  const errors = await consuming(queue, { handleMessageBatch, batchSize: 10 }, () =>
    until(() => isEmpty(queue), "the batch was not finished"),
  );
  assert.deepEqual(errors, []);
  assert.equal(attempts.size, 10);
  for (const [body, count] of attempts) assert.equal(count, body === "message-3" ? 2 : 1, body);
});

test("attributes, system attributes and the producer's options", async () => {
  const queue = await freshQueue("attributes");
  const messageAttributes = {
    colour: { DataType: "String", StringValue: "blue" },
    raw: { DataType: "Binary", BinaryValue: Uint8Array.of(0, 255) },
  };
  await produce(queue, [{ id: "one", body: "delayed", delaySeconds: 1, messageAttributes, groupId: "tenant" }]);
  let seen;
  const handleMessage = async (message) => (seen = message);
  const options = { handleMessage, messageAttributeNames: ["All"], messageSystemAttributeNames: ["All"] };
  await consuming(queue, options, () => until(async () => seen && (await isEmpty(queue)), "no message"));
  assert.deepEqual(seen.MessageAttributes, messageAttributes);
  assert.equal(seen.Attributes.ApproximateReceiveCount, "1");
  assert.equal(seen.Attributes.MessageGroupId, "tenant");
  assert.ok(Number(seen.Attributes.ApproximateFirstReceiveTimestamp) - Number(seen.Attributes.SentTimestamp) >= 1000);
});

// While it handles the message, the handler itself polls the queue for longer than the visibility timeout.
for (const heartbeatInterval of [undefined, 2]) {
  test(heartbeatInterval ? "a heartbeat keeps a message hidden" : "without a heartbeat others get the message", async () => {
    const queue = await freshQueue("heartbeat");
    await produce(queue, ["slow"]);
    let others, acknowledged;
    const handleMessage = async (message) => {
      others ??= (await root.receiveMessage({ QueueUrl: queue, WaitTimeSeconds: 5, VisibilityTimeout: 0 })).Messages ?? [];
      acknowledged = true;
      return message;
    };
    // No look at the errors: a last heartbeat may come after the acknowledgement.
    await consuming(queue, { handleMessage, visibilityTimeout: 3, heartbeatInterval }, () =>
      until(async () => acknowledged && (await isEmpty(queue)), "the message was not acknowledged"),
    );
    assert.equal(others.length, heartbeatInterval ? 0 : 1);
  });
}

test("a failed message is visible again at once with terminateVisibilityTimeout", async () => {
  const queue = await freshQueue("failing");
  await produce(queue, ["fails-twice"]);
  const received = [];
  const handleMessage = async (message) => {
    received.push(message.Attributes.ApproximateReceiveCount);
    if (received.length < 3) throw new Error("no");
    return message;
  };
  const hidden = { visibilityTimeout: 3600, terminateVisibilityTimeout: true };
  const options = { handleMessage, ...hidden, messageSystemAttributeNames: ["All"] };
  const errors = await consuming(queue, options, () => until(() => isEmpty(queue), "the message was not handled"));
  assert.deepEqual(received, ["1", "2", "3"]);
  assert.equal(errors.length, 2);
  assert.match(errors[0], /^processing_error: Unexpected message handler failure: no/);
});

test("a message that always fails becomes a dead letter", async () => {
  const dead = await freshQueue("dead");
  const { Attributes } = await root.getQueueAttributes({ QueueUrl: dead, AttributeNames: ["QueueArn"] });
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: Attributes.QueueArn, maxReceiveCount: 3 });
  const queue = await freshQueue("source", { RedrivePolicy });
  await produce(queue, ["poison", "food"]);
  const seen = { poison: 0, food: 0 };
  const handleMessage = async (message) => {
    seen[message.Body] += 1;
    if (message.Body === "poison") throw new Error("no");
    return message;
  };
  await consuming(queue, { handleMessage, terminateVisibilityTimeout: true }, () =>
    until(async () => (await isEmpty(queue)) && (await counts(dead))[0] === 1, "no dead letter"),
  );
  assert.deepEqual(seen, { poison: 3, food: 1 });
});

test("batches of a FIFO queue keep their order", async () => {
  const queue = await freshQueue("fifo", { FifoQueue: "true" });
  const message = (n) => ({ id: `m${n}`, body: `${n}`, groupId: `g${n % 3}`, deduplicationId: `d${n}` });
  await produce(queue, Array.from({ length: 30 }, (_, n) => message(n)));
  const seen = [];
  let failed = false;
  const handleMessageBatch = async (batch) => {
    if (!failed) {
      failed = true;
      throw new Error("not yet");
    }
    seen.push(...batch.map(({ Body }) => Number(Body)));
    return batch;
  };
  await consuming(queue, { handleMessageBatch, batchSize: 10, terminateVisibilityTimeout: true }, () =>
    until(() => isEmpty(queue), "the queue did not become empty"),
  );
  assert.equal(seen.length, 30);
  for (const group of [0, 1, 2]) {
    const numbers = seen.filter((number) => number % 3 === group);
    assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b), `group ${group}`);
  }
});

test("the errors of a queue that is gone have SQS's names", async () => {
  const queue = await freshQueue("gone");
  await root.deleteQueue({ QueueUrl: queue });
  const options = { handleMessage: async (message) => message, pollingWaitTimeMs: 200 };
  const errors = await consuming(queue, options, async (consumer) => {
    const error = await new Promise((resolve) => consumer.once("error", resolve));
    assert.equal(error.code, "QueueDoesNotExist");
    assert.equal(error.statusCode, 400);
  });
  assert.match(errors[0], /SQS receive message failed: The specified queue does not exist/);
});
