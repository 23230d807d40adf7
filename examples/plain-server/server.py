"""A program that is an HTTP server already: nothing is added to it but the port, in PORT."""

import os
import signal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(f"You asked for {self.path}\n".encode())

    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        self.answer(self.rfile.read(length).upper())

    def answer(self, body):
        self.send_response(200)
        self.send_header("content-type", "text/plain; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    # All addresses, not only 127.0.0.1: containers elsewhere are reached from outside.
    server = ThreadingHTTPServer(("", int(os.environ.get("PORT", "8080"))), Handler)
    # `shutdown` would wait for this very thread; leaving the loop by an exception does not.
    signal.signal(signal.SIGTERM, lambda *_: exit(0))
    print(f"listening on {server.server_port}")
    server.serve_forever()


if __name__ == "__main__":
    main()
