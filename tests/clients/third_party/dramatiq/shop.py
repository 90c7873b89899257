"""A Dramatiq application as a user writes it. Its actors note in a journal what they did, so that the tests can see it."""

import json
import os
import signal
import time

import dramatiq
from dramatiq.middleware import AgeLimit, CurrentMessage, Retries, TimeLimit
from dramatiq_sqs import SQSBroker

broker = SQSBroker(
    namespace=os.environ["SHOP_NAMESPACE"],
    endpoint_url=os.environ["SLUICE_ENDPOINT"],
    region_name="us-east-1",
    dead_letter=os.environ.get("SHOP_DEAD_LETTER") == "1",
    visibility_timeout=int(os.environ.get("SHOP_VISIBILITY_TIMEOUT", "60")),
    tags={"team": "shop"},
    middleware=[AgeLimit(), TimeLimit(), CurrentMessage(), Retries(min_backoff=1000, max_backoff=1000)],
)
dramatiq.set_broker(broker)


def note(**fact):
    line = json.dumps({"time": time.time(), **fact}) + "\n"
    descriptor = os.open(os.environ["JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line.encode())
    os.close(descriptor)


@dramatiq.actor
def order(number):
    note(order=number)


@dramatiq.actor(max_retries=3)
def pay(number):
    attempt = CurrentMessage.get_current_message().options.get("retries", 0)
    note(pay=number, attempt=attempt)
    if attempt < 2:
        raise ConnectionError("the bank is closed")


@dramatiq.actor(max_retries=1)
def refund(number):
    note(refund=number)
    raise ValueError("never works")


@dramatiq.actor
def hold(number):
    """Waits until the test lets it go."""
    note(held=number)
    while not os.path.exists(os.environ["JOURNAL"] + ".released"):
        time.sleep(0.05)
    note(released=number)


@dramatiq.actor
def ship(number):
    """Kills its worker process, the first time or always."""
    note(ship=number)
    marker = os.environ["JOURNAL"] + ".killed"
    if os.environ.get("SHOP_ALWAYS_KILLED") == "1" or not os.path.exists(marker):
        open(marker, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    note(shipped=number)
