# SPDX-License-Identifier: Apache-2.0
"""Clients of noslated's data plane: usage: noslated_data.py BUILD. Each case says what went wrong."""
import atexit
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import hostile_requests
from hostile_rig import MIB, PATIENCE, Checks, first, read_all, request, responses

HERE = os.path.dirname(os.path.abspath(__file__))
WORKER = f"{HERE}/noslated_data_worker.mjs"
CLOSE = b"Connection: close\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"


def function(name, code, **more):
    return {"name": name, "code": {"path": code}, "routes": [{"path": f"/{name}"}], **more}


FUNCTIONS = [
    function("main", WORKER, replicas={"max": 1}, timeouts={"request": "3s"}),
    function("garbage", f"{HERE}/noslated_data_garbage.py", ejectedAfter=0),
    function("once", WORKER, disposable=True),
    function("narrow", WORKER, concurrency=1, replicas={"max": 1},
             queue={"length": 1, "deadline": "700ms"}),
    function("rated", WORKER, rate={"perSecond": 1, "burst": 2}),
    {"name": "hostile", "code": {"path": f"{HERE}/hostile.js"}, "routes": [{"host": "h"}, {"host": "other"}]},
    {"name": "hidden", "code": {"path": WORKER}},
]


class Host:
    """The plane as a process, with workers of its own."""

    def __init__(self, build, *options):
        self.folder = tempfile.mkdtemp(prefix="d", dir=os.environ.get("TMPDIR"))
        self.profile, self.log = f"{self.folder}/profile.json", f"{self.folder}/log"
        self.apply(FUNCTIONS, tell=False)
        self.out = open(f"{self.folder}/out", "w+b")
        self.err = open(f"{self.folder}/err", "w+b")
        self.process = subprocess.Popen(
            [f"{build}/tests/data_host", *options, "-l", self.log, "-p", self.profile, "-d", self.folder,
             "-a", f"{build}/aworker", f"unix:{self.folder}/front", "tcp:0"],
            stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err)
        atexit.register(self.process.kill)
        self.port = int(self.await_said(rb"port (\d+)\n")[1])

    def last_words(self):
        return os.pread(self.err.fileno(), MIB, 0).decode(errors="replace")

    def said(self):
        return os.pread(self.out.fileno(), MIB, 0)

    def await_said(self, pattern, times=1):
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            found = list(re.finditer(pattern, self.said()))
            if len(found) >= times:
                return found[-1]
            if self.process.poll() is not None:
                sys.exit(f"data_host has ended with {self.process.returncode}: {self.last_words()}")
            time.sleep(0.01)
        sys.exit(f"no {pattern} in {self.said()}")

    def apply(self, functions, tell=True):
        times = self.said().count(b"applied\n") if tell else 0
        with open(self.profile, "w", encoding="utf-8") as f:
            json.dump({"version": 1, "functions": functions}, f)
        if tell:
            self.process.send_signal(signal.SIGHUP)
            self.await_said(rb"applied\n", times + 1)

    def count(self):
        times = self.said().count(b"connections ")
        self.process.send_signal(signal.SIGUSR1)
        m = self.await_said(rb"connections (\d+) requests (\d+) workers (\d+) upstreams (\d+)[^\n]*\n", times + 1)
        return [int(n) for n in m.groups()]

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def raw(self, data):
        s = self.connect()
        s.sendall(data)
        return read_all(s)

    def ask(self, path, body=None, fields=b""):
        return first(self.raw(request(path, body, fields + CLOSE).replace(b"Host: h\r", b"Host: a\r")))

    def memory(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(re.search(r"^VmHWM:\s*(\d+) kB", f.read(), re.M)[1]) / 1024

    def logged(self):
        with open(self.log, encoding="utf-8") as f:
            return [json.loads(line) for line in f]


def error_of(answer):
    try:
        return answer[0], json.loads(answer[1])["error"]
    except (ValueError, KeyError, TypeError):
        return answer


def soon(condition):
    until = time.monotonic() + 10
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    return condition()


# --- what is passed on ---

def heads(h, checks):
    status, text = h.ask("/main/see?q=1", b"body", b"X-A: 1\r\nConnection: x-gone\r\nX-Gone: y\r\n"
                         b"Proxy-Authorization: z\r\nTE: trailers\r\nX-Forwarded-For: 6.6.6.6\r\n"
                         b"X-Request-Id: mine-1\r\nTraceparent: 00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01\r\n")
    seen = json.loads(text)
    got = seen["headers"]
    checks.same("see", (status, seen["method"], seen["url"], seen["body"]),
                (200, "POST", "http://a/main/see?q=1", "body"))
    checks.same("headers of one hop", [n for n in ("x-gone", "proxy-authorization", "te", "connection") if n in got], [])
    checks.same("headers", [got.get(n) for n in (
        "x-a", "host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id", "via")],
        ["1", "a", "127.0.0.1", "http", "a", "mine-1", "1.1 noslated"])
    checks.same("a trace that goes on", got["traceparent"], "00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    seen = json.loads(h.ask("/main/see", fields=b"X-Request-Id: a b\r\nTraceparent: 00-0-0-0\r\n")[1])
    checks.true("a made id", re.fullmatch(r"[0-9a-f]{32}", seen["headers"]["x-request-id"]))
    checks.true("a made trace", re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", seen["headers"]["traceparent"]))


def trusted(h, checks):
    got = json.loads(h.ask("/main/see", fields=b"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n"
                           b"X-Forwarded-Host: b\r\nx-noslate-function: hidden\r\n")[1])["headers"]
    checks.same("another proxy", [got.get(f"x-forwarded-{n}") for n in ("for", "proto", "host")],
                ["6.6.6.6, 127.0.0.1", "https", "b"])


def no_bodies(h, checks):
    data = h.raw(b"HEAD /main/hello HTTP/1.1\r\nHost: a\r\n\r\nGET /main/nothing HTTP/1.1\r\nHost: a\r\n\r\n"
                 b"GET /main/unchanged HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    checks.same("HEAD, 204, 304", re.findall(rb"^HTTP/1.1 (\d+)", data, re.M), [b"200", b"204", b"304"])
    checks.true("no bodies", data.endswith(b"\r\n\r\n") and b"hello" not in data, data)


def routes(h, checks):
    checks.same("nobody", error_of(h.ask("/nobody")), (404, "no_function"))
    checks.same("a part of a segment", error_of(h.ask("/mainhello")), (404, "no_function"))
    checks.same("by name", h.ask("/a/hello", fields=b"x-noslate-function: hidden\r\n"), (200, b"hello"))
    checks.same("by no name", error_of(h.ask("/main/hello", fields=b"x-noslate-function: no\r\n")), (404, "no_function"))


def pipelined(h, checks):
    one = b"GET /main/hello HTTP/1.1\r\nHost: a\r\n\r\n"
    data = one + b"GET /no HTTP/1.1\r\nHost: a\r\n\r\n" + one * 300 + one.replace(b"\r\n\r\n", b"\r\n" + CLOSE + b"\r\n")
    found, rest = responses(h.raw(data))
    checks.same("pipelined", ([s for s, _ in found], rest), ([200, 404] + [200] * 301, b""))
    data = request("/main/echo", b"abc" * 1000) * 20 + request("/main/hello", fields=CLOSE)
    found, _ = responses(re.sub(rb"(?i)transfer-encoding: chunked\r\n\r\n", b"content-length: 0\r\n\r\n", h.raw(
        data.replace(b"Host: h\r", b"Host: a\r"))))
    checks.same("pipelined bodies", found[0][0], 200)


def old_clients(h, checks):
    data = h.raw(b"GET /main/down?n=5000 HTTP/1.0\r\n\r\n")
    checks.true("HTTP/1.0: until the end", data.endswith(b"\0" * 5000) and b"chunked" not in data)
    data = h.raw(b"GET /main/hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /main/hello HTTP/1.0\r\n\r\n")
    checks.same("HTTP/1.0 that stays", len(responses(data)[0]), 2)


def curl(h, *args, **more):
    return subprocess.run(["curl", "-sS", "--max-time", str(PATIENCE), "--unix-socket", f"{h.folder}/front", *args],
                          capture_output=True, check=False, **more)


def big(h, checks):
    size = 100 * MIB
    with tempfile.NamedTemporaryFile() as f:
        f.truncate(size)
        checks.same("down", len(curl(h, f"http://a/main/down?n={size}").stdout), size)
        checks.same("up", curl(h, "-T", f.name, "http://a/main/up").stdout, b"%d" % size)
        checks.same("up in chunks", curl(h, "-T", "-", "http://a/main/up", stdin=f).stdout, b"%d" % size)
        checks.same("both ways", len(curl(h, "-T", f.name, "http://a/main/echo").stdout), size)
    checks.true("memory", h.memory() < 24, f"{h.memory():.1f} MiB")


def slow_reader(h, checks):
    """Whoever does not read stops the worker, not the plane."""
    s = h.connect()
    s.sendall(b"GET /main/down?n=%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % (40 * MIB))
    def done():
        return sum(r["path"] == "/main/down" for r in h.logged())
    before = done()
    time.sleep(1)
    checks.same("it has not ended", done(), before)
    checks.same("others go on", h.ask("/main/hello"), (200, b"hello"))
    checks.true("all of it in the end", len(read_all(s)) > 40 * MIB)
    checks.true("memory", h.memory() < 24, f"{h.memory():.1f} MiB")


def drips(h, checks):
    data = request("/main/see", b"slow body", b"X: y\r\n" + CLOSE)
    clients = [h.connect() for _ in range(20)]
    for i in range(len(data)):
        for s in clients:
            s.send(data[i:i + 1].replace(b"\0", b""))
    # Host h is the hostile one's, which answers 404 or so: what counts is that all get the same.
    checks.same("a byte at a time", len({first(read_all(s))[0] for s in clients}), 1)


def continues(h, checks):
    s = h.connect()
    s.sendall(b"POST /main/see HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n" + CLOSE + b"\r\n")
    checks.same("100", s.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n")
    s.sendall(b"body")
    answer = first(read_all(s))
    checks.same("behind it", (answer[0], json.loads(answer[1])["body"]), (200, "body"))
    s = h.connect()
    s.sendall(b"POST /main/early HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    checks.same("no 100", first(read_all(s))[0], 413)


# --- what goes wrong ---

def leaves(h, checks):
    before = int(h.ask("/main/aborted")[1])
    s = h.connect()
    running = h.count()[1]
    s.sendall(b"GET /main/slow?ms=20000 HTTP/1.1\r\nHost: a\r\n\r\n")
    checks.true("it runs", soon(lambda: h.count()[1] == running + 1))
    checks.same("a worker is there", h.ask("/main/hello"), (200, b"hello"))
    s.close()
    checks.true("aborted in the worker", soon(lambda: int(h.ask("/main/aborted")[1]) == before + 1))
    checks.true("in the log", soon(lambda: [r["status"] for r in h.logged() if r.get("error") == "client_left"] == [499]))


def crashes(h, checks):
    checks.same("POST", error_of(h.ask("/main/crash", b"x")), (502, "worker_closed"))
    checks.same("the next worker", h.ask("/main/hello"), (200, b"hello"))
    starts = h.count()[2]
    checks.same("GET is tried twice", error_of(h.ask("/main/crash")), (502, "worker_closed"))
    checks.true("workers", h.count()[2] >= starts - 1)
    checks.same("the next worker", h.ask("/main/hello"), (200, b"hello"))


def late(h, checks):
    start = time.monotonic()
    checks.same("late", error_of(h.ask("/main/slow?ms=10000")), (504, "worker_timeout"))
    checks.true("in time", 2.5 < time.monotonic() - start < 5)


def garbage(h, checks):
    for kind, wanted in {"nothing": "worker_closed", "half": "worker_invalid"}.items():
        checks.same(f"garbage: {kind}", error_of(h.ask(f"/garbage/{kind}")), (502, wanted))
    found, _ = responses(h.raw(b"GET /garbage/many HTTP/1.1\r\nHost: a\r\n" + CLOSE + b"\r\n"))
    checks.same("garbage: many", ([s for s, _ in found], error_of(found[-1])), ([102] * 8 + [502], (502, "worker_invalid")))
    checks.same("garbage: chunk at once", error_of(h.ask("/garbage/chunk")), (502, "worker_invalid"))
    for kind in ("text both two minus fold lf space coding unasked huge fields status version").split():
        checks.same(f"garbage: {kind}", error_of(h.ask(f"/garbage/{kind}")), (502, "worker_invalid"))
    checks.same("until the end", re.sub(rb".*\r\n\r\n", b"", h.raw(
        b"GET /garbage/close HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 1, re.S), b"")
    for kind in "old", "extra":
        for _ in range(2):
            checks.same(f"good: {kind}", h.ask(f"/garbage/{kind}"), (200, b"abc"))
    data = h.raw(b"GET /garbage/hints HTTP/1.1\r\nHost: a\r\n" + CLOSE + b"\r\n")
    checks.true("early hints", data.startswith(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n"), data)
    for kind in "close", "chunks":
        got = curl(h, f"http://a/garbage/{kind}")
        checks.same(f"good: {kind}", (got.returncode, got.stdout), (0, b"abc"))
    for kind in "short", "unended":
        got = curl(h, f"http://a/garbage/{kind}")
        checks.true(f"cut: {kind}", got.returncode in (18, 56), (got.returncode, got.stdout))


def refusals(h, checks):
    answers = []

    def one():
        answers.append(h.ask("/narrow/slow?ms=2000"))
    checks.same("narrow", h.ask("/narrow/hello"), (200, b"hello"))
    threads = [threading.Thread(target=one) for _ in range(4)]
    before = h.count()[1]
    for n, t in enumerate(threads):
        t.start()
        # The first two stay; the others are answered at once.
        if n < 2:
            checks.true("it stays", soon(lambda wanted=before + n + 1: h.count()[1] == wanted))
    for t in threads:
        t.join()
    checks.same("one runs, one waits too long, two find no room", sorted(str(error_of(a)) for a in answers), sorted(
        map(str, [(200, b"slow"), (503, "queue_timeout"), (503, "queue_full"), (503, "queue_full")])))
    checks.same("rate", [h.ask("/rated/hello")[0] for _ in range(3)], [200, 200, 429])
    data = h.raw(b"GET /rated/hello HTTP/1.1\r\nHost: a\r\n" + CLOSE + b"\r\n")
    checks.true("what a client hears", re.search(rb"retry-after: 1\r\n", data) and
                b"x-noslate-error: rate_limited\r\n" in data, data)


def disposable(h, checks):
    checks.same("once", [h.ask("/once/used")[1] for _ in range(3)], [b"1"] * 3)


def timeouts(h, checks):
    s = h.connect()
    s.sendall(b"GET /main/hello HT")
    checks.same("a head", error_of(first(read_all(s))), (408, "head_timeout"))
    s = h.connect()
    checks.same("idle", read_all(s), b"")
    s = h.connect()
    s.sendall(PREFACE)
    checks.true("idle, of HTTP/2", b"\x07\0\0\0\0\0" in read_all(s))  # GOAWAY
    s = h.connect()
    s.sendall(PREFACE + b"\0\0\x10\x01\x01\0\0\0\x01")
    checks.true("half a head of HTTP/2", b"HTTP/1" not in read_all(s))
    s = h.connect()
    s.sendall(b"POST /main/see HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
    checks.same("a body", error_of(first(read_all(s))), (408, "body_timeout"))
    checks.true("a response", h.raw(b"GET /garbage/stall HTTP/1.1\r\nHost: a\r\n\r\n").endswith(b"\r\n\r\nabc"))
    # Who does not read.
    for path in b"no", b"main/hello":
        s = h.connect()
        s.settimeout(5)
        start = time.monotonic()
        try:
            while time.monotonic() < start + 5:
                s.sendall(b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % path * 1000)
        except OSError as e:
            checks.true("is cut", isinstance(e, (ConnectionResetError, BrokenPipeError)), e)
        checks.true("in time", time.monotonic() - start < 5)


def connections(h, checks):
    """Beyond the limit the oldest idle one goes."""
    clients = [h.connect() for _ in range(60)]
    checks.true("limit", soon(lambda: 0 < h.count()[0] <= 50), h.count()[0])
    checks.same("the oldest", clients[0].recv(1), b"")
    checks.same("the next", h.ask("/main/hello"), (200, b"hello"))
    for s in clients:
        s.close()
    clients = [h.connect() for _ in range(60)]
    for s in clients:
        try:
            s.sendall(PREFACE)
        except OSError:
            pass
    checks.true("limit of HTTP/2", soon(lambda: 0 < h.count()[0] <= 50), h.count()[0])
    checks.same("the next", h.ask("/main/hello"), (200, b"hello"))
    for s in clients:
        s.close()


def smuggling(h, checks):
    def fits(status, wanted):
        return status in wanted if isinstance(wanted, tuple) else status == wanted
    def seen():
        return json.loads(first(h.raw(request("/quiet/seen", fields=CLOSE)))[1])
    # The worker refuses this one, so that the connection to the client can stay.
    passed = {"a method that nobody knows": ([501, 200], [hostile_requests.SEEN_LAST])}
    seen()
    for name, data, wanted, sees in hostile_requests.ALL:
        answer = h.raw(data + hostile_requests.LAST)
        if name == "the preface of HTTP/2":
            # It is spoken here; what follows is no frame of it.
            checks.true(f"{name}: frames", b"HTTP/1" not in answer and answer[3:4] == b"\x04", answer)
            checks.same(f"{name}: what the worker saw", seen(), [])
            continue
        found, rest = responses(answer)
        statuses, saw = [s for s, _ in found], seen()
        wanted, sees = passed.get(name, (wanted, sees))
        if wanted is None:
            wanted, sees = ([400], []) if statuses == [400] else ([200] * len(sees), sees)
        # Of a request that is refused nothing gets through, also when it is its body that is wrong.
        if len(wanted) == 1 and wanted != [200]:
            sees = []
        checks.true(f"{name}: answers", len(statuses) == len(wanted) and not rest and all(
            map(fits, statuses, wanted)), f"{statuses} of {wanted}")
        checks.same(f"{name}: what the worker saw", saw, sees)


def upgrades(h, checks):
    try:
        import websocket
    except ImportError:
        print("no python3-websocket: no upgrade")
        return
    ws = websocket.create_connection(f"ws://127.0.0.1:{h.port}/main/socket", timeout=PATIENCE)
    for text in "a", "x" * 200000, "é" * 1000:
        ws.send(text)
        checks.same("echo", ws.recv(), text)
    ws.close()
    # Not a tunnel that nobody looks into.
    seen = json.loads(h.ask("/main/see", fields=b"Upgrade: h2c\r\nConnection: upgrade\r\n")[1])
    checks.true("no h2c", "upgrade" not in seen["headers"], seen)


def curl_h2(h, *args, **more):
    return subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "--max-time", str(PATIENCE), *args],
                          capture_output=True, check=False, **more)


def http2(h, checks):
    at, size = f"http://127.0.0.1:{h.port}", 20 * MIB
    got = curl_h2(h, "-w", "%{http_version} %{http_code}", f"{at}/main/hello")
    checks.same("hello", got.stdout, b"hello2 200")
    seen = json.loads(curl_h2(h, "-H", "Cookie: a=1", "-H", "TE: trailers", "-d", "body", f"{at}/main/see").stdout)
    checks.same("what a worker sees", (seen["method"], seen["url"], seen["body"], seen["headers"]["cookie"],
                                       "te" in seen["headers"], "connection" in seen["headers"]),
                ("POST", f"{at}/main/see", "body", "a=1", False, False))
    checks.same("an error", curl_h2(h, "-w", " %{http_code}", f"{at}/none").stdout.split()[-1], b"404")
    checks.true("HEAD", b"content-length: 5" in curl_h2(h, "-I", f"{at}/main/hello").stdout)
    checks.same("down", len(curl_h2(h, f"{at}/main/down?n={size}").stdout), size)
    with tempfile.NamedTemporaryFile() as f:
        f.truncate(size)
        checks.same("up", curl_h2(h, "-T", f.name, f"{at}/main/up").stdout, b"%d" % size)
        checks.same("up without a length", curl_h2(h, "-T", "-", f"{at}/main/up", stdin=f).stdout, b"%d" % size)
        checks.same("both ways", len(curl_h2(h, "-T", f.name, f"{at}/main/echo").stdout), size)
    checks.same("100", curl_h2(h, "-H", "Expect: 100-continue", "-d", "x" * 100000, f"{at}/main/up").stdout, b"100000")
    cut = curl_h2(h, f"{at}/garbage/short")
    checks.true("a response that breaks off", cut.returncode in (18, 56, 92), cut.returncode)
    checks.same("garbage", curl_h2(h, "-w", "%{http_code}", "-o", "/dev/null", f"{at}/garbage/both").stdout, b"502")
    load = subprocess.run(["h2load", "-n", "5000", "-c", "8", "-m", "20", f"{at}/main/hello"], capture_output=True, check=False)
    checks.true("many at a time", b" 5000 succeeded, 0 failed" in load.stdout, load.stdout)
    checks.true("memory", h.memory() < 48, f"{h.memory():.1f} MiB")
    checks.true("nobody is left", soon(lambda: h.count()[:2] == [0, 0]), h.count())


def under_load(h, checks):
    def profile(n):
        other = dict(FUNCTIONS[0], environment={"N": str(n)})
        return [other if n % 2 else dict(FUNCTIONS[0], concurrency=10 + n)] + FUNCTIONS[1:6 + n % 2]
    load = subprocess.Popen(["wrk", "-t1", "-c16", "-d4", f"http://127.0.0.1:{h.port}/main/hello"],
                            stdout=subprocess.PIPE)
    time.sleep(0.3)
    for n in range(8):
        h.apply(profile(n))
        time.sleep(0.35)
    text = load.communicate()[0].decode()
    answered = int(re.search(r"(\d+) requests in", text)[1])
    checks.true("under load", "Non-2xx" not in text and "Socket errors" not in text and answered > 100, text)
    h.apply(FUNCTIONS)


def one_of_many(h, r):
    """A client that may leave at any moment."""
    paths = ("main/hello", "main/slow?ms=20", "main/down?n=300000", "garbage/nothing", "garbage/short", "garbage/half",
             "once/hello", "narrow/hello", "none", "main/early")
    data = b""
    for _ in range(r.randint(1, 4)):
        path = r.choice(paths)
        if r.random() < 0.3:
            size = r.choice((1, 1000, 200000))
            data += b"POST /main/%s HTTP/1.1\r\nHost: a\r\n" % r.choice((b"echo", b"up", b"early"))
            if r.random() < 0.5:
                data += b"Content-Length: %d\r\n\r\n%s" % (size, b"x" * size)
            else:
                data += b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size)
        else:
            data += b"%s /%s HTTP/1.%d\r\nHost: a\r\n\r\n" % (r.choice((b"GET", b"HEAD")), path.encode(), r.randint(0, 1))
    s = h.connect()
    s.settimeout(0.2)
    try:
        if r.random() < 0.5:
            data = data[:r.randint(1, len(data))]
        while data:
            n = r.choice((1, 50, 5000, 100000))
            s.send(data[:n])
            data = data[n:]
        for _ in range(r.randint(0, 10)):
            if not s.recv(r.choice((10, 100000))):
                break
    except OSError:
        pass
    s.close()


def many(h, checks):
    """Twenty clients at a time that do anything, while the profile changes: nothing is left of them."""
    until = time.monotonic() + 4

    def loop(seed):
        r = random.Random(seed)
        while time.monotonic() < until:
            one_of_many(h, r)
    threads = [threading.Thread(target=loop, args=(n,)) for n in range(20)]
    for t in threads:
        t.start()
    for n in range(8):
        time.sleep(0.4)
        h.apply([dict(f, environment={"N": str(n // 2)}) for f in FUNCTIONS[:len(FUNCTIONS) - n % 3]])
    for t in threads:
        t.join()
    h.apply(FUNCTIONS)
    for _ in range(100):
        if h.count()[:2] == [0, 0]:
            break
        time.sleep(0.1)
    checks.same("nobody is left", h.count()[:2], [0, 0])
    checks.same("and the next one", h.ask("/main/hello"), (200, b"hello"))


def drains(h, checks):
    s = h.connect()
    idle = h.connect()
    s.sendall(b"GET /main/slow?ms=500 HTTP/1.1\r\nHost: a\r\n\r\n")
    checks.true("one runs, one is idle", soon(lambda: h.count()[:2] == [2, 1]))
    h.process.terminate()
    checks.same("who waits is answered", first(read_all(s)), (200, b"slow"))
    checks.same("who does not is closed", read_all(idle), b"")
    checks.same("it ends", h.process.wait(PATIENCE), 0)


def main(build):
    checks = Checks()
    h = Host(build, "-n")
    for case in (heads, no_bodies, routes, pipelined, old_clients, continues, big, slow_reader, drips, leaves,
                 crashes, late, garbage, refusals, disposable, smuggling, upgrades, http2, under_load, many, drains):
        start = time.monotonic()
        try:
            case(h, checks)
        except (OSError, ValueError, TypeError, KeyError, IndexError):
            print(h.last_words(), flush=True)
            raise
        print(f"{case.__name__}: {time.monotonic() - start:.1f} s", flush=True)
    h = Host(build, "-t", "-h", "500", "-i", "500", "-b", "500", "-s", "500", "-c", "50")
    for case in trusted, timeouts, connections, drains:
        case(h, checks)
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(checks.failed > 0)


main(sys.argv[1])
