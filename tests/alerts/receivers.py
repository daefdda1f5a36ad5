"""Who receives alerts in tests: a mail server and a webhook that really listen, and can be told to refuse."""

from __future__ import annotations

import contextlib
import email
import json
import socketserver
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.conftest import free_port


class MailServer(socketserver.ThreadingTCPServer):
    """As much of SMTP as a client needs to log in and hand over a message; keeps what it was given."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", free_port()), MailSession)
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.commands: list[str] = []
        self.refuses = ""
        """The command that it answers with an error."""

    @property
    def port(self) -> int:
        return self.server_address[1]


class MailSession(socketserver.StreamRequestHandler):
    server: MailServer

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self) -> None:
        self.say("220 test")
        while line := self.rfile.readline():
            command = line.decode().strip()
            self.server.commands.append(command)
            word = command.split()[0].upper()
            if word == self.server.refuses:
                self.say(f"535 refused: {command}")
            elif word == "EHLO":
                self.say("250-test\r\n250 AUTH PLAIN")
            elif word == "AUTH":
                self.say("235 welcome")
            elif word == "RCPT":
                self.server.recipients.append(command.partition("<")[2].rstrip(">"))
                self.say("250 ok")
            elif word == "DATA":
                self.say("354 go on")
                body = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.messages.append(email.message_from_bytes(body, policy=default))
                self.say("250 taken")
            elif word == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")


class Webhook(ThreadingHTTPServer):
    """Answers every POST with `status` and keeps its headers and body."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", free_port()), Post)
        self.status = 204
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.answers = threading.Event()
        """Posts wait for it before they are answered."""
        self.answers.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook/very-secret-path"

    def alerts(self) -> list[dict[str, Any]]:
        """Every alert that came in a post that was answered well."""
        return [alert for _, body in self.posts for alert in json.loads(body)["alerts"]]


class Post(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answers.wait(30)
        if self.server.status < 300:
            self.server.posts.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing on stderr."""


@contextlib.contextmanager
def serving(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
