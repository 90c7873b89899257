"""Work that outlives the server: one process that makes queues, sends messages through a dead-letter queue and back by a move
task, deletes the queues, and looks whether they stay deleted, while the server is killed and started around it."""

import contextlib
import json
import random
import time

from check import check_move
from traffic import Api, Gone, Refused, counters, fail_all, send_all

MOVED_MAX = 120
MOVE_SECONDS = 180  # a task has to end within this time, kills included
CALL_SECONDS = 120  # a server is back within this time
DELETED_KEPT = 200  # names of deleted queues to look at again
PAUSE_SECONDS = 0.1
NO_QUEUE = "QueueDoesNotExist"


class Errands:
    def __init__(self, port_file, path, seed, stop):
        self.port_file, self.stop = port_file, stop
        self.chance = random.Random(seed)
        self.findings = open(path, "a", buffering=1)
        self.deleted = []
        self.number = 0

    def tell(self, kind, text):
        self.findings.write(json.dumps([kind, text]) + "\n")

    def once(self, action, **members):
        """One call to the server that runs now."""
        started = time.monotonic()
        try:
            endpoint = "http://" + self.port_file.read_text().strip()
        except OSError as error:
            raise Gone() from error
        with self.noting_the_end(started):
            return Api(endpoint).call(action, **self.moved_to(endpoint, members))

    @contextlib.contextmanager
    def noting_the_end(self, started):
        """A connection that breaks is told: the soak knows whether a server was there all the time."""
        try:
            yield
        except Gone:
            self.tell("gone", [started, time.monotonic()])
            raise

    def moved_to(self, endpoint, members):
        """Queue URLs hold the port, which changes with each start."""
        url = members.get("QueueUrl")
        return members | {"QueueUrl": "/".join([endpoint, *url.split("/")[3:]])} if url else members

    def call(self, action, **members):
        """The same until there is an answer."""
        deadline = time.monotonic() + CALL_SECONDS
        while True:
            try:
                return self.once(action, **members)
            except (Gone, ConnectionError) as error:
                if self.stop.is_set() or time.monotonic() > deadline:
                    raise Gone() from error
                time.sleep(PAUSE_SECONDS)

    def create(self, name, **attributes):
        if name.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        url = self.call("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]
        answer = self.call("GetQueueAttributes", QueueUrl=url, AttributeNames=["QueueArn"])
        return url, answer["Attributes"]["QueueArn"]

    def delete(self, url):
        try:
            self.call("DeleteQueue", QueueUrl=url)
        except Refused as error:
            if NO_QUEUE not in str(error):  # the first try may have done it
                raise
        self.deleted = [*self.deleted, url.rsplit("/", 1)[1]][-DELETED_KEPT:]

    def run(self):
        try:
            while not self.stop.is_set():
                self.look_at_deleted()
                self.move()
                self.stop.wait(self.chance.uniform(0, 2))
        except Gone:
            pass
        except (ValueError, TimeoutError, KeyError) as error:
            self.tell("problem", f"an errand failed: {error!r}")
        self.findings.close()

    def look_at_deleted(self):
        for name in self.chance.sample(self.deleted, min(3, len(self.deleted))):
            try:
                self.call("GetQueueUrl", QueueName=name)
            except Refused as error:
                if NO_QUEUE in str(error):
                    continue
                raise
            self.tell("problem", f"the queue {name} was deleted and is there")

    def move(self):
        """A dead-letter queue is filled within one life of the server, or given up; the task runs over the ends of lives."""
        self.number += 1
        suffix = ".fifo" if self.chance.random() < 0.5 else ""
        name = f"errand-{self.number}"
        count = self.chance.randint(1, MOVED_MAX)
        sent = [(f"g{n % 5}" if suffix else None, f"{name}-{n}") for n in range(count)]
        dead, dead_arn = self.create(f"{name}-dead{suffix}")
        policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": self.chance.randint(1, 3)})
        source, _ = self.create(f"{name}{suffix}", RedrivePolicy=policy)
        other, other_arn = self.create(f"{name}-other{suffix}")
        try:
            self.fill(source, sent)
        except Gone:
            if self.stop.is_set():
                raise
        else:
            destination, to = (source, {}) if self.chance.random() < 0.5 else (other, {"DestinationArn": other_arn})
            self.redrive(sent, dead, dead_arn, destination, to)
        for url in source, dead, other:
            self.delete(url)
        self.tell("done", "queues deleted")

    def fill(self, source, sent):
        started = time.monotonic()
        api = Api("http://" + self.port_file.read_text().strip()) if self.port_file.is_file() else None
        if api is None:
            raise Gone()
        url = self.moved_to(api.endpoint, {"QueueUrl": source})["QueueUrl"]
        with self.noting_the_end(started):
            send_all(api, url, sent)
            fail_all(api, url)

    def redrive(self, sent, dead, dead_arn, destination, to):
        rate = {"MaxNumberOfMessagesPerSecond": self.chance.choice([5, 50, 500])}
        self.start_task(dead_arn, to | rate)
        deadline, task = time.monotonic() + MOVE_SECONDS, {"Status": "RUNNING"}
        while task["Status"] == "RUNNING" and time.monotonic() < deadline:
            time.sleep(PAUSE_SECONDS)
            task = self.call("ListMessageMoveTasks", SourceArn=dead_arn)["Results"][0]
        left = sum(self.counters(dead))
        for problem in check_move(sent, task["Status"], self.receive_all(destination), left):
            self.tell("problem", f"{dead.rsplit('/', 1)[1]} to {destination.rsplit('/', 1)[1]}: {problem}")
        self.tell("done", "move tasks")

    def start_task(self, dead_arn, members):
        while True:
            try:
                self.once("StartMessageMoveTask", SourceArn=dead_arn, **members)
                return
            except (Gone, ConnectionError):
                if self.call("ListMessageMoveTasks", SourceArn=dead_arn).get("Results"):
                    return  # it was started; only the answer was lost

    def counters(self, url):
        return counters(self, url)

    def receive_all(self, url):
        """Each message once, as it came first."""
        found, deadline = {}, time.monotonic() + MOVE_SECONDS
        while sum(self.counters(url)) and time.monotonic() < deadline:
            asked = {"MaxNumberOfMessages": 10, "VisibilityTimeout": 5, "AttributeNames": ["MessageGroupId"]}
            for message in self.call("ReceiveMessage", QueueUrl=url, **asked).get("Messages", []):
                group = message.get("Attributes", {}).get("MessageGroupId")
                found.setdefault(message["MessageId"], (group, message["Body"]))
                try:
                    self.call("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                except Refused as error:
                    if "expired" not in str(error):
                        raise
        return list(found.values())


def run(port_file, path, seed, stop):
    Errands(port_file, path, seed, stop).run()
