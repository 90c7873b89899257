"""A server between client and server, for clients that let nobody touch what they have signed. It speaks TLS with the certificate of the
server behind it, which is for the same host."""

import http.client
import os
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ANSWER_SECONDS = 60


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        headers = dict(self.headers.items())
        body = self.server.change(headers, self.rfile.read(int(headers["Content-Length"])))
        trusting = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
        onward = http.client.HTTPSConnection(self.server.behind, timeout=ANSWER_SECONDS, context=trusting)
        onward.putrequest("POST", self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            onward.putheader(name, value)
        onward.endheaders(body)
        answer = onward.getresponse()
        text = answer.read()
        onward.close()
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Says nothing."""


class OnTheWay:
    """`change` gets the headers of each request, which it may change, and its body, and gives the body to pass on."""

    def __init__(self, endpoint, change):
        scheme, behind = endpoint.split("://")
        assert scheme == "https"
        self.server = ThreadingHTTPServer((behind.split(":")[0], 0), Handler)
        self.server.daemon_threads = True
        self.server.behind, self.server.change = behind, change
        made = Path(os.environ["AWS_CA_BUNDLE"]).parent  # what `dev --tls-self-signed` writes is in one directory
        shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        shown.load_cert_chain(made / "certificate.pem", made / "key.pem")
        self.server.socket = shown.wrap_socket(self.server.socket, server_side=True)
        self.endpoint = "https://{}:{}".format(*self.server.server_address)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, name="on the way", daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
