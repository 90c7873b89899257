"""A Celery application as a user writes it. Its tasks note in a journal what they did, so that the tests can see it."""

import json
import os
from urllib.parse import quote
import signal
import time

from celery import Celery

HOST = os.environ["SLUICE_ENDPOINT"].removeprefix("http://")
KEY_ID, SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]

app = Celery("shop", broker=f"sqs://{KEY_ID}:{quote(SECRET, safe='')}@{HOST}")
app.conf.update(
    task_default_queue=os.environ["SHOP_QUEUE"],
    broker_transport_options={
        "region": "us-east-1",
        "is_secure": False,
        "visibility_timeout": int(os.environ.get("SHOP_VISIBILITY_TIMEOUT", "60")),
        "wait_time_seconds": 2,
        "polling_interval": 0,
    },
    worker_enable_remote_control=False,
)


def note(**fact):
    line = json.dumps({"time": time.time(), **fact}) + "\n"
    descriptor = os.open(os.environ["JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line.encode())
    os.close(descriptor)


@app.task
def order(number):
    note(order=number)


@app.task(bind=True, autoretry_for=(ConnectionError,), retry_backoff=False, default_retry_delay=1, max_retries=3)
def pay(self, number):
    note(pay=number, attempt=self.request.retries)
    if self.request.retries < 2:
        raise ConnectionError("the bank is closed")


@app.task(acks_late=True)
def ship(number):
    """Kills its whole worker the first time, before the message is acknowledged."""
    note(ship=number)
    marker = os.environ["JOURNAL"] + ".killed"
    if not os.path.exists(marker):
        open(marker, "w").close()
        os.killpg(os.getpgid(os.getppid()), signal.SIGKILL)
    note(shipped=number)


@app.task(acks_late=True, acks_on_failure_or_timeout=False)
def refund(number):
    note(refund=number)
    raise ValueError("never works")
