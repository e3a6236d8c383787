# SPDX-License-Identifier: Apache-2.0
"""A worker, clients that speak bytes, and what the worker's memory has grown by."""
import atexit
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager

# Who has heard nothing for so long has found a bug.
PATIENCE = 60
MIB = 1 << 20


def sanitized(program):
    """Its memory is not the worker's then."""
    with open(program, "rb") as f:
        return b"__asan_init" in f.read()


class Checks:
    passed = failed = 0

    def same(self, name, got, wanted):
        if got == wanted:
            self.passed += 1
            return
        self.failed += 1
        print(f"FAILED {name}: {got!r} instead of {wanted!r}", flush=True)

    def true(self, name, value, got=None):
        self.same(name if got is None else f"{name} ({got})", bool(value), True)


class Worker:
    """One that serves, on a port of its own."""

    def __init__(self, program, script, checks, *options):
        self.program, self.checks = program, checks
        self.measured = not sanitized(program)
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [program, *options, "--listen", "127.0.0.1:0", script], stdin=subprocess.DEVNULL,
            stdout=self.out, stderr=self.err)
        atexit.register(self.process.kill)
        said = self.await_output(self.err, rb"listening on .*:(\d+)\n")
        self.address = ("127.0.0.1", int(said[1]))

    def connect(self):
        s = socket.create_connection(self.address, timeout=PATIENCE)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def ask(self, path, body=None, fields=b""):
        """The status and body that a client gets which means no harm."""
        s = self.connect()
        s.sendall(request(path, body, fields + b"Connection: close\r\n"))
        return first(read_all(s))

    def ask_json(self, path):
        return json.loads(self.ask(path)[1])

    def memory(self, name):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(re.search(rf"^{name}:\s*(\d+) kB", f.read(), re.M)[1]) * 1024

    @contextmanager
    def bounded(self, name, mib):
        """What its memory grows by at most meanwhile; and the next request is answered."""
        with open(f"/proc/{self.process.pid}/clear_refs", "w", encoding="ascii") as f:
            f.write("5")
        before, start = self.memory("VmRSS"), time.monotonic()
        yield
        grown = (self.memory("VmHWM") - before) / MIB
        if self.measured:
            self.checks.true(f"{name}: memory", grown <= mib, f"{grown:.1f} MiB of {mib}")
        print(f"{name}: +{grown:.1f} MiB, {time.monotonic() - start:.1f} s", flush=True)
        self.checks.same(f"{name}: the next one", self.ask("/quiet/hello"), (200, b"hello"))

    def report(self):
        return json.loads(subprocess.run(
            [self.program, "report", "--json", str(self.process.pid)], check=True,
            capture_output=True, timeout=PATIENCE).stdout)

    def await_output(self, file, pattern):
        while True:
            # Read at its place: the worker's own is the same.
            said = os.pread(file.fileno(), MIB, 0)
            if found := re.search(pattern, said):
                return found
            if self.process.poll() is not None:
                sys.exit(f"the worker has ended with {self.process.returncode}: {said!r}")
            time.sleep(0.02)

    def ended(self):
        """Exit code and last words."""
        code = self.process.wait(PATIENCE)
        return code, os.pread(self.err.fileno(), MIB, 0).decode().split("\n", 1)[1]

    def stop(self):
        self.process.terminate()
        self.checks.same("ended by SIGTERM", self.ended()[0], 143)


def request(path, body=None, fields=b""):
    head = b"%s %s HTTP/1.1\r\nHost: h\r\n" % (b"GET" if body is None else b"POST", path.encode())
    if body is not None:
        fields += b"Content-Length: %d\r\n" % len(body)
    return head + fields + b"\r\n" + (body or b"")


def read_all(s):
    """Up to the end, or the reset, of the connection."""
    data = bytearray()
    try:
        while piece := s.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    s.close()
    return bytes(data)


def responses(data):
    """Statuses and bodies of whole responses with a Content-Length, and what is left."""
    found = []
    while m := re.match(rb"HTTP/1\.1 (\d+) (.*?\r\n)\r\n", data, re.S):
        length = re.search(rb"^content-length: (\d+)\r", m[2], re.M | re.I)
        end = m.end() + int(length[1] if length else 0)
        found.append((int(m[1]), data[m.end():end]))
        data = data[end:]
    return found, data


def first(data):
    found, _ = responses(data)
    return found[0] if found else (0, data)
