"""What the Python suites share: the client under test, and queues with names that no other test uses."""

import asyncio
import os
import threading
import uuid

import pytest

ENDPOINT = os.environ.get("SLUICE_ENDPOINT", "http://127.0.0.1:9324")
FLAVOUR = os.environ.get("SLUICE_PYTHON_FLAVOUR", "boto3")
REGION = os.environ.get("AWS_REGION", "us-east-1")


class Blocking:
    """An aiobotocore client with boto3's blocking calls, so that both tell the same story."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="aiobotocore", daemon=True).start()
        self._client = self._run(self._open())

    async def _open(self):
        from aiobotocore.session import get_session

        self._context = get_session().create_client("sqs", region_name=REGION, endpoint_url=ENDPOINT)
        return await self._context.__aenter__()

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=60)

    def close(self):
        self._run(self._context.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)

    def __getattr__(self, name):
        if name == "exceptions":
            return self._client.exceptions
        call = getattr(self._client, name)
        return lambda **arguments: self._run(call(**arguments))


@pytest.fixture(scope="session")
def sqs():
    if FLAVOUR == "aiobotocore":
        client = Blocking()
        yield client
        client.close()
    else:
        import boto3

        yield boto3.client("sqs", region_name=REGION, endpoint_url=ENDPOINT)


@pytest.fixture
def name(request):
    """A queue name of this test's own."""
    return f"{request.node.name[:40].replace('[', '-').replace(']', '')}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def queue(sqs, name):
    """The URL of a fresh queue."""
    return sqs.create_queue(QueueName=name)["QueueUrl"]


@pytest.fixture
def refused():
    """Expects a refusal: its legacy code, and where the service has one, its exception type and its HTTP status."""
    from botocore.exceptions import ClientError

    class Refused:
        def __init__(self, code, exception=None, status=400):
            self.code, self.exception, self.status = code, exception, status

        def __enter__(self):
            return self

        def __exit__(self, kind, error, trace):
            assert error is not None, f"expected {self.code}, but the call succeeded"
            if not isinstance(error, ClientError):
                return False
            assert error.response["Error"]["Code"] == self.code, error
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == self.status, error
            assert error.response["Error"]["Message"], "an error without a message"
            if self.exception is not None:
                assert isinstance(error, self.exception), f"{type(error)} is not {self.exception}"
            self.error = error
            return True

    return Refused
