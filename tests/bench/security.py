"""Servers with parts of the security on, and the user who puts load on them."""

import os
import sys
from pathlib import Path

from sluice import Process, Server

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "crash"))

from secured import Root, master_key  # noqa: E402

# Names of targets say what is on; the others are compared with the first.
TARGETS = ["plain", "auth", "auth+tls", "auth+encryption", "auth+kms", "auth+audit"]


class SecuredServer(Server):
    """With TLS, a master key (`kms` too, which has a KMS key for each queue) or an audit log of every call."""

    def __init__(self, binary, data_root, name):
        parts = name.split("+")
        super().__init__(binary, data_root, auth=() if "auth" in parts else ("--auth=false",))
        self.parts, self.of_load, self.environment = parts, [], dict(os.environ)
        if "auth" in parts:
            self.root = Root(Path(self.directory))
            self.command += self.root.flags
        if "tls" in parts:
            made = self.directory + "/tls"
            Process([binary, "dev", "--tls-self-signed", made], self.directory).stop()
            self.command += ["--tls-certificate-file", made + "/certificate.pem", "--tls-key-file", made + "/key.pem"]
            self.environment["AWS_CA_BUNDLE"] = made + "/ca.pem"
        if "encryption" in parts or "kms" in parts:
            self.command += master_key(Path(self.directory))
        if "kms" in parts:
            self.of_load = ["--queue-attribute", "KmsMasterKeyId=alias/aws/sqs"]
        if "audit" in parts:
            self.command += ["--audit-directory", self.directory + "/audit", "--audit-data-events"]

    def start(self):
        process = super().start()
        if "auth" in self.parts:
            names = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
            self.environment |= dict(zip(names, self.root.user(self.binary, self.url, self.environment)))
        return process

    @property
    def url(self):
        return self.process.url.replace("http:", "https:") if "tls" in self.parts else self.process.url
