// TLS, and who calls, with the AWS SDK for JavaScript v3: see ../README.md. Endpoint, trusted authority and profiles come from the
// environment.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { SQS, SQSServiceException } from "@aws-sdk/client-sqs";

const QUARTER_OF_AN_HOUR = 15 * 60 * 1000; // for which a signature is good
const MARGIN = 10 * 1000; // that a request may take, if it is signed so long before its time is over
const WRONG = "SignatureDoesNotMatch";
const UNKNOWN = "InvalidClientTokenId";
const DENIED = "AccessDenied";

const fresh = () => ({ QueueName: `js-tls-${randomUUID().slice(0, 8)}` });

// Expects a refusal by its code, and a part of its text; the service models none of these, so that they have no classes of their own.
async function refused(call, name, said = "") {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof SQSServiceException, error);
    assert.deepEqual([error.name, error.$metadata.httpStatusCode], [name, 403], error);
    assert.ok(error.message.includes(said), error);
    return true;
  });
}

for (const profile of ["right", "temporary", "worker"]) {
  test(`the right key gets in: ${profile}`, async () => {
    const sqs = new SQS({ profile });
    const { QueueUrl } = await sqs.createQueue(fresh());
    assert.ok(QueueUrl.startsWith(process.env.SLUICE_ENDPOINT + "/"), QueueUrl);
    await sqs.sendMessage({ QueueUrl, MessageBody: "naïve 😀" });
    const { Messages } = await sqs.receiveMessage({ QueueUrl, WaitTimeSeconds: 10 });
    assert.deepEqual(Messages.map((message) => message.Body), ["naïve 😀"]);
    await sqs.deleteMessage({ QueueUrl, ReceiptHandle: Messages[0].ReceiptHandle });
  });
}

for (const [profile, region, error] of [
  ["wrong-secret", "us-east-1", WRONG],
  ["right", "eu-west-1", WRONG],
  ["unknown", "us-east-1", UNKNOWN],
  ["inactive", "us-east-1", UNKNOWN],
  ["wrong-token", "us-east-1", UNKNOWN],
  ["reader", "us-east-1", DENIED],
]) {
  test(`others do not: ${profile} in ${region}`, async () => {
    await refused(new SQS({ profile, region }).createQueue(fresh()), error);
  });
}

// A client that changes its requests after it has signed them. It tries once, so that it does not set its clock by the answer.
function changing(change, more = {}) {
  const sqs = new SQS({ profile: "right", maxAttempts: 1, ...more });
  const changed = (next) => (call) => (change(call.request), next(call));
  sqs.middlewareStack.add(changed, { step: "finalizeRequest", priority: "low" });
  return sqs;
}

const asSigned = () => {};
const otherBody = (request) => (request.body = request.body.replace("js-tls-", "js-tlt-"));
const otherOperation = (request) => (request.headers["x-amz-target"] = "AmazonSQS.DeleteQueue");

for (const [what, change, more, said] of [
  ["for another service", asSigned, { signingName: "sns" }, "'sqs'"],
  ["too long ago", asSigned, { systemClockOffset: -1.1 * QUARTER_OF_AN_HOUR }, "Signature expired"],
  ["in the future", asSigned, { systemClockOffset: 1.1 * QUARTER_OF_AN_HOUR }, "Signature not yet current"],
  ["another body", otherBody, {}, "does not match"],
  ["another header", otherOperation, {}, "does not match"],
]) {
  test(`what was signed otherwise: ${what}`, async () => {
    await refused(changing(change, more).createQueue(fresh()), WRONG, said);
  });
}

test("a captured request, once its time is over", async () => {
  let captured;
  const capture = ({ headers, body }) => (captured = { headers: { ...headers }, body });
  const replay = (request) => Object.assign(request, { ...captured, headers: { ...captured.headers } });
  const replayDatedNow = (request) => {
    const { "x-amz-date": now } = request.headers;
    replay(request).headers["x-amz-date"] = now;
  };
  await changing(capture, { systemClockOffset: MARGIN - QUARTER_OF_AN_HOUR }).createQueue(fresh());
  await sleep(MARGIN + 2000);
  await refused(changing(replay).createQueue(fresh()), WRONG, "Signature expired");
  await refused(changing(replayDatedNow).createQueue(fresh()), WRONG);
});

test("a clock that is wrong is set by the answer that refuses", async () => {
  for (const systemClockOffset of [-1.1 * QUARTER_OF_AN_HOUR, 1.1 * QUARTER_OF_AN_HOUR]) {
    const sqs = new SQS({ profile: "right", systemClockOffset, maxAttempts: 1 });
    await refused(sqs.createQueue(fresh()), WRONG);
    await sqs.createQueue(fresh());
  }
});

test("an authority that is not trusted", async () => {
  const httpsAgent = { ca: readFileSync(process.env.SLUICE_OTHER_AUTHORITY) };
  const sqs = new SQS({ profile: "right", requestHandler: { httpsAgent } });
  await assert.rejects(sqs.listQueues(), { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" });
});
