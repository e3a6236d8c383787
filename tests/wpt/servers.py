# SPDX-License-Identifier: Apache-2.0
"""Servers on loopback that tests fetch from: files as they are, or the tree's own wptserve."""

import contextlib
import http.server
import os
import threading
import urllib.parse


class Files(http.server.SimpleHTTPRequestHandler):
    """Files of the tree with the headers that FILE.headers and __dir__.headers name."""

    protocol_version = "HTTP/1.1"
    extensions_map = {"": "application/octet-stream", ".js": "text/javascript", ".txt": "text/plain",
                      ".html": "text/html", ".json": "application/json", ".wasm": "application/wasm",
                      ".png": "image/png", ".css": "text/css", ".idl": "text/plain"}

    def end_headers(self):
        path = self.translate_path(self.path)
        for name in (path + ".headers", os.path.join(os.path.dirname(path), "__dir__.headers")):
            if os.path.isfile(name):
                with open(name, encoding="latin-1") as f:
                    for line in f:
                        key, colon, value = line.partition(":")
                        if colon and not key.startswith("#"):
                            self.send_header(key.strip(), value.strip())
        super().end_headers()

    def translate_path(self, path):
        return super().translate_path(urllib.parse.urlsplit(path).path)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def static(tree):
    def handler(*args):
        return Files(*args, directory=tree)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield "http://127.0.0.1:%d" % server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def nothing():
    yield "http://127.0.0.1:9"


def start(kind, tree, _folder):
    return static(tree) if kind == "static" else nothing()
