"""What a server is told that verifies signatures and encrypts bodies, and who calls it. All of it is kept outside of the data directory."""

import base64
import json
import os
import secrets
import subprocess

USER, POLICY = "client", "AmazonSQSFullAccess"


def private(path, text):
    """A file that nobody else can read."""
    with open(path, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(text)
    return path


def master_key(directory):
    """The flags of a server that has one."""
    return ["--master-key-file", private(directory / "master.key", base64.b64encode(secrets.token_bytes(32)).decode())]


class Root:
    """The administrator of a server, as a file says."""

    KEY_ID = "AKIASLUICETESTROOT00"

    def __init__(self, directory):
        self.environment = {"AWS_ACCESS_KEY_ID": self.KEY_ID, "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30)}
        lines = "".join(f"{name.lower()} = {value}\n" for name, value in self.environment.items())
        self.flags = ["--auth", "--root-credentials-file", private(directory / "root", lines)]

    def user(self, binary, endpoint, environment=None):
        """Makes a user who may what one managed policy says, and nothing else: policies are not asked about root. Gives the key."""

        def run(*words):
            command = [binary, *words, "--endpoint", endpoint, "--output", "json"]
            known = (environment or os.environ) | self.environment
            return subprocess.run(command, env=known, stdout=subprocess.PIPE, text=True, check=True).stdout

        run("users", "create", USER)
        run("policies", "attach", POLICY, "--user", USER)
        key = json.loads(run("access-keys", "create", USER))
        return key["AccessKeyId"], key["SecretAccessKey"]
