"""What hostile and slow clients do. Each runs in a process of its own until it is told to end, and reports what it saw."""

import json
import select
import socket
import struct
import time
from collections import Counter

from server import Client, Root, connect, head, request_bytes, signed

MIB = 1 << 20
PATIENCE_SECONDS = 40  # of clients who are slower than a time limit: the server has closed them by then
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 3, 4, 6, 8
ACK = END_STREAM = 1
END_HEADERS = 4
answered = None  # counts answers for whoever watches the attack


def answer_of(connection):
    """Status and error code of the next answer, or how the connection ended."""
    received = b""
    try:
        while b"\r\n\r\n" not in received:
            chunk = connection.recv(65536)
            if not chunk:
                return "closed"
            received += chunk
    except TimeoutError:
        return "nothing"
    except OSError:
        return "reset"
    if answered is not None:
        answered.value += 1
    head = received.split(b"\r\n\r\n")[0].decode("latin-1")
    status = head.split(" ")[1]
    code = [line.split(":")[1].split(";")[0].strip() for line in head.split("\r\n") if line.lower().startswith("x-amzn-query-error")]
    return " ".join([status, *code])


def opened(address, count, payload=b"", receive_buffer=None):
    """Connections that have sent `payload`; those that the server does not want are left out."""
    connections = []
    for number in range(count):
        try:
            connection = connect(address, source=number, receive_buffer=receive_buffer)
            connection.sendall(payload)
            connections.append(connection)
        except OSError:
            pass
    return connections


def drip(connections, piece, stop):
    """A piece a second on each connection, until the server has closed all of them, or for long after they are told to end."""
    open_ones, patience = list(connections), PATIENCE_SECONDS
    while open_ones and patience > 0:
        for connection in list(open_ones):
            try:
                connection.sendall(piece)
            except OSError:
                open_ones.remove(connection)
        patience -= stop.is_set()
        time.sleep(1)
    return len(open_ones)


def ended(connections):
    """How many of them the server has closed or answered."""
    ready = 0
    for connection in connections:
        poll = select.poll()
        poll.register(connection, select.POLLIN | select.POLLHUP)
        ready += bool(poll.poll(0))
    return ready


def silent(address, stop, count):
    """Connections that send nothing."""
    connections = opened(address, count)
    stop.wait()
    return {"opened": len(connections), "ended": ended(connections)}


def slow_heads(address, stop, count):
    """A byte of the request head each second."""
    connections = opened(address, count, b"POST / HTTP/1.1\r\nX-Slow: ")
    return {"opened": len(connections), "still open": drip(connections, b"x", stop)}


def slow_bodies(address, stop, count):
    """A byte of the request body each second."""
    connections = opened(address, count, request_bytes("SendMessage", length=MIB))
    return {"opened": len(connections), "still open": drip(connections, b"x", stop)}


def endless_headers(address, stop, count):
    """Header lines without an end."""
    lines = b"X-Header: " + b"y" * 1000 + b"\r\n"
    answers = Counter()
    while not stop.is_set():
        connections = opened(address, count, b"GET / HTTP/1.1\r\n" + lines * 70)
        for connection in connections:
            try:
                connection.sendall(lines * 30)
                answers[answer_of(connection)] += 1
            except OSError:
                answers["reset"] += 1
            connection.close()
    return dict(answers)


def long_heads(address, stop, count):
    """Heads of 78 KiB that lack their last line."""
    connections = opened(address, count, b"GET / HTTP/1.1\r\nX-Long: " + b"y" * (78 * 1024))
    stop.wait()
    return {"opened": len(connections), "ended": ended(connections)}


def large_bodies(address, stop, count):
    """Bodies of 8 MiB that lack their last byte."""
    piece = request_bytes("SendMessage", length=8 * MIB) + b"x" * (8 * MIB - 1)
    connections = opened(address, count, piece)
    stop.wait()
    answers = Counter(answer_of(connection) for connection in connections if ended([connection]))
    return {"opened": len(connections), "answers": dict(answers)}


def vanishing_senders(address, stop, count):
    """Sends of 1 MiB whose client is gone before the answer."""
    client = Client(address)
    queue = client.queue("vanishing", MessageRetentionPeriod="60")
    payload = request_bytes("SendMessage", {"QueueUrl": queue, "MessageBody": "x" * (MIB - 1)})
    sent = 0
    while not stop.is_set():
        for connection in opened(address, count, payload):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
            sent += 1
    return {"sent": sent}


def unread_answers(address, stop, count):
    """Receives of 10 MiB whose answer is never read."""
    client = Client(address)
    queue = client.queue("unread", VisibilityTimeout="0")
    for _ in range(10):
        client.call("SendMessage", QueueUrl=queue, MessageBody="x" * (MIB - 1))
    payload = request_bytes("ReceiveMessage", {"QueueUrl": queue, "MaxNumberOfMessages": 10})
    opened_count = 0
    while not stop.is_set():
        connections = opened(address, count, payload, receive_buffer=4096)
        opened_count += len(connections)
        stop.wait(3)
    return {"opened": opened_count}


def pipelined(address, stop, count):
    """Requests without end on each connection, and no answer is read."""
    payload = request_bytes("ListQueues") * 1000
    connections = opened(address, count, receive_buffer=4096)
    written = 0
    for connection in connections:
        connection.settimeout(0.1)
    while not stop.is_set():
        for connection in connections:
            try:
                written += connection.send(payload)
            except OSError:
                pass
    return {"bytes": written}


def again_and_again(address, stop, count, *payloads):
    """Requests from many connections, the next on each as soon as the one before is answered, whatever the answer."""
    poller, connections, answers = select.epoll(), {}, Counter()
    for number in range(count):
        payload = payloads[number % len(payloads)]
        for connection in opened(address, 1, payload):
            connections[connection.fileno()] = connection, payload
            poller.register(connection, select.EPOLLIN)
    while not stop.is_set() and connections:
        for number, _ in poller.poll(1):
            connection, payload = connections[number]
            answers[answer_of(connection)] += 1
            try:
                connection.sendall(payload)
            except OSError:
                poller.unregister(number)
                del connections[number]
    return dict(answers)


def flood(address, stop, count):
    """Small sends to one queue from many connections, as fast as they are answered; refusals are sent again at once."""
    queue = Client(address).queue("flooded")
    payload = request_bytes("SendMessage", {"QueueUrl": queue, "MessageBody": "x" * 1000})
    return again_and_again(address, stop, count, payload)


def bad_signatures(address, stop, count):
    """Sends whose signatures are not good: of a key that nobody has, and of one that somebody has, small and large."""
    payloads = []
    for key_id, size in [("AKIASLUICENOBODYS000", 1_000), (Root.KEY_ID, 1_000), (Root.KEY_ID, 100_000)]:
        body = json.dumps({"QueueUrl": "http://localhost/000000000000/q", "MessageBody": "x" * size}).encode()
        headers = signed((key_id, "a guess"), head("SendMessage", *address), body) | {"Content-Length": str(len(body))}
        lines = ["POST / HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        payloads.append("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    return again_and_again(address, stop, count, *payloads)


def large_batches(address, stop, count):
    """Batches of ten messages with 1 MiB together, from many connections."""
    queue = Client(address).queue("batches", MessageRetentionPeriod="60")
    entries = [{"Id": str(number), "MessageBody": "x" * 104_000} for number in range(10)]
    payload = request_bytes("SendMessageBatch", {"QueueUrl": queue, "Entries": entries})
    answers = Counter()
    while not stop.is_set():
        connections = opened(address, count, payload)
        for connection in connections:
            answers[answer_of(connection)] += 1
            connection.close()
    return dict(answers)


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def header_block(operation, length, *more):
    """HPACK without any compression."""
    fields = [(":method", "POST"), (":scheme", "http"), (":authority", "localhost"), (":path", "/")]
    fields += [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", f"AmazonSQS.{operation}")]
    fields += [("content-length", str(length)), *more]

    def text(value):
        size = len(value)
        prefix = bytes([size]) if size < 127 else bytes([127]) + varint(size - 127)
        return prefix + value.encode()

    return b"".join(b"\0" + text(name) + text(value) for name, value in fields)


def varint(value):
    out = b""
    while value >= 128:
        out += bytes([value % 128 + 128])
        value //= 128
    return out + bytes([value])


def http2(address, number, window=None):
    settings = b"" if window is None else struct.pack(">HI", 4, window)
    connection = connect(address, source=number)
    connection.sendall(PREFACE + frame(SETTINGS, 0, 0, settings) + frame(SETTINGS, ACK, 0))
    return connection


def call_frames(stream, operation, members, *more):
    body = json.dumps(members).encode()
    head = frame(HEADERS, END_HEADERS, stream, header_block(operation, len(body), *more))
    return head + frame(DATA, END_STREAM, stream, body)


def rapid_reset(address, stop, count):
    """HTTP/2 streams that are opened and reset at once."""
    streams, cut = 0, 0
    while not stop.is_set():
        for number in range(count):
            try:
                connection = http2(address, number)
                connection.settimeout(0.5)
                for batch in range(20):
                    pieces = b""
                    for stream in range(batch * 200 + 1, batch * 200 + 201, 2):
                        pieces += call_frames(stream, "ListQueues", {}) + frame(RST_STREAM, 0, stream, struct.pack(">I", 8))
                    connection.sendall(pieces)
                    streams += 100
            except OSError:
                cut += 1
            connection.close()
    return {"streams": streams, "cut off": cut}


def many_streams(address, stop, count):
    """HTTP/2 connections with as many long polls as they may have, and large headers."""
    queue = Client(address).queue("streams")
    connections = []
    for number in range(count):
        connection = http2(address, number)
        poll = {"QueueUrl": queue, "WaitTimeSeconds": 20}
        try:
            for stream in range(1, 513, 2):
                connection.sendall(call_frames(stream, "ReceiveMessage", poll, ("x-large", "y" * 15_000)))
        except OSError:
            pass
        connections.append(connection)
    stop.wait()
    return {"opened": len(connections)}


def no_window(address, stop, count):
    """HTTP/2 clients that ask for 10 MiB and give no window to send it in, but answer and ping."""
    client = Client(address)
    queue = client.queue("windowless", VisibilityTimeout="0")
    for _ in range(10):
        client.call("SendMessage", QueueUrl=queue, MessageBody="x" * (MIB - 1))
    connections = []
    receive = {"QueueUrl": queue, "MaxNumberOfMessages": 10}
    for number in range(count):
        try:
            connection = http2(address, number, window=0)
            for stream in (1, 3):
                connection.sendall(call_frames(stream, "ReceiveMessage", receive))
            connections.append(connection)
        except OSError:
            pass
    while not stop.is_set():
        for connection in connections:
            try:
                connection.sendall(frame(PING, 0, 0, b"12345678"))
            except OSError:
                pass
        stop.wait(1)
    return {"opened": len(connections)}


def metrics_flood(address, stop, count):
    """Looks at the metrics from many connections."""
    answers = Counter()
    while not stop.is_set():
        connections = opened(address, count, b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        for connection in connections:
            answers[answer_of(connection)] += 1
            connection.close()
    return dict(answers)


def abandoned_polls(address, stop, count):
    """Long polls that go away, again and again."""
    queue = Client(address).queue("abandoned")
    polls = 0
    while not stop.is_set():
        connections = opened(address, count, request_bytes("ReceiveMessage", {"QueueUrl": queue, "WaitTimeSeconds": 20}))
        time.sleep(0.05)
        for connection in connections:
            connection.close()
        polls += len(connections)
    return {"polls": polls}
