"""Dramatiq with dramatiq-sqs: an application (shop.py), worker processes, and what happened on the queue."""

import importlib
import sys

import pytest


@pytest.fixture
def shop(name, programs, monkeypatch):
    """The application on queues of this test's own; the queue of its actors is `<name>_default`."""

    def load(**environment):
        for key, value in {**programs.environment, "SHOP_NAMESPACE": name, **environment}.items():
            monkeypatch.setenv(key, value)
        programs.environment.update(SHOP_NAMESPACE=name, **environment)
        sys.modules.pop("shop", None)
        return importlib.import_module("shop")

    return load


@pytest.fixture
def queue_name(name):
    return f"{name}_default"


@pytest.fixture
def worker(programs):
    def start():
        return programs.start(sys.executable, "-m", "dramatiq", "shop", "--processes", "1", "--threads", "4")

    return start


def test_messages_are_handled_once_each(shop, worker, programs, counts, queue_name, sqs):
    application = shop()
    for number in range(50):
        application.order.send(number)
    assert counts(queue_name) == (50, 0, 0)
    worker()
    application.broker.join("default", timeout=60)
    assert counts(queue_name) == (0, 0, 0)
    assert sorted(fact["order"] for fact in programs.journal()) == list(range(50))
    url = sqs.get_queue_url(QueueName=queue_name)["QueueUrl"]
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "shop"}


def test_a_delay_is_kept(shop, worker, programs, until, counts, queue_name):
    message = shop().order.send_with_options(args=(1,), delay=3000)
    worker()
    (fact,) = until(programs.journal, "the actor did not run")
    until(lambda: counts(queue_name) == (0, 0, 0))
    assert fact["time"] >= message.message_timestamp / 1000 + 3


def test_retries_come_with_a_delay(shop, worker, programs, until, counts, queue_name):
    shop().pay.send(7)
    worker()
    until(lambda: len(programs.journal()) >= 3, "no third attempt")
    until(lambda: counts(queue_name) == (0, 0, 0))
    assert [(fact["pay"], fact["attempt"]) for fact in programs.journal()] == [(7, 0), (7, 1), (7, 2)]


def test_dramatiqs_own_dead_letter_queue(shop, worker, programs, until, counts, queue_name):
    shop(SHOP_DEAD_LETTER="1").refund.send(5)
    worker()
    until(lambda: counts(f"{queue_name}_dlq") == (1, 0, 0), "no dead letter")
    until(lambda: counts(queue_name) == (0, 0, 0))
    assert [fact["refund"] for fact in programs.journal()] == [5, 5]


def test_a_killed_worker_loses_nothing(shop, worker, programs, until, counts, queue_name):
    shop(SHOP_VISIBILITY_TIMEOUT="5").ship.send(9)
    assert worker().wait(60) != 0
    assert sum(counts(queue_name)) == 1
    worker()
    until(lambda: "shipped" in programs.journal()[-1], "the message did not come again")
    until(lambda: counts(queue_name) == (0, 0, 0))
    assert [fact["ship"] for fact in programs.journal() if "ship" in fact] == [9, 9]


def test_a_message_that_kills_workers_becomes_a_dead_letter(
    shop, worker, programs, until, counts, queue_name, dead_letter_queue
):
    dead = dead_letter_queue(queue_name, visibility_timeout=3)
    shop(SHOP_VISIBILITY_TIMEOUT="3", SHOP_ALWAYS_KILLED="1").ship.send(9)
    assert worker().wait(60) != 0
    assert worker().wait(60) != 0
    worker()  # receives nothing, but its polls move the message
    until(lambda: counts(dead) == (1, 0, 0), "no dead letter")
    assert counts(queue_name) == (0, 0, 0)
    assert [fact["ship"] for fact in programs.journal()] == [9, 9]


def test_a_stopped_worker_gives_back_what_it_has_not_begun(shop, worker, programs, until, counts, queue_name):
    application = shop(SHOP_VISIBILITY_TIMEOUT="3600")
    for number in range(30):
        application.hold.send(number)
    process = worker()
    until(lambda: len(programs.journal()) >= 4 and counts(queue_name)[1] > 4, "the worker did not receive ahead")
    process.terminate()
    until(lambda: "Shutting down" in programs.logs(), "the worker was not told to stop")
    programs.release()
    assert process.wait(60) == 0
    finished = [fact["released"] for fact in programs.journal() if "released" in fact]
    assert 4 <= len(finished) < 30
    assert counts(queue_name) == (30 - len(finished), 0, 0)
