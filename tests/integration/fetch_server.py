#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Servers that fetch() has to cope with: one that behaves and misbehaves as its path says, a proxy,
and a name server. Usage: fetch_server.py DIRECTORY [CERTIFICATE KEY]; writes DIRECTORY/ports."""
import functools
import gzip
import json
import os
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
import urllib.parse
import zlib

# "hello brotli\n" and "hello zstd\n": Python has neither.
BROTLI = bytes.fromhex("0b068068656c6c6f2062726f746c690a03")
ZSTD = bytes.fromhex("28b52ffd045859000068656c6c6f207a7374640a6c57f951")

counts = {"connections": 0, "queries": 0}
gone = threading.Event()  # a client of /endless has left


@functools.lru_cache
def bomb():
    """256 MiB of zeros."""
    c = zlib.compressobj(9, wbits=31)
    block = bytes(1 << 20)
    return b"".join(c.compress(block) for _ in range(256)) + c.flush()


class Handler(socketserver.StreamRequestHandler):
    timeout = 60

    def handle(self):
        counts["connections"] += 1
        self.number = counts["connections"]
        try:
            while self.one():
                pass
        except (ConnectionError, socket.timeout, ssl.SSLError, ValueError):
            pass

    def one(self):
        line = self.rfile.readline(65536).decode("latin-1").split()
        if len(line) != 3:
            return False
        self.method, self.target = line[0], line[1]
        self.fields = []
        while True:
            field = self.rfile.readline(65536).decode("latin-1").rstrip("\r\n")
            if not field:
                break
            name, _, value = field.partition(":")
            self.fields.append([name, value.strip()])
        if self.method == "CONNECT":
            return self.tunnel()
        self.through_proxy = self.target.startswith("http://")
        url = urllib.parse.urlsplit(self.target)
        self.query = dict(urllib.parse.parse_qsl(url.query))
        name = url.path.strip("/").replace("-", "_") or "hello"
        return getattr(self, "do_" + name, self.do_missing)() is not False

    def field(self, name):
        found = [v for n, v in self.fields if n.lower() == name]
        return found[0] if found else None

    def chunks(self):
        """The body of the request, piece by piece."""
        if self.field("transfer-encoding") == "chunked":
            while True:
                size = int(self.rfile.readline(), 16)
                data = self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    return
                yield data
        left = int(self.field("content-length") or 0)
        while left > 0:
            data = self.rfile.read(min(left, 65536))
            if not data:
                raise ConnectionError
            left -= len(data)
            yield data

    def send(self, data):
        self.wfile.write(data if isinstance(data, bytes) else data.encode("latin-1"))
        self.wfile.flush()

    def answer(self, body=b"", status="200 OK", fields=()):
        body = body if isinstance(body, bytes) else body.encode()
        head = "".join(f"{n}: {v}\r\n" for n, v in fields)
        self.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode("latin-1")
                  + (b"" if self.method == "HEAD" else body))

    def tunnel(self):
        host, _, port = self.target.rpartition(":")
        counts["connect"] = self.target
        # Whatever the name: the proxy knows where it is.
        with socket.create_connection(("127.0.0.1", int(port))) as other:
            self.send("HTTP/1.1 200 Connection established\r\nX-Proxy: 1\r\n\r\n")
            other.settimeout(60)
            back = threading.Thread(target=self.copy, args=(other, self.connection), daemon=True)
            back.start()
            self.copy(self.connection, other)
            back.join(5)
        return False

    @staticmethod
    def copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    # --- paths ---

    def do_hello(self):
        for _ in self.chunks():
            pass
        self.answer("hello\n", fields=[("Content-Type", "text/plain"), ("X-Two", "a"), ("X-Two", "b"),
                                       ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])

    def do_missing(self):
        self.answer("nothing here\n", "404 Not Found")

    def do_echo(self):
        body = b"".join(self.chunks()).decode("latin-1")
        self.answer(json.dumps({"method": self.method, "target": self.target, "body": body,
                                "proxy": self.through_proxy, "fields": self.fields,
                                "connection": self.number}))

    def do_redirect(self):
        for _ in self.chunks():
            pass
        self.answer("gone", self.query.get("status", "302") + " Found",
                    [("Location", self.query["to"])])

    def do_forever(self):
        self.answer("", "302 Found", [("Location", "/forever")])

    def do_stats(self):
        self.answer(json.dumps(counts))

    def do_status(self):
        self.send(f"HTTP/1.1 {self.query['is']} Odd\r\nContent-Length: 0\r\n\r\n")

    def do_hints(self):
        self.send("HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n")
        self.answer("final\n")

    def do_folded(self):
        self.send("HTTP/1.1 200 OK\r\nX-Fold: one\r\n  two\r\nContent-Length: 2\r\n\r\nok")

    def do_nul(self):
        self.send("HTTP/1.1 200 OK\r\nX-Nul: a\0b\r\nContent-Length: 2\r\n\r\nok")

    def do_big_head(self):
        self.send("HTTP/1.1 200 OK\r\n")
        for i in range(300):
            self.send(f"X-{i}: {'x' * 1000}\r\n")
        self.send("Content-Length: 0\r\n\r\n")

    def do_close(self):
        return False

    def do_cut(self):
        self.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        return False

    def do_cut_chunk(self):
        self.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        return False

    def do_until_close(self):
        self.send("HTTP/1.1 200 OK\r\n\r\nto the end\n")
        return False

    def do_drip(self):
        self.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for i in range(5):
            self.send(f"2\r\n{i}\n\r\n")
            time.sleep(0.05)
        self.send("0\r\nX-Trailer: 1\r\n\r\n")

    def do_endless(self):
        """?type, and ?text again and again."""
        text = self.query.get("text", "x").encode()
        piece = text * (65536 // len(text))
        self.send(f"HTTP/1.1 200 OK\r\nContent-Type: {self.query.get('type', 'text/plain')}\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        try:
            while sent < 1 << 30:
                self.piece(piece)
                sent += len(piece)
                counts["endless"] = sent
        finally:
            gone.set()

    # --- event streams ---

    def piece(self, data):
        self.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def events(self, body, size=65536, fields=""):
        """An event stream of pieces of `size` bytes, without its end."""
        self.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream;charset=x\r\n"
                  f"Transfer-Encoding: chunked\r\n{fields}\r\n")
        for i in range(0, len(body), size):
            self.piece(body[i:i + size])
            time.sleep(0.001)  # so that some of them arrive by themselves

    def do_events(self):
        """?body ?times; ?size of pieces; the end is missing with ?cut."""
        self.events(self.query["body"].encode() * int(self.query.get("times", "1")),
                    int(self.query.get("size", "65536")))
        if "cut" in self.query:
            return False
        self.send("0\r\n\r\n")
        return True

    def do_events_echo(self):
        """Tells what it was asked with, and gives an id."""
        names = ("accept", "cache-control", "last-event-id", "authorization")
        asked = json.dumps({n: self.field(n) for n in names})
        self.events(f"retry:1\nid: {self.query.get('id', '')}\ndata: {asked}\n\n".encode())
        self.send("0\r\n\r\n")

    def do_events_flaky(self):
        """Requests with ?by: each ?good-th gets an event, the others no answer."""
        key = "flaky " + self.query["by"]
        counts[key] = counts.get(key, 0) + 1
        if counts[key] % int(self.query["good"]) != int(self.query.get("first", "1")):
            return False
        self.events(f"retry:1\ndata: {counts[key]}\n\n".encode())
        return False

    def do_events_open(self):
        """One event, then silence until the client has gone; ?gzip: in the middle of a frame."""
        data = b"data: here\n\n"
        if "gzip" in self.query:
            c = zlib.compressobj(wbits=31)
            self.events(c.compress(data) + c.flush(zlib.Z_SYNC_FLUSH), fields="Content-Encoding: gzip\r\n")
        else:
            self.events(data)
        self.connection.recv(1)
        gone.set()
        return False

    def do_gone(self):
        self.answer("yes" if gone.wait(10) else "no")
        gone.clear()

    def do_silent(self):
        """No answer for as long as the client waits."""
        while self.connection.recv(65536):
            pass
        return False

    def do_swallow(self):
        """Takes a body slowly at first, and counts it."""
        uploaded = 0
        slow = float(self.query.get("wait", "0"))
        time.sleep(slow)
        for data in self.chunks():
            uploaded += len(data)
        self.answer(str(uploaded))

    def do_refuse(self):
        self.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n")
        return False

    def coded(self, name, data):
        self.answer(data, fields=[("Content-Encoding", name)])

    def do_gzip(self):
        self.coded("gzip", gzip.compress(b"hello gzip\n" * 1000))

    def do_deflate(self):
        self.coded("deflate", zlib.compress(b"hello deflate\n"))

    def do_raw_deflate(self):
        c = zlib.compressobj(wbits=-15)
        self.coded("deflate", c.compress(b"hello raw\n") + c.flush())

    def do_br(self):
        self.coded("br", BROTLI)

    def do_zstd(self):
        self.coded("zstd", ZSTD)

    def do_unknown_coding(self):
        self.coded("rot13", b"uryyb\n")

    def do_bad_gzip(self):
        self.coded("gzip", b"this is no gzip at all\n")

    def do_short_gzip(self):
        self.coded("gzip", gzip.compress(os.urandom(5000))[:-100])

    def do_empty_gzip(self):
        self.coded("gzip", b"")

    def do_bomb(self):
        self.coded("gzip", bomb())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


class Server6(Server):
    address_family = socket.AF_INET6


class TlsServer(Server):
    context = None

    def finish_request(self, request, client_address):
        try:
            with self.context.wrap_socket(request, server_side=True) as tls:
                super().finish_request(tls, client_address)
        except OSError:
            pass


class NameServer(socketserver.BaseRequestHandler):
    """short.test has a TTL of 0, long.test of an hour; both.test has two families; else NXDOMAIN."""

    def handle(self):
        data, sock = self.request
        counts["queries"] += 1
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode().lower())
            at += 1 + data[at]
        kind = struct.unpack(">H", data[at + 1:at + 3])[0]
        question = data[12:at + 5]
        name = ".".join(labels)
        answers = b""
        known = {"short.test": 0, "long.test": 3600, "both.test": 60}
        ttl = known.get(name)
        if ttl is not None and kind == 1:
            address = "127.0.0.2" if name == "both.test" else "127.0.0.1"
            answers = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, ttl, 4) + socket.inet_aton(address)
        if name == "both.test" and kind == 28:
            answers = (b"\xc0\x0c" + struct.pack(">HHIH", 28, 1, ttl, 16)
                       + socket.inet_pton(socket.AF_INET6, "::1"))
        flags = 0x8180 if ttl is not None else 0x8183
        head = data[:2] + struct.pack(">HHHHH", flags, 1, 1 if answers else 0, 0, 0)
        sock.sendto(head + question + answers, self.client_address)


def main():
    directory = sys.argv[1]
    servers = {"http": Server(("127.0.0.1", 0), Handler)}
    port = servers["http"].server_address[1]
    try:
        servers["http6"] = Server6(("::1", port), Handler)
    except OSError:
        pass
    if len(sys.argv) > 3:
        servers["https"] = TlsServer(("127.0.0.1", 0), Handler)
        servers["https"].context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        servers["https"].context.load_cert_chain(sys.argv[2], sys.argv[3])
    if os.environ.get("NAMES"):
        servers["dns"] = socketserver.ThreadingUDPServer(("127.0.0.1", 53), NameServer)
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(directory + "/ports.tmp", "w", encoding="ascii") as out:
        for name, server in servers.items():
            print(f"{name}={server.server_address[1]}", file=out)
    os.rename(directory + "/ports.tmp", directory + "/ports")
    threading.Event().wait()


main()
