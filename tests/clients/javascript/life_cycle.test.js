// The numbered scenarios of ../README.md with the AWS SDK for JavaScript v3.
// Two clients: `root` knows the server's address; `sqs` does not, so it does what this SDK does by default, which is to go to the
// host of the QueueUrl that the server returned. Both verify the MD5 of bodies, which is also the default.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import * as sdk from "@aws-sdk/client-sqs";
import { SQS } from "@aws-sdk/client-sqs";

const BODY = "  \r\n\t\"quoted\" 'single' <&> ]]> %41+b=c&d \\ é 日本語 😀 \r ";
const BODY_MD5 = "0da47c26fbee6f40ab6fdd7e40db41e4";
const ATTRIBUTES = {
  text: { DataType: "String", StringValue: 'naïve 😀 <&> "q"' },
  count: { DataType: "Number", StringValue: "42" },
  raw: { DataType: "Binary", BinaryValue: Uint8Array.of(0x00, 0xff, 0x00, 0x10, 0x80) },
  "kind.colour": { DataType: "String.label", StringValue: "blue" },
  "kind.size": { DataType: "Number.int", StringValue: "7" },
};
const ATTRIBUTES_MD5 = "f5bf0ba2bd9e7ede7198025c66483674";
const KIND_MD5 = "7b1b768b742a3dbe7ce5c6ea3c345c26";
const GARBAGE = "garbage";

const root = new SQS({ endpoint: process.env.SLUICE_ENDPOINT });
const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error: console.error };
const sqs = new SQS({ logger: quiet }); // it warns that the QueueUrl's host is not Amazon's
after(() => [root, sqs].forEach((client) => client.destroy()));

const fresh = (label) => `js-${label}-${randomUUID().slice(0, 8)}`;

async function freshQueue(label, Attributes) {
  return (await root.createQueue({ QueueName: fresh(label), Attributes })).QueueUrl;
}

async function receive(QueueUrl, more = {}) {
  return (await sqs.receiveMessage({ QueueUrl, ...more })).Messages ?? [];
}

async function receiveOne(QueueUrl, more = {}) {
  const messages = await receive(QueueUrl, { WaitTimeSeconds: 10, ...more });
  assert.equal(messages.length, 1);
  return messages[0];
}

async function receiveCount(QueueUrl, wanted) {
  const messages = [];
  for (let i = 0; i < wanted * 2 && messages.length < wanted; i++) {
    messages.push(...(await receive(QueueUrl, { WaitTimeSeconds: 2, MaxNumberOfMessages: 10 })));
  }
  assert.equal(messages.length, wanted);
  return messages;
}

async function attributes(QueueUrl, ...AttributeNames) {
  return (await sqs.getQueueAttributes({ QueueUrl, AttributeNames })).Attributes ?? {};
}

// Expects a refusal: its shape as the error's name (and class, where the service has one), its legacy code, its status.
async function refused(promise, shape, code, status = 400) {
  const error = await promise.then(
    () => assert.fail(`expected ${shape}, but the call succeeded`),
    (error) => error,
  );
  if (!(error instanceof sdk.SQSServiceException)) throw error;
  if (sdk[shape]) assert.ok(error instanceof sdk[shape], `${error.name} is not a ${shape}`);
  assert.equal(error.Code ?? error.Error?.Code ?? error.name, code);
  assert.equal(error.$metadata.httpStatusCode, status);
  assert.ok(error.message, "an error without a message");
}

// Binary values arrive as Buffers or Uint8Arrays; only the bytes matter.
function plain(attributes) {
  const pairs = Object.entries(attributes ?? {}).map(([name, value]) => [
    name,
    [value.DataType, value.BinaryValue ? [...value.BinaryValue] : value.StringValue],
  ]);
  return Object.fromEntries(pairs.sort());
}

test("01 create", async () => {
  const QueueName = fresh("create");
  const Attributes = { VisibilityTimeout: "45", MaximumMessageSize: "2048" };
  const { QueueUrl } = await root.createQueue({ QueueName, Attributes });
  assert.ok(QueueUrl.endsWith("/" + QueueName));
  assert.equal((await root.createQueue({ QueueName, Attributes })).QueueUrl, QueueUrl);
  assert.equal((await root.createQueue({ QueueName })).QueueUrl, QueueUrl);
  const conflict = root.createQueue({ QueueName, Attributes: { ...Attributes, VisibilityTimeout: "46" } });
  await refused(conflict, "QueueNameExists", "QueueAlreadyExists");
});

test("02 find", async () => {
  const name = fresh("find");
  const urls = [];
  for (let n = 0; n < 5; n++) urls.push((await root.createQueue({ QueueName: `${name}-${n}` })).QueueUrl);
  assert.equal((await root.getQueueUrl({ QueueName: `${name}-3` })).QueueUrl, urls[3]);
  const absent = root.getQueueUrl({ QueueName: `${name}-absent` });
  await refused(absent, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue");

  const everything = await root.listQueues({ QueueNamePrefix: name });
  assert.deepEqual(everything.QueueUrls, urls);
  assert.equal(everything.NextToken, undefined);
  const pages = [];
  for await (const page of sdk.paginateListQueues({ client: root, pageSize: 2 }, { QueueNamePrefix: name })) {
    pages.push(page.QueueUrls);
  }
  assert.deepEqual(pages, [urls.slice(0, 2), urls.slice(2, 4), urls.slice(4)]);
  assert.equal((await root.listQueues({ QueueNamePrefix: `${name}-absent` })).QueueUrls, undefined);
});

test("03 tags", async () => {
  const { QueueUrl } = await root.createQueue({ QueueName: fresh("tags"), tags: { team: "red" } });
  await sqs.tagQueue({ QueueUrl, Tags: { team: "blue", empty: "", ort: "Zürich / 東京" } });
  assert.deepEqual((await sqs.listQueueTags({ QueueUrl })).Tags, { team: "blue", empty: "", ort: "Zürich / 東京" });
  await sqs.untagQueue({ QueueUrl, TagKeys: ["empty", "ort", "never there"] });
  assert.deepEqual((await sqs.listQueueTags({ QueueUrl })).Tags, { team: "blue" });
  await sqs.untagQueue({ QueueUrl, TagKeys: ["team"] });
  assert.equal((await sqs.listQueueTags({ QueueUrl })).Tags, undefined);
});

test("04 attributes", async () => {
  const QueueUrl = await freshQueue("attributes");
  const some = { VisibilityTimeout: "77", DelaySeconds: "3" };
  await sqs.setQueueAttributes({ QueueUrl, Attributes: some });
  assert.deepEqual(await attributes(QueueUrl, "VisibilityTimeout", "DelaySeconds"), some);
  const every = await attributes(QueueUrl, "All");
  assert.equal(every.VisibilityTimeout, "77");
  assert.equal(every.MessageRetentionPeriod, "345600");
  assert.equal(every.MaximumMessageSize, "1048576");
  assert.match(every.QueueArn, /^arn:aws:sqs:us-east-1:\d{12}:js-attributes-/);
  await refused(attributes(QueueUrl, "Nonsense"), "InvalidAttributeName", "InvalidAttributeName");
  const set = (Attributes) => sqs.setQueueAttributes({ QueueUrl, Attributes });
  await refused(set({ Nonsense: "1" }), "InvalidAttributeName", "InvalidAttributeName");
  await refused(set({ VisibilityTimeout: "43201" }), "InvalidAttributeValue", "InvalidAttributeValue");
});

test("05 fidelity", async () => {
  const QueueUrl = await freshQueue("fidelity");
  const sent = await sqs.sendMessage({ QueueUrl, MessageBody: BODY, MessageAttributes: ATTRIBUTES });
  assert.equal(sent.MD5OfMessageBody, BODY_MD5);
  assert.equal(sent.MD5OfMessageAttributes, ATTRIBUTES_MD5);

  const bare = await receiveOne(QueueUrl, { VisibilityTimeout: 0 });
  assert.equal(bare.Body, BODY);
  assert.equal(bare.MessageAttributes, undefined);
  assert.equal(bare.Attributes, undefined);
  const some = await receiveOne(QueueUrl, { VisibilityTimeout: 0, MessageAttributeNames: ["kind.*", "absent"] });
  const { "kind.colour": colour, "kind.size": size } = ATTRIBUTES;
  assert.deepEqual(plain(some.MessageAttributes), plain({ "kind.colour": colour, "kind.size": size }));
  assert.equal(some.MD5OfMessageAttributes, KIND_MD5);
  const whole = await receiveOne(QueueUrl, { MessageAttributeNames: ["All"], MessageSystemAttributeNames: ["All"] });
  assert.equal(whole.MessageId, sent.MessageId);
  assert.equal(whole.Body, BODY);
  assert.equal(whole.MD5OfBody, BODY_MD5);
  assert.deepEqual(plain(whole.MessageAttributes), plain(ATTRIBUTES));
  assert.equal(whole.MD5OfMessageAttributes, ATTRIBUTES_MD5);
  assert.equal(whole.Attributes.ApproximateReceiveCount, "3");
  assert.ok(Math.abs(Number(whole.Attributes.SentTimestamp) - Date.now()) < 300_000);
});

test("06 delete", async () => {
  const QueueUrl = await freshQueue("delete");
  await sqs.sendMessage({ QueueUrl, MessageBody: "once" });
  const { ReceiptHandle } = await receiveOne(QueueUrl, { VisibilityTimeout: 1 });
  await sqs.deleteMessage({ QueueUrl, ReceiptHandle });
  await sqs.deleteMessage({ QueueUrl, ReceiptHandle });
  assert.deepEqual(await receive(QueueUrl, { WaitTimeSeconds: 2 }), []);
  const garbage = sqs.deleteMessage({ QueueUrl, ReceiptHandle: GARBAGE });
  await refused(garbage, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404);
});

test("07 batch send, partial failure", async () => {
  const QueueUrl = await freshQueue("batch", { MaximumMessageSize: "1024" });
  const answer = await sqs.sendMessageBatch({
    QueueUrl,
    Entries: [
      { Id: "large", MessageBody: "x".repeat(1025) },
      { Id: "good", MessageBody: BODY, MessageAttributes: ATTRIBUTES },
      { Id: "illegal", MessageBody: "bell \u0007" },
    ],
  });
  assert.equal(answer.Successful.length, 1);
  const [good] = answer.Successful;
  assert.equal(good.Id, "good");
  assert.equal(good.MD5OfMessageBody, BODY_MD5);
  assert.equal(good.MD5OfMessageAttributes, ATTRIBUTES_MD5);
  assert.deepEqual(answer.Failed.map((entry) => [entry.Id, entry.Code, entry.SenderFault]).sort(), [
    ["illegal", "InvalidMessageContents", true],
    ["large", "InvalidParameterValue", true],
  ]);
  assert.equal((await receiveOne(QueueUrl)).MessageId, good.MessageId);
  assert.deepEqual(await receive(QueueUrl), []);
});

test("08 batch delete and visibility, one bad handle", async () => {
  const QueueUrl = await freshQueue("batches");
  const Entries = [0, 1, 2].map((n) => ({ Id: `${n}`, MessageBody: `message ${n}` }));
  const sent = await sqs.sendMessageBatch({ QueueUrl, Entries });
  assert.deepEqual(sent.Successful.map((entry) => entry.Id), ["0", "1", "2"]);
  assert.deepEqual(sent.Failed ?? [], []);
  const handles = (await receiveCount(QueueUrl, 3)).map((message) => message.ReceiptHandle);

  const bad = [["bad", "ReceiptHandleIsInvalid", true]];
  const changed = await sqs.changeMessageVisibilityBatch({
    QueueUrl,
    Entries: [
      { Id: "back", ReceiptHandle: handles[0], VisibilityTimeout: 0 },
      { Id: "bad", ReceiptHandle: GARBAGE, VisibilityTimeout: 0 },
      { Id: "keep", ReceiptHandle: handles[1], VisibilityTimeout: 100 },
    ],
  });
  assert.deepEqual(changed.Successful.map((entry) => entry.Id), ["back", "keep"]);
  assert.deepEqual(changed.Failed.map((entry) => [entry.Id, entry.Code, entry.SenderFault]), bad);
  handles[0] = (await receiveOne(QueueUrl)).ReceiptHandle;

  const deletes = handles.map((ReceiptHandle, n) => ({ Id: `h${n}`, ReceiptHandle }));
  const deleted = await sqs.deleteMessageBatch({
    QueueUrl,
    Entries: [...deletes, { Id: "bad", ReceiptHandle: GARBAGE }],
  });
  assert.deepEqual(deleted.Successful.map((entry) => entry.Id), ["h0", "h1", "h2"]);
  assert.deepEqual(deleted.Failed.map((entry) => [entry.Id, entry.Code, entry.SenderFault]), bad);
  assert.equal((await attributes(QueueUrl, "ApproximateNumberOfMessages")).ApproximateNumberOfMessages, "0");
});

test("09 refused batches", async () => {
  const QueueUrl = await freshQueue("refused");
  const cases = {
    EmptyBatchRequest: [],
    TooManyEntriesInBatchRequest: Array.from({ length: 11 }, (_, n) => ({ Id: `${n}`, MessageBody: "x" })),
    BatchEntryIdsNotDistinct: [{ Id: "same", MessageBody: "x" }, { Id: "same", MessageBody: "x" }],
    InvalidBatchEntryId: [{ Id: "not valid!", MessageBody: "x" }],
  };
  for (const [shape, Entries] of Object.entries(cases)) {
    await refused(sqs.sendMessageBatch({ QueueUrl, Entries }), shape, `AWS.SimpleQueueService.${shape}`);
  }
  assert.deepEqual(await receive(QueueUrl), []);
});

test("10 long poll, woken", async () => {
  const QueueUrl = await freshQueue("woken");
  const started = Date.now();
  const poll = receiveOne(QueueUrl, { WaitTimeSeconds: 20 });
  await sleep(500);
  await sqs.sendMessage({ QueueUrl, MessageBody: "wake up" });
  assert.equal((await poll).Body, "wake up");
  assert.ok(Date.now() - started < 20_000);
});

test("11 long poll, empty", async () => {
  const QueueUrl = await freshQueue("empty");
  const started = Date.now();
  assert.equal((await sqs.receiveMessage({ QueueUrl, WaitTimeSeconds: 1 })).Messages, undefined);
  assert.ok(Date.now() - started >= 900);
});

test("12 delay", async () => {
  const QueueUrl = await freshQueue("delay");
  const sent = Date.now();
  await sqs.sendMessage({ QueueUrl, MessageBody: "later", DelaySeconds: 1 });
  const early = await receive(QueueUrl);
  if (Date.now() - sent < 900) assert.deepEqual(early, []);
  assert.equal((early[0] ?? (await receiveOne(QueueUrl))).Body, "later");
});

test("13 visibility timeout", async () => {
  const QueueUrl = await freshQueue("visibility");
  await sqs.sendMessage({ QueueUrl, MessageBody: "again" });
  const asked = Date.now();
  const count = { MessageSystemAttributeNames: ["ApproximateReceiveCount"] };
  const first = await receiveOne(QueueUrl, { VisibilityTimeout: 1, ...count });
  assert.deepEqual(first.Attributes, { ApproximateReceiveCount: "1" });
  const hidden = await receive(QueueUrl, count);
  if (Date.now() - asked < 900) assert.deepEqual(hidden, []);
  const second = hidden[0] ?? (await receiveOne(QueueUrl, count));
  assert.equal(second.MessageId, first.MessageId);
  assert.deepEqual(second.Attributes, { ApproximateReceiveCount: "2" });
});

test("14 change visibility", async () => {
  const QueueUrl = await freshQueue("change");
  await sqs.sendMessage({ QueueUrl, MessageBody: "back and forth" });
  const first = await receiveOne(QueueUrl, { VisibilityTimeout: 300 });
  assert.deepEqual(await receive(QueueUrl), []);
  const change = (message, VisibilityTimeout) =>
    sqs.changeMessageVisibility({ QueueUrl, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout });
  await change(first, 0);
  const second = await receiveOne(QueueUrl, { WaitTimeSeconds: 0, VisibilityTimeout: 1 });
  await change(second, 100);
  assert.deepEqual(await receive(QueueUrl, { WaitTimeSeconds: 2 }), []);
});

test("15 purge", async () => {
  const QueueUrl = await freshQueue("purge");
  for (let n = 0; n < 3; n++) await sqs.sendMessage({ QueueUrl, MessageBody: "gone", DelaySeconds: n });
  await receive(QueueUrl);
  await sqs.purgeQueue({ QueueUrl });
  assert.deepEqual(await receive(QueueUrl, { WaitTimeSeconds: 1 }), []);
  const second = sqs.purgeQueue({ QueueUrl });
  await refused(second, "PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress", 403);
  await sqs.sendMessage({ QueueUrl, MessageBody: "after" });
  assert.equal((await receiveOne(QueueUrl)).Body, "after");
});

test("16 delete the queue", async () => {
  const QueueName = fresh("gone");
  const { QueueUrl } = await root.createQueue({ QueueName });
  await sqs.deleteQueue({ QueueUrl });
  const late = sqs.sendMessage({ QueueUrl, MessageBody: "too late" });
  await refused(late, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue");
  const again = root.createQueue({ QueueName });
  await refused(again, "QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently");
});

test("17 refusals without a type", async () => {
  const QueueUrl = await freshQueue("untyped");
  const send = (more) => sqs.sendMessage({ QueueUrl, MessageBody: "x", ...more });
  await refused(send({ DelaySeconds: 901 }), "InvalidParameterValueException", "InvalidParameterValue");
  await refused(receive(QueueUrl, { MaxNumberOfMessages: 11 }), "InvalidParameterValueException", "InvalidParameterValue");
  await refused(send({ MessageBody: "" }), "MissingRequiredParameterException", "MissingParameter");
  await refused(send({ MessageBody: "nul \u0000" }), "InvalidMessageContents", "InvalidMessageContents");
  assert.deepEqual(await receive(QueueUrl), []);
});
