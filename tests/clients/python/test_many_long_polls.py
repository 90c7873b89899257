"""Five hundred long polls on one server, each on a connection of its own."""

import asyncio
import json
import time

from raw import HOST, PORT, fresh_queue, ok, request_bytes

POLLS = 500
LIMIT_SECONDS = 60


async def poll(queue, wait, pending):
    reader, writer = await asyncio.open_connection(HOST, PORT)
    try:
        members = {"QueueUrl": queue, "WaitTimeSeconds": wait, "MaxNumberOfMessages": 1}
        writer.write(request_bytes("ReceiveMessage", json.dumps(members).encode()))
        await writer.drain()
        pending.append(writer)
        answer = await reader.read()
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), answer[:300]
        return json.loads(body).get("Messages", [])
    finally:
        writer.close()


async def all_pending(pending, tasks):
    while len(pending) < len(tasks):
        assert not any(task.done() and task.exception() for task in tasks), "a poll failed early"
        await asyncio.sleep(0.05)


def send_batches(queue, count):
    sent = set()
    for start in range(0, count, 10):
        entries = [{"Id": str(n), "MessageBody": f"message {start + n}"} for n in range(min(10, count - start))]
        answer = ok("SendMessageBatch", QueueUrl=queue, Entries=entries)
        sent |= {entry["MessageId"] for entry in answer["Successful"]}
    assert len(sent) == count
    return sent


def test_all_are_woken_each_with_a_message_of_its_own():
    crowded = fresh_queue("crowd")
    others = [fresh_queue(f"few-{n}") for n in range(25)]
    places = [crowded] * (POLLS // 2) + others * (POLLS // 2 // len(others))

    async def scene():
        pending = []
        tasks = [asyncio.create_task(poll(queue, 20, pending)) for queue in places]
        await all_pending(pending, tasks)
        loop = asyncio.get_running_loop()
        sent = await loop.run_in_executor(None, send_batches, crowded, POLLS // 2)
        for queue in others:
            sent |= await loop.run_in_executor(None, send_batches, queue, POLLS // 2 // len(others))
        return sent, await asyncio.wait_for(asyncio.gather(*tasks), LIMIT_SECONDS)

    sent, answers = asyncio.run(scene())
    received = [message["MessageId"] for messages in answers for message in messages]
    assert len(received) == len(set(received)) == POLLS
    assert set(received) == sent


def test_all_end_empty():
    queue = fresh_queue("deserted")

    async def scene():
        return await asyncio.wait_for(asyncio.gather(*(poll(queue, 1, []) for _ in range(POLLS))), LIMIT_SECONDS)

    assert asyncio.run(scene()) == [[]] * POLLS


def test_a_poll_whose_client_is_gone_takes_no_message():
    queue = fresh_queue("ghosts")

    async def scene():
        pending = []
        tasks = [asyncio.create_task(poll(queue, 20, pending)) for _ in range(50)]
        await all_pending(pending, tasks)
        await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(scene())
    time.sleep(0.5)  # the server has to hear of it
    sent = ok("SendMessage", QueueUrl=queue, MessageBody="for the living")
    (message,) = ok("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert message["MessageId"] == sent["MessageId"]
