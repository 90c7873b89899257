"""Celery with its SQS transport: an application (shop.py), worker processes, and what happened on the queue."""

import importlib
import sys
import time
from pathlib import Path

import pytest


@pytest.fixture
def shop(name, programs, monkeypatch):
    """The application on this test's own queue."""

    def load(**environment):
        for key, value in {**programs.environment, "SHOP_QUEUE": name, **environment}.items():
            monkeypatch.setenv(key, value)
        programs.environment.update(SHOP_QUEUE=name, **environment)
        sys.modules.pop("shop", None)
        return importlib.import_module("shop")

    return load


@pytest.fixture
def worker(programs):
    celery = str(Path(sys.executable).with_name("celery"))

    def start(*arguments, concurrency=2):
        options = ["--loglevel", "INFO", "--concurrency", str(concurrency)]
        return programs.start(celery, "-A", "shop", "worker", *options, *arguments)

    return start


def test_tasks_run_once_each_and_leave_an_empty_queue(shop, worker, programs, until, counts, name):
    order = shop().order
    for number in range(50):
        order.delay(number)
    assert counts(name) == (50, 0, 0)
    worker()
    until(lambda: len(programs.journal()) >= 50, "not all tasks ran")
    until(lambda: counts(name) == (0, 0, 0), "the queue did not become empty")
    assert sorted(fact["order"] for fact in programs.journal()) == list(range(50))


@pytest.mark.parametrize("option", ["countdown", "DelaySeconds"])  # kept by the worker, and by the queue
def test_a_delay_is_kept(shop, worker, programs, until, counts, name, option):
    order = shop().order
    worker()
    order.delay(0)
    until(programs.journal, "the worker did not begin")
    due = time.time() + 3
    order.apply_async((1,), **{option: 3})
    until(lambda: len(programs.journal()) >= 2, "the task did not run")
    until(lambda: counts(name) == (0, 0, 0))
    (_, fact) = programs.journal()
    assert fact["time"] >= due


def test_retries_are_new_messages(shop, worker, programs, until, counts, name):
    shop().pay.delay(7)
    worker()
    until(lambda: len(programs.journal()) >= 3, "no third attempt")
    until(lambda: counts(name) == (0, 0, 0))
    assert [(fact["pay"], fact["attempt"]) for fact in programs.journal()] == [(7, 0), (7, 1), (7, 2)]


def test_late_acknowledgement_survives_a_killed_worker(shop, worker, programs, until, counts, name):
    shop(SHOP_VISIBILITY_TIMEOUT="5").ship.delay(9)
    assert worker().wait(60) == -9
    assert counts(name)[2] == 0 and sum(counts(name)) == 1
    worker()
    until(lambda: {"shipped": 9}.items() <= programs.journal()[-1].items(), "the message did not come again")
    until(lambda: counts(name) == (0, 0, 0))
    assert [fact["ship"] for fact in programs.journal() if "ship" in fact] == [9, 9]


def test_a_fifo_queue_keeps_order_within_groups(shop, worker, programs, until, counts, name):
    fifo = f"{name}.fifo"
    order = shop().order
    for number in range(12):
        order.apply_async((number,), queue=fifo, MessageGroupId=f"customer-{number % 3}")
    worker("--queues", fifo, concurrency=1)
    until(lambda: len(programs.journal()) >= 12, "not all tasks ran")
    until(lambda: counts(fifo) == (0, 0, 0))
    numbers = [fact["order"] for fact in programs.journal()]
    for customer in range(3):
        assert [number for number in numbers if number % 3 == customer] == list(range(customer, 12, 3))


def test_a_task_that_always_fails_becomes_a_dead_letter(shop, worker, programs, until, counts, name, dead_letter_queue):
    dead = dead_letter_queue(name, visibility_timeout=1)
    shop().refund.delay(5)
    worker()
    until(lambda: counts(dead) == (1, 0, 0), "no dead letter")
    assert counts(name) == (0, 0, 0)
    assert [fact["refund"] for fact in programs.journal()] == [5, 5]


def test_purge(shop, programs, counts, name):
    order = shop().order
    for number in range(5):
        order.delay(number)
    celery = str(Path(sys.executable).with_name("celery"))
    assert programs.start(celery, "-A", "shop", "purge", "--force").wait(60) == 0
    assert "Purged" in programs.logs()  # the number is kombu's: it adds up what it sees in ten looks
    assert counts(name) == (0, 0, 0)
