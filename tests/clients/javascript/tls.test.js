// TLS, and who calls, with the AWS SDK for JavaScript v3: see ../README.md. Endpoint, trusted authority and profiles come from the
// environment.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { SQS, SQSServiceException } from "@aws-sdk/client-sqs";

const QUARTER_OF_AN_HOUR = 15 * 60 * 1000;
const WRONG = "SignatureDoesNotMatch";
const UNKNOWN = "InvalidClientTokenId";
const DENIED = "AccessDenied";

const fresh = () => ({ QueueName: `js-tls-${randomUUID().slice(0, 8)}` });

// Expects a refusal by its code; the service models none of these, so that they have no classes of their own.
async function refused(call, name) {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof SQSServiceException, error);
    assert.deepEqual([error.name, error.$metadata.httpStatusCode], [name, 403], error);
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

for (const [what, change] of [
  ["the body", (request) => (request.body = request.body.replace("js-tls-", "js-tlt-"))],
  ["a header", (request) => (request.headers["x-amz-target"] = "AmazonSQS.DeleteQueue")],
]) {
  test(`a request that was changed on the way: ${what}`, async () => {
    const sqs = new SQS({ profile: "right" });
    const changed = (next) => (call) => (change(call.request), next(call));
    sqs.middlewareStack.add(changed, { step: "finalizeRequest", priority: "low" });
    await refused(sqs.createQueue(fresh()), WRONG);
  });
}

test("a clock that is wrong: refused, then set by the answer", async () => {
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
