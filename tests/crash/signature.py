"""Signature Version 4, as an SDK signs; and endpoints that say with which key."""

import hashlib
import hmac
import time
from urllib.parse import quote, unquote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
REGION, SERVICE = "us-east-1", "sqs"


def with_key(endpoint, key):
    """The same endpoint, for somebody who signs with this access key: http://ID:SECRET@HOST:PORT."""
    scheme, host = endpoint.split("://")
    return "{}://{}:{}@{}".format(scheme, *(quote(part, safe="") for part in key), host)


def key_of(endpoint):
    """The access key in an endpoint, if it has one."""
    parts = urlsplit(endpoint)
    return (unquote(parts.username), unquote(parts.password)) if parts.username else None


def signed(key, headers, body):
    """The headers of a POST to /, with those of its signature. `Host` has to be one of them."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = headers | {"X-Amz-Date": now}
    values = sorted((name.lower(), value) for name, value in headers.items())
    names = ";".join(name for name, _ in values)
    lines = ["POST", "/", "", *(f"{name}:{value}" for name, value in values), "", names, hashlib.sha256(body).hexdigest()]
    scope = [now[:8], REGION, SERVICE, "aws4_request"]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    mac = ("AWS4" + key[1]).encode()
    for part in [*scope, "\n".join([ALGORITHM, now, "/".join(scope), digest])]:
        mac = hmac.new(mac, part.encode(), "sha256").digest()
    credential = "/".join([key[0], *scope])
    return headers | {"Authorization": f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={mac.hex()}"}
