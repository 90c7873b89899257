#!/usr/bin/env python3
"""Runs the client tests: unmodified SDKs against the real binary. See README.md. Python's standard library only.

Each suite is prepared (its dependencies, into the work directory), gets a server of its own, runs, and is judged by its exit code,
by the server's log and by how the server leaves.
"""

import argparse
import base64
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "third_party"
ROOT = HERE.parent.parent
PREPARE_SECONDS = 1200
SUITE_SECONDS = 300
START_SECONDS = 30
STOP_SECONDS = 30
TAIL_LINES = 150
LOG_IS_BAD = re.compile(r'\bERROR\b|"level":\s*"error"|panicked at')


class NotRun(Exception):
    """A suite cannot run here; the text says why."""


def progress(suite, text):
    print(f"  {suite}: {text}", flush=True)


# --- Tools and dependencies ---------------------------------------------------------------------------------------------------------


def need(suite, tool, packages=(), advice=None):
    """Finds a tool; tries apt if we are root on a system that has it."""
    found = shutil.which(tool)
    if found:
        return found
    if packages and os.geteuid() == 0 and shutil.which("apt-get"):
        progress(suite, f"installing {' '.join(packages)} for {tool}")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
        for step in (["apt-get", "update", "-qq"], command):
            subprocess.run(step, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        found = shutil.which(tool)
    if not found:
        raise NotRun(advice or f"{tool} is not installed")
    return found


def checked(suite, command, **more):
    """Runs a preparation step; shows its output only if it fails."""
    result = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PREPARE_SECONDS, **more
    )
    if result.returncode != 0:
        print(tail(result.stdout))
        raise NotRun(f"preparation failed: {' '.join(map(str, command[:4]))} …")


def tail(text):
    lines = text.rstrip().splitlines()
    return "\n".join(lines[-TAIL_LINES:])


def prepared(directory, pins):
    """Whether `directory` was prepared from exactly these pin files; if not, it is emptied. Call `seal` when done."""
    digest = hashlib.sha256()
    for pin in pins:
        digest.update(pin.name.encode() + b"\0" + pin.read_bytes() + b"\0")
    digest.update(sys.version.encode())
    stamp = directory / "prepared.stamp"
    if stamp.is_file() and stamp.read_text() == digest.hexdigest():
        return True, None
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return False, lambda: stamp.write_text(digest.hexdigest())


def venv(suite, work, pins):
    """A virtual environment with exactly the pinned packages; gives its bin directory."""
    directory = work / f"venv-{pins.parent.name if pins.stem == 'requirements' else pins.stem}"
    ready, seal = prepared(directory, [pins])
    if not ready:
        progress(suite, f"creating a virtual environment from {pins.name}")
        checked(suite, [sys.executable, "-m", "venv", directory])
        pip = [directory / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        checked(suite, [*pip, "--requirement", pins])
        seal()
    return directory / "bin"


# --- The suites: each prepares itself and gives (command, directory, more environment) -------------------------------------------


def python_suite(pins, files, flavour="boto3", **environment):
    def prepare(suite, work):
        binaries = venv(suite, work, HERE / "python" / "requirements" / pins)
        command = [binaries / "python", "-m", "pytest", *files]
        return command, HERE / "python", {"SLUICE_PYTHON_FLAVOUR": flavour, **environment}

    return prepare


def aws_cli_suite(file):
    def prepare(suite, work):
        binaries = venv(suite, work, HERE / "python" / "requirements" / "awscli.txt")
        environment = {"SLUICE_PYTHON_FLAVOUR": "aws-cli", "AWS_CLI": str(binaries / "aws")}
        return [binaries / "python", "-m", "pytest", file], HERE / "python", environment

    return prepare


def python_program(directory):
    """A Python program of `third_party`, with the tests next to it."""

    def prepare(suite, work):
        binaries = venv(suite, work, PROGRAMS / directory / "requirements.txt")
        return [binaries / "python", "-m", "pytest"], PROGRAMS / directory, {}

    return prepare


def javascript_suite(source, test):
    def prepare(suite, work):
        need(suite, "node", ["nodejs"])
        npm = need(suite, "npm", ["npm"])
        directory = work / source.name
        names = ["package.json", "package-lock.json", ".npmrc"]
        ready, seal = prepared(directory, [source / name for name in names])
        if not ready:
            progress(suite, "npm ci")
            for name in names:
                shutil.copy(source / name, directory)
            checked(suite, [npm, "ci"], cwd=directory)
            seal()
        shutil.copy(source / test, directory)
        return [npm, "test", "--silent", "--", test], directory, {"NODE_OPTIONS": "--no-warnings"}

    return prepare


def rust_suite(test):
    def prepare(suite, work):
        cargo = need(suite, "cargo", advice="cargo is not installed; see rustup.rs")
        environment = {"CARGO_TARGET_DIR": str(work / "rust"), "RUST_BACKTRACE": "0"}
        progress(suite, "cargo build (the first time takes a minute or two)")
        command = [cargo, "test", "--quiet", "--locked"]
        checked(suite, [*command, "--no-run"], cwd=HERE / "rust", env={**os.environ, **environment})
        return [*command, "--test", test], HERE / "rust", environment

    return prepare


def java_suite(source, test="*Test"):
    def prepare(suite, work):
        need(suite, "javac", ["openjdk-17-jdk-headless"])
        maven = need(suite, "mvn", ["maven"])
        directory = work / suite.removeprefix("tls-")
        ready, seal = prepared(directory, [source / "pom.xml"])
        arguments = ["-q", "-B", "-ntp", "-Dstyle.color=never", f"-Dclient-test.directory={directory / 'target'}"]
        if not ready:
            progress(suite, "downloading with maven")
            checked(suite, [maven, *arguments, "test-compile"], cwd=source)
            seal()
        # Not offline: what surefire loads is known only when it has tests to run, and downloaded then, once.
        return [maven, *arguments, f"-Dtest={test}", "test"], source, {}

    return prepare


def go_suite(source, building, tests="Test"):
    def prepare(suite, work):
        advice = "go is not installed; unpack a release from go.dev/dl to /usr/local and put /usr/local/go/bin on the PATH"
        go = need(suite, "go", advice=advice)
        environment = {"GOFLAGS": "-mod=readonly -buildvcs=false"}
        name = suite.removeprefix("tls-")
        program = work / name / f"{name}.test"
        program.parent.mkdir(parents=True, exist_ok=True)
        progress(suite, f"go build (the first time takes {building})")
        checked(suite, [go, "test", "-c", "-o", program], cwd=source, env={**os.environ, **environment})
        return [program, "-test.timeout=240s", f"-test.run={tests}"], source, environment

    return prepare


SUITES = {
    "python": python_suite("current.txt", ["test_life_cycle.py"]),
    "python-query": python_suite("query.txt", ["test_life_cycle.py"]),
    "python-aiobotocore": python_suite("aiobotocore.txt", ["test_life_cycle.py"], "aiobotocore"),
    "aws-cli": aws_cli_suite("test_aws_cli.py"),
    "javascript": javascript_suite(HERE / "javascript", "life_cycle.test.js"),
    "rust": rust_suite("life_cycle"),
    "java": java_suite(HERE / "java", "LifeCycleTest"),
    "go": go_suite(HERE / "go", "half a minute", "^Test[0-9]"),
    "identities": python_suite("current.txt", ["test_identities.py"]),
    "keys": python_suite("current.txt", ["test_keys.py"]),
    "audit": python_suite("current.txt", ["test_audit.py"]),
    "http": python_suite("current.txt", ["test_http.py", "test_hostile_input.py", "test_many_long_polls.py"]),
    "server": python_suite("current.txt", ["test_server.py"]),
    "sluice-cli": python_suite("current.txt", ["test_sluice_cli.py"]),
    "virtual-clock": python_suite("current.txt", ["test_virtual_clock.py"]),
    "sessions": python_suite("current.txt", ["test_sessions.py"]),
    "signatures": python_suite("current.txt", ["test_signatures.py"]),
    "tls-python": python_suite("current.txt", ["test_tls.py", "test_signatures.py", "test_master_key.py"]),
    "tls-aws-cli": aws_cli_suite("test_tls.py"),
    "tls-javascript": javascript_suite(HERE / "javascript", "tls.test.js"),
    "tls-rust": rust_suite("tls"),
    "tls-java": java_suite(HERE / "java", "TlsTest"),
    "tls-go": go_suite(HERE / "go", "half a minute", "^TestTLS"),
    "celery": python_program("celery"),
    "dramatiq": python_program("dramatiq"),
    "resources": python_program("resources"),
    "extended-client": python_program("extended_client"),
    "sqs-consumer": javascript_suite(PROGRAMS / "sqs_consumer", "sqs_consumer.test.js"),
    "java-libraries": java_suite(PROGRAMS / "java"),
    "spring": java_suite(PROGRAMS / "spring"),
    "go-cloud": go_suite(PROGRAMS / "go_cloud", "a minute"),
}
# Their servers speak TLS, and callers.py makes the callers.
TLS = {suite for suite in SUITES if suite.startswith("tls-")}
# These are about this server, not about the API: they cannot run against an endpoint that somebody else started.
OWN_BINARY_ONLY = {"server", "sluice-cli", "virtual-clock", "sessions", *TLS}
# These send what no SDK would, so that their servers take any credentials. All others have to sign correctly.
UNSIGNED = {"http", "server", "virtual-clock"}
# These ask for what was recorded.
AUDITED = {"audit", "aws-cli"}
ACCESS_KEY_ID, SECRET_ACCESS_KEY = "AKIASLUICECLIENTTEST", "not+so/secret=" * 3
# What a suite's server is told besides where to listen and where its data is.
SERVER_FLAGS = {
    "virtual-clock": ["--clock", "virtual", "--queues", HERE / "python" / "declared.yaml"],
    "sessions": ["--clock", "virtual"],
}


# --- The server -------------------------------------------------------------------------------------------------------------------


class Server:
    """One `sluice dev` or `sluice serve`, from its port file to the judgement of its log and its exit code."""

    def __init__(self, binary, directory, flags=(), mode="dev"):
        self.log = directory / "server.log"
        port_file = directory / "address"
        command = [binary, mode, "--listen", "127.0.0.1:0", "--data", directory / "data", "--port-file", port_file, *flags]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not (port_file.is_file() and port_file.read_text().strip()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError("the server did not start:\n" + tail(self.read_log()))
            time.sleep(0.02)
        scheme = "https" if "--tls-certificate-file" in flags else "http"
        self.endpoint = f"{scheme}://{port_file.read_text().strip()}"

    def read_log(self):
        return self.log.read_text(errors="replace")

    def stop(self):
        """Stops it and lists what was wrong with it."""
        wrong = []
        if self.process.poll() is not None:
            wrong.append(f"the server was gone, exit code {self.process.returncode}")
        else:
            self.process.send_signal(signal.SIGTERM)
            try:
                code = self.process.wait(STOP_SECONDS)
                if code != 0:
                    wrong.append(f"the server left with exit code {code} after SIGTERM")
            except subprocess.TimeoutExpired:
                wrong.append(f"the server was still there {STOP_SECONDS} s after SIGTERM")
                self.process.kill()
                self.process.wait()
        wrong += [f"in the server's log: {line}" for line in self.read_log().splitlines() if LOG_IS_BAD.search(line)][:10]
        return wrong


# --- Running ----------------------------------------------------------------------------------------------------------------------


def verified(directory):
    """Flags of a server that lets in only who signs with the key of the tests."""
    credentials = directory / "credentials"
    credentials.write_text(f"aws_access_key_id = {ACCESS_KEY_ID}\naws_secret_access_key = {SECRET_ACCESS_KEY}\n")
    credentials.chmod(0o600)
    return ["--auth", "--root-credentials-file", credentials]


def encrypted(directory):
    """Flags of a server that encrypts, which `serve` has to do where it is to have KMS keys."""
    key = directory / "master.key"
    key.write_bytes(base64.b64encode(os.urandom(32)))
    key.chmod(0o600)
    return ["--master-key-file", key]


def certificate(binary, directory):
    """Has `dev` make a directory with a certificate for its address, and with that of an authority of its own."""
    directory.mkdir()
    wrong = Server(binary, directory, ["--tls-self-signed", directory]).stop()
    if wrong:
        raise RuntimeError("no certificate: " + "\n".join(wrong))
    return directory


def trusting(suite, authority, other):
    """The environment in which clients trust one authority, as docs/tls.md says, and find another one."""
    environment = {name: str(authority) for name in ("AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE")}
    environment["SLUICE_OTHER_AUTHORITY"] = str(other)
    if suite == "tls-java":
        store = authority.with_suffix(".jks")
        told = ["-noprompt", "-storetype", "JKS", "-storepass", "changeit", "-file", authority, "-keystore", store]
        checked(suite, ["keytool", "-importcert", *told])
        environment["JAVA_TOOL_OPTIONS"] = f"-Djavax.net.ssl.trustStore={store}"
    return environment


def run_suite(suite, options, work):
    """Gives (passed, output) of one suite."""
    if suite in OWN_BINARY_ONLY and options.endpoint:
        raise NotRun("needs the sluice binary, and --endpoint was given")
    command, directory, more = SUITES[suite](suite, work)
    with tempfile.TemporaryDirectory(prefix=f"sluice-{suite}-") as scratch:
        flags = [*SERVER_FLAGS.get(suite, ()), *(() if suite in UNSIGNED else verified(Path(scratch)))]
        if suite in AUDITED:
            flags += ["--audit-directory", Path(scratch) / "audit"]
        mode = "dev"
        if suite in TLS:
            tls, other = (certificate(options.sluice, Path(scratch) / name) for name in ("tls", "other"))
            flags += ["--tls-certificate-file", tls / "certificate.pem", "--tls-key-file", tls / "key.pem"]
            flags += encrypted(Path(scratch))
            mode = "serve"
            more = {**more, **trusting(suite, tls / "ca.pem", other / "ca.pem")}
            python = venv(suite, work, HERE / "python" / "requirements" / "current.txt") / "python"
            command = [python, HERE / "python" / "callers.py", Path(scratch) / "profiles", *command]
        server = None if options.endpoint else Server(options.sluice, Path(scratch), flags, mode)
        environment = {
            **os.environ,
            "SLUICE_ENDPOINT": options.endpoint or server.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "127.0.0.1,localhost",
            "PYTHONDONTWRITEBYTECODE": "1",
            **more,
        }
        environment.pop("AWS_PROFILE", None)
        if suite in ("go", "go-cloud", *TLS):  # their clients take it from the environment, also that of STS behind a profile
            environment["AWS_ENDPOINT_URL_SQS"] = environment["AWS_ENDPOINT_URL_STS"] = environment["SLUICE_ENDPOINT"]
        if server:
            environment["SLUICE_BINARY"] = str(options.sluice)
            environment["SLUICE_SERVER_LOG"] = str(server.log)
        try:
            result = subprocess.run(
                command,
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=SUITE_SECONDS,
            )
            code, output = result.returncode, result.stdout.decode(errors="replace")
        except subprocess.TimeoutExpired as slow:
            code, output = 1, (slow.stdout or b"").decode(errors="replace") + f"\nstill running after {SUITE_SECONDS} s"
        finally:
            wrong = server.stop() if server else []
        if code != 0 and server:
            output += "\n--- end of the server's log ---\n" + "\n".join(server.read_log().splitlines()[-20:])
    return code == 0 and not wrong, "\n".join([tail(output), *wrong])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--language", action="append", choices=SUITES, metavar="SUITE", help=", ".join(SUITES))
    parser.add_argument("--sluice", type=Path, default=ROOT / "target" / "release" / "sluice", help="the binary under test")
    parser.add_argument("--endpoint", help="test a server that already runs instead")
    parser.add_argument("--work", type=Path, default=ROOT / "target" / "clients", help="where dependencies are kept")
    parser.add_argument("--strict", action="store_true", help="NOT RUN counts as failed (also with CI=true)")
    parser.add_argument("--verbose", action="store_true", help="show the output of suites that pass, too")
    options = parser.parse_args()
    options.sluice = options.sluice.resolve()
    if not options.endpoint and not options.sluice.is_file():
        parser.error(f"no binary at {options.sluice}; build it, or say --sluice or --endpoint")
    strict = options.strict or os.environ.get("CI") == "true"
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)

    rows = []
    for suite in dict.fromkeys(options.language or SUITES):
        print(f"{suite} …", flush=True)
        started = time.monotonic()
        try:
            passed, output = run_suite(suite, options, work)
            result = "passed" if passed else "FAILED"
            if not passed or options.verbose:
                print(output, flush=True)
        except NotRun as reason:
            result = f"NOT RUN: {reason}"
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            print(error, flush=True)
            result = "FAILED"
        rows.append((suite, result, time.monotonic() - started))

    print(f"\n{'suite':<20} {'seconds':>7}  result")
    for suite, result, seconds in rows:
        print(f"{suite:<20} {seconds:>7.1f}  {result}")
    passed = sum(result == "passed" for _, result, _ in rows)
    failed = sum(result == "FAILED" or (strict and result != "passed") for _, result, _ in rows)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
