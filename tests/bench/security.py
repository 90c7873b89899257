"""Servers with parts of the security on, and the user who puts load on them."""

import base64
import json
import os
import pathlib
import secrets
import subprocess

from sluice import Process, Server

# Names of targets say what is on; the others are compared with the first.
TARGETS = ["plain", "auth", "auth+tls", "auth+encryption", "auth+kms", "auth+audit"]
USER = "load"
POLICY = "AmazonSQSFullAccess"


class SecuredServer(Server):
    """With TLS, a master key (`kms` too, which has a KMS key for each queue) or an audit log of every call."""

    def __init__(self, binary, data_root, name):
        parts = name.split("+")
        super().__init__(binary, data_root, auth="auth" in parts)
        self.parts, self.of_load, self.environment = parts, [], dict(os.environ)
        directory = pathlib.Path(self.directory)
        if "auth" in parts:
            self.root = {"AWS_ACCESS_KEY_ID": "AKIASLUICEBENCHROOT0", "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30)}
            lines = "".join(f"{name.lower()} = {value}\n" for name, value in self.root.items())
            self.command += ["--root-credentials-file", private(directory / "root", lines)]
        if "tls" in parts:
            made = self.directory + "/tls"
            Process([binary, "dev", "--tls-self-signed", made], self.directory).stop()
            self.command += ["--tls-certificate-file", made + "/certificate.pem", "--tls-key-file", made + "/key.pem"]
            self.environment["AWS_CA_BUNDLE"] = made + "/ca.pem"
        if "encryption" in parts or "kms" in parts:
            key = base64.b64encode(secrets.token_bytes(32)).decode()
            self.command += ["--master-key-file", private(directory / "master.key", key)]
        if "kms" in parts:
            self.of_load = ["--queue-attribute", "KmsMasterKeyId=alias/aws/sqs"]
        if "audit" in parts:
            self.command += ["--audit-directory", self.directory + "/audit", "--audit-data-events"]

    def start(self):
        process = super().start()
        if "auth" in self.parts:
            self.environment |= self.user()
        return process

    @property
    def url(self):
        return self.process.url.replace("http:", "https:") if "tls" in self.parts else self.process.url

    def user(self):
        """The credentials of somebody who may what one managed policy says: policies are not asked about root."""
        self.run("users", "create", USER)
        self.run("policies", "attach", POLICY, "--user", USER)
        key = self.run("access-keys", "create", USER)
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def run(self, *words):
        """What a command of the binary answers to root."""
        command = [self.binary, *words, "--endpoint", self.url, "--output", "json"]
        output = subprocess.run(command, env=self.environment | self.root, stdout=subprocess.PIPE, text=True)
        if output.returncode != 0:
            raise SystemExit(f"{' '.join(words)} failed")
        return json.loads(output.stdout or "null")


def private(path, text):
    """A file that nobody else can read."""
    with open(path, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(text)
    return str(path)
