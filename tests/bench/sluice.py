"""Starts servers and runs `sluice bench` against them."""

import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SLUICE = str(pathlib.Path(__file__).parents[2] / "target/release/sluice")
START_TIMEOUT_SECS = 120
# 10,000 long polls, and whoever wakes them.
CONNECTIONS = ["--http-connections-max", "20000"]


def tell(text):
    print(text, file=sys.stderr, flush=True)


class Process:
    """A process that writes its address to a file once it is ready."""

    def __init__(self, command, directory):
        self.port_file = pathlib.Path(directory) / "port"
        self.port_file.unlink(missing_ok=True)
        self.log = open(pathlib.Path(directory) / "log", "ab")
        self.started = time.monotonic()
        command = [*command, "--listen", "127.0.0.1:0", "--port-file", str(self.port_file)]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        self.pid = self.process.pid
        self.url = "http://" + self.wait_until_ready()

    def wait_until_ready(self):
        while time.monotonic() < self.started + START_TIMEOUT_SECS:
            if self.port_file.exists():
                return self.port_file.read_text().strip()
            if self.process.poll() is not None:
                break
            time.sleep(0.005)
        self.stop()
        raise SystemExit(f"the server does not start: {pathlib.Path(self.log.name).read_text()}")

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait()
        self.log.close()


class Server:
    """A Sluice binary with a data directory of its own, both gone afterwards. Anybody may do anything, unless flags say who."""

    def __init__(self, binary, data_root=None, mode="serve", flags=(), auth=("--auth=false",)):
        self.directory = tempfile.mkdtemp(prefix="sluice-bench-", dir=data_root)
        self.binary = binary
        self.command = [binary, mode, *auth, "--data", self.directory + "/data", *CONNECTIONS, *flags]
        self.process = None

    def start(self):
        self.process = Process(self.command, self.directory)
        return self.process

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_exception):
        self.process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def url(self):
        return self.process.url

    @property
    def pid(self):
        return self.process.pid


def bench_command(flags, url, pid=None):
    command = [SLUICE, "bench", "run", "--endpoint", url, "--output", "json", *flags]
    return command + (["--server-pid", str(pid)] if pid else [])


def bench(flags, url, pid=None, environment=None):
    """The report of a run, in an environment that says whose it is. A run in which nothing worked is a report, too."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    output = subprocess.run(bench_command(flags, url, pid), env=environment, text=True, **pipes)
    return parsed(output.stdout, output.stderr)


def engine_floor(flags, data_root=None):
    """The report of the queues without HTTP before them."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-", dir=data_root) as directory:
        command = [SLUICE, "bench", "floor", "engine", "--data", directory + "/data", "--output", "json", *flags]
        output = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return parsed(output.stdout, output.stderr)


def parsed(stdout, stderr):
    try:
        return json.loads(stdout)
    except json.JSONDecodeError:
        raise SystemExit(stderr) from None
