"""A server whose master key another one decrypts, as KMS: over TLS, with signatures that are verified. Needs `tls-python`."""

import base64
import os
import subprocess
import time

import boto3
import pytest

BINARY = os.environ.get("SLUICE_BINARY", "sluice")
ENDPOINT = os.environ["SLUICE_ENDPOINT"]
START_SECONDS = 30
REFUSED = 4


@pytest.fixture
def kms():
    return boto3.client("kms", region_name="us-east-1", endpoint_url=ENDPOINT)


@pytest.fixture
def flags(kms, tmp_path):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    made = kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256")["CiphertextBlob"]
    file = tmp_path / "master.key"
    file.write_bytes(base64.b64encode(made))
    return ["--master-key-file", file, "--master-key-kms-endpoint", ENDPOINT]


def started(flags, directory, **environment):
    """A server that starts: its log, and how it ended, or None if it runs and is stopped."""
    port_file, log = directory / "address", directory / "log"
    command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--data", directory / "data", "--port-file", port_file, *flags]
    with open(log, "wb") as to:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=to, stderr=to, env={**os.environ, **environment})
    deadline = time.monotonic() + START_SECONDS
    while not port_file.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    code = process.poll()
    if code is None:
        process.terminate()
        assert process.wait(START_SECONDS) == 0
    return log.read_text(), code


def test_a_signed_request_over_tls_has_it_decrypted(flags, tmp_path):
    log, code = started([*flags, "--master-key-kms-ca-file", os.environ["AWS_CA_BUNDLE"]], tmp_path)
    assert code is None and f"decrypted by {ENDPOINT}/" in log, log


def test_without_permission_there_is_no_start(flags, tmp_path):
    iam = boto3.client("iam", endpoint_url=ENDPOINT)
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    own = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    flags = [*flags, "--master-key-kms-ca-file", os.environ["AWS_CA_BUNDLE"]]
    log, code = started(flags, tmp_path, **own)
    assert code == REFUSED and "did not decrypt it: AccessDeniedException" in log, log
    log, code = started([*flags, "--master-key-kms-region", "eu-west-1"], tmp_path)
    assert code == REFUSED and "did not decrypt it: " in log, log
