# SPDX-License-Identifier: Apache-2.0
"""Servers on loopback that tests fetch from: files as they are, or the tree's own wptserve."""

import contextlib
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

START_S = 60  # until wptserve must answer
HOST = "localhost"  # and its subdomains, which resolvers keep on loopback


def without_ports(name):
    """The name of a subtest as it is in every run."""
    return re.sub(r"\b(localhost|127\.0\.0\.1):\d{4,5}\b", r"\1:PORT", name)


class Place:
    """Where the servers are, for tests and for what `.sub.` files leave open."""

    def __init__(self, host, ports):
        self.host, self.ports = host, ports
        self.origin = "http://%s:%d" % (host, ports["http"][0])

    def fill(self, text):
        return re.sub(r"\{\{([^{}]*)\}\}", lambda m: self._value(m.group(1)), text)

    def _value(self, name):
        port = re.fullmatch(r"ports\[([\w-]+)\]\[(\d)\]", name)
        if port:
            return str(dict(enumerate(self.ports.get(port.group(1), []))).get(int(port.group(2)), 9))
        domain = re.fullmatch(r"(?:hosts\[\w*\]|domains)\[(.*)\]", name)
        if domain and domain.group(1):
            return domain.group(1) + "." + self.host
        return {"location[scheme]": "http"}.get(name, self.host)


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
        yield Place("127.0.0.1", {"http": [server.server_address[1]]})
    finally:
        server.shutdown()
        server.server_close()


def free_ports(n):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def wait_for(origin, child, log):
    deadline = time.monotonic() + START_S
    while child.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(origin + "/common/blank.html", timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    with open(log, encoding="utf-8", errors="replace") as f:
        raise RuntimeError("wptserve does not answer:\n" + f.read()[-2000:])


@contextlib.contextmanager
def wptserve(tree, folder):
    """HTTP and WebSocket servers of the tree, with its handlers in Python; no TLS, no HTTP/2."""
    http1, http2, ws = free_ports(3)
    none = ("http-private", "http-public", "https", "https-private", "https-public", "wss", "h2",
            "webtransport-h3")
    config = {"browser_host": HOST, "alternate_hosts": {"alt": "127.0.0.1"},
              "check_subdomains": False, "ssl": {"type": "none"}, "logging": {"level": "warning"},
              "ports": {"http": [http1, http2], "ws": [ws], **{name: [] for name in none}}}
    path, log = os.path.join(folder, "wptserve.json"), os.path.join(folder, "wptserve.log")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(config, f)
    with open(log, "w", encoding="utf-8") as out:
        child = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), os.path.abspath(tree), path],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=tree, start_new_session=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    try:
        place = Place(HOST, config["ports"])
        wait_for(place.origin, child, log)
        yield place
    finally:
        # Its processes are a group of their own, and have nothing to save.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


@contextlib.contextmanager
def nothing():
    yield Place("127.0.0.1", {"http": [9]})


def start(kind, tree, folder):
    if kind == "wptserve":
        return wptserve(tree, folder)
    return static(tree) if kind == "static" else nothing()


def serve(tree, config):
    """What the child process of wptserve() is."""
    sys.path[0] = tree
    from tools import localpaths  # noqa: F401
    from tools.serve import serve as server
    sys.exit(server.run(config_path=config, h2=False, webtransport_h3=False))


if __name__ == "__main__":
    serve(*sys.argv[1:])
