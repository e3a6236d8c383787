# SPDX-License-Identifier: Apache-2.0
"""What clients that mean harm do to a worker: hostile_client.py AWORKER SCRIPT.

Each case says what the client gets, by how much the worker's memory grows at most, and that the next
request is answered. The last line is the count of all.
"""
import json
import os
import select
import socket
import sys
import threading
import time
import zlib

import hostile_requests
from hostile_rig import MIB, PATIENCE, Checks, Worker, first, read_all, request, responses, sanitized

IDLE = 10000
BLOCK = os.urandom(MIB)
GIB_DIGEST = None  # of 1024 blocks; see main()


# --- slow clients ---

def a_byte_at_a_time(w, checks):
    """A hundred of them, head and body."""
    data = request("/quiet/text", b"slow body", b"X: y\r\nConnection: close\r\n")
    clients = [w.connect() for _ in range(100)]
    with w.bounded("a byte at a time", 8):
        for i in range(len(data)):
            for s in clients:
                s.send(data[i:i + 1])
        answers = {first(read_all(s)) for s in clients}
    checks.same("a byte at a time", answers, {(200, b"slow body")})


def unread_stream(w, checks):
    """100 MiB for each of twenty clients, of whom one reads."""
    size = 100
    with w.bounded("nobody reads", 80):
        clients = [w.connect() for _ in range(20)]
        for s in clients:
            s.sendall(request(f"/quiet/stream/{size}", fields=b"Connection: close\r\n"))
        got = sum(len(p) for p in iter(lambda: clients[0].recv(MIB), b""))
        produced = float(w.ask("/quiet/produced")[1])
    checks.true("all of it for who reads", size * MIB < got < size * MIB * 1.01, got)
    # What the sockets of the others hold is some megabytes each.
    checks.true("nothing for nobody", produced < 4 * size, f"{produced} MiB made")
    for s in clients:
        s.close()


# --- connections ---

def open_many(w, n):
    clients = []
    for _ in range(n):
        s = socket.socket()
        s.connect(w.address)
        clients.append(s)
    return clients


def await_connections(w, wanted):
    while (n := w.report()["connections"]) != wanted:
        if w.process.poll() is not None:
            sys.exit(f"the worker has ended with {n} connections")
        time.sleep(0.05)


def per_client(w, before):
    return (w.memory("VmRSS") - before) // IDLE


def idle_connections(w, checks):
    """Ten thousand at one time: silent ones, some who have begun, and those between two requests."""
    before = w.memory("VmRSS")
    with w.bounded("silent connections", 16):
        clients = open_many(w, IDLE)
        await_connections(w, IDLE)
        silent = per_client(w, before)
    with w.bounded("connections that have sent a byte", 64):
        for s in clients:
            s.send(b"G")
        # They are heard in turn: who is answered comes after them.
        checks.same("among those", w.ask("/quiet/hello"), (200, b"hello"))
        begun = per_client(w, before)
    with w.bounded("idle connections", 32):
        for s in clients:
            s.send(request("/quiet/hello")[1:])
        checks.same("the answers of all", {first(s.recv(4096)) for s in clients}, {(200, b"hello")})
        idle = per_client(w, before)
    print(f"bytes a connection: {silent} silent, {begun} with a byte, {idle} idle")
    for s in clients:
        s.close()
    await_connections(w, 0)


def more_than_there_is_room_for(w, checks):
    """The oldest of those that say nothing make room; nobody waits for them."""
    with w.bounded("ten times its connections", 16):
        clients = open_many(w, IDLE)
        checks.same("a new one", w.ask("/quiet/hello"), (200, b"hello"))
        checks.true("not more than may be", w.report()["connections"] <= 1024)
        for s in clients:
            s.close()


# --- uploads ---

def send_block(s, block):
    sent = 0
    while sent < MIB:
        if not select.select([], [s], [], PATIENCE)[1]:
            raise TimeoutError("nobody takes the upload")
        sent += os.sendfile(s.fileno(), block, sent, MIB - sent)


def send_gib(s, block, chunked):
    for _ in range(1024):
        if chunked:
            s.sendall(b"%x\r\n" % MIB)
        send_block(s, block)
        if chunked:
            s.sendall(b"\r\n")
    if chunked:
        s.sendall(b"0\r\n\r\n")


def upload_head(path, chunked):
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % (1 << 30)
    return (b"POST %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" % path.encode()) + framing + b"\r\n\r\n"


def uploads_counted(w, checks, block):
    for chunked in False, True:
        name = "1 GiB " + ("in chunks" if chunked else "of a length")
        with w.bounded(name, 32):
            s = w.connect()
            s.sendall(upload_head("/quiet/count", chunked))
            send_gib(s, block, chunked)
            checks.same(name, first(read_all(s)), (200, GIB_DIGEST))


def upload_through(w, checks, block):
    """It comes back as it goes up."""
    with w.bounded("1 GiB through a stream", 32):
        s = w.connect()
        s.sendall(upload_head("/quiet/through", False))
        sender = threading.Thread(target=send_gib, args=(s, block, False))
        sender.start()
        got = sum(len(p) for p in iter(lambda: s.recv(MIB), b""))
        sender.join()
        s.close()
    checks.true("came back", got > 1 << 30, got)
    checks.same("as it went", w.ask("/quiet/passed"), (200, GIB_DIGEST))


def uploads_ignored(w, checks, block):
    """The answer comes at once, and the connection ends, whatever the client still sends."""
    for chunked in False, True:
        name = "ignored, " + ("in chunks" if chunked else "of a length")
        with w.bounded(name, 8):
            s = w.connect()
            s.sendall(upload_head("/quiet/drop", chunked))
            try:
                send_gib(s, block, chunked)
            except (BrokenPipeError, ConnectionResetError):
                pass
            checks.same(name, first(read_all(s)), (200, b"ignored"))


# --- heads and framing ---

def until_refused(w, piece, head=b""):
    """Sends without end; the answer, and whether the end came before 256 MiB."""
    s = w.connect()
    s.sendall(head)
    for _ in range((256 * MIB) // len(piece)):
        if select.select([s], [], [], 0)[0]:
            return first(read_all(s))[0]
        try:
            s.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            break
    return first(read_all(s))[0]


def bombs(w, checks):
    start = b"GET /quiet/hello HTTP/1.1\r\nHost: h\r\n"
    body = b"POST /quiet/count HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    tiny = b"1\r\nx\r\n"
    whole = {
        "128 fields": (start + b"a: b\r\n" * 126 + b"Connection: close\r\n\r\n", 200),
        "129 fields": (start + b"a: b\r\n" * 128 + b"\r\n", 431),
        "a long field": (start + b"a: " + b"b" * 16384 + b"\r\n\r\n", 431),
        "a long name": (start + b"a" * 16384 + b": b\r\n\r\n", 431),
        "a long target": (b"GET /" + b"a" * 8192 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
        "a long method": (b"A" * 9000 + b" / HTTP/1.1\r\nHost: h\r\n\r\n", 414),
        "tiny chunks": (body + tiny * 10**6 + b"0\r\n\r\n", 200),
        "tiny chunks with extensions": (body + b"1;a\r\nx\r\n" * 5000 + b"0\r\n\r\n", 400),
        "a long extension": (body + b"1;" + b"a" * 5000 + b"\r\nx\r\n0\r\n\r\n", 400),
        "a long trailer": (body + b"0\r\n" + b"a: b\r\n" * 2000 + b"\r\n", 400),
        "a trailer": (body + tiny + b"0\r\n" + b"a: b\r\n" * 1000 + b"\r\n", 200),
    }
    for name, (data, status) in whole.items():
        with w.bounded(name, 16):
            s = w.connect()
            s.sendall(data)
            checks.same(name, first(read_all(s))[0], status)
    endless = {
        "fields without end": (start, b"a: b\r\n" * 1000, 431),
        "a field without end": (start + b"a: ", b"b" * 65536, 431),
        "a target without end": (b"GET /", b"a" * 65536, 414),
        "a trailer without end": (body + b"0\r\n", b"a: b\r\n" * 1000, 400),
        "an extension without end": (body + b"1;", b"a" * 65536, 400),
    }
    for name, (head, piece, status) in endless.items():
        with w.bounded(name, 8):
            checks.same(name, until_refused(w, piece, head), status)


def fits(status, wanted):
    return status in wanted if isinstance(wanted, tuple) else status == wanted


def smuggled(w, checks):
    """The worker sees what it is meant to, and nothing that was hidden."""
    with w.bounded("requests of two meanings", 16):
        for name, data, wanted, sees in hostile_requests.ALL:
            s = w.connect()
            s.sendall(data + hostile_requests.LAST)
            found, rest = responses(read_all(s))
            statuses = [status for status, _ in found]
            seen = w.ask_json("/quiet/seen")
            if wanted is None:
                wanted, sees = ([400], []) if statuses == [400] else ([200] * len(sees), sees)
            checks.true(f"{name}: answers", len(statuses) == len(wanted) and not rest and all(
                map(fits, statuses, wanted)), f"{statuses} of {wanted}")
            checks.same(f"{name}: what the worker saw", seen, sees)


# --- text that is none ---

def invalid_utf8(w, checks):
    bad, good = b"a\xff\xc3(\xed\xa0\x80\xf4\x90\x80\x80", "a\ufffd\ufffd(" + "\ufffd" * 7
    status, text = w.ask("/quiet/text", bad)
    checks.same("a body of text", (status, text.decode()), (200, good))
    status, text = w.ask("/quiet/json", b'{"a":"' + bad + b'"}')
    checks.same("JSON", (status, json.loads(text)), (200, {"a": good}))
    checks.same("JSON that is none", w.ask("/quiet/json", bad)[0], 500)
    urlencoded = b"Content-Type: application/x-www-form-urlencoded\r\n"
    status, text = w.ask("/quiet/form", b"%ff=" + bad + b"&%C3", urlencoded)
    checks.same("a form", (status, json.loads(text)), (200, [["\ufffd", good], ["\ufffd", ""]]))
    part = b'--B\r\nContent-Disposition: form-data; name="' + bad + b'"\r\n\r\n' + bad + b"\r\n--B--\r\n"
    status, text = w.ask("/quiet/form", part, b"Content-Type: multipart/form-data; boundary=B\r\n")
    checks.same("parts", (status, json.loads(text)), (200, [[good, good]]))
    # A header is bytes, each of them a character.
    status, text = w.ask("/quiet/header", fields=b"X: \xff\xc3(\r\n")
    checks.same("a header", (status, json.loads(text)), (200, "\xff\xc3("))
    s = w.connect()
    s.sendall(b"GET /quiet/url?\xff\xc3( HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    answer = first(read_all(s))
    checks.true("a target", answer[0] == 400 or answer == (200, b"http://h/quiet/url?%FF%C3("), answer)
    s = w.connect()
    s.sendall(b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n")
    checks.same("a host", first(read_all(s))[0], 400)


# --- decompression ---

def bombs_that_are_fetched(w, checks):
    """256 MiB of nothing from a server that is ourselves."""
    for coding in "gzip", "br", "zstd":
        with w.bounded(f"a bomb of {coding}", 48):
            status, text = w.ask(f"/quiet/unpack/{coding}-{w.address[1]}")
            # A of Adler-32 stays 1 where all is zero, B counts the bytes.
            b = (256 * MIB) % 65521
            checks.same(f"a bomb of {coding}", (status, text), (200, b"%d %d" % (256 * MIB, b << 16 | 1)))


# --- code that never ends ---

def start_busy(program, script, checks, path):
    w = Worker(program, script, checks, "serve")
    s = w.connect()
    s.sendall(request(path))
    w.await_output(w.out, b"busy")
    return w, s


def stop_busy(w, s, checks, name):
    checks.same(f"{name} ends", w.ended()[0], 143)
    # Who is stopped in the middle of a request may still say so.
    checks.true(f"{name}: answer", responses(read_all(s))[0] in ([], [(500, b"")]))


def runaways(program, script, checks):
    """The first signal gives it eight seconds, the second none; see the end of main()."""
    slow = start_busy(program, script, checks, "/quiet/regexp")
    slow[0].process.terminate()
    for path in "/quiet/regexp", "/quiet/microtasks":
        w, s = start_busy(program, script, checks, path)
        # Nobody is served meanwhile, and who waits is no reason to stay.
        waiting = w.connect()
        waiting.sendall(request("/quiet/hello"))
        w.process.terminate()
        while w.process.poll() is None and not is_draining(w):
            time.sleep(0.02)
        w.process.terminate()
        stop_busy(w, s, checks, path)
        waiting.close()
    return slow


def is_draining(w):
    """The signal was taken."""
    with open(f"/proc/{w.process.pid}/status", encoding="ascii") as f:
        pending = [line.split()[1] for line in f if line.startswith(("ShdPnd", "SigPnd"))]
    return all(int(mask, 16) == 0 for mask in pending)


STORMS = {
    "promises that wait": "const all = []; for (;;) all.push(new Promise(() => {}));",
    "two microtasks for one": "const f = () => { for (const _ of [1, 2]) Promise.resolve().then(f); }; f();",
    "a chain": "let p = Promise.resolve(); for (;;) p = p.then(() => new Promise(() => {}));",
    "async functions": "const never = new Promise(() => {}); for (;;) (async () => { await never; })();",
}


def storms(program, checks):
    """The heap's limit ends them, with its sentence, before anything else of the machine is gone."""
    for name, code in STORMS.items():
        r, err = os.pipe()
        pid = os.posix_spawn(program, [program, "--v8-options=--max-old-space-size=64", "-e", code],
                             os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, err, 2)])
        os.close(err)
        with open(r, encoding="utf-8") as f:
            said = f.read()
        _, status, usage = os.wait4(pid, 0)
        checks.same(f"{name}: code", os.waitstatus_to_exitcode(status), 5)
        checks.true(f"{name}: sentence", "JavaScript heap out of memory (limit " in said, said)
        grown = usage.ru_maxrss / 1024
        checks.true(f"{name}: memory", grown < 256 or sanitized(program), f"{grown:.0f} MiB")
        print(f"{name}: {grown:.0f} MiB at most", flush=True)


def many_promises(w, checks):
    with w.bounded("a million promises", 400):
        checks.same("a million promises", w.ask("/quiet/promises/1000000"), (200, b"pending"))
    w.ask("/quiet/promises/0")


def block_file():
    fd = os.memfd_create("block")
    os.write(fd, BLOCK)
    return fd


def gib_digest():
    adler = 1
    for _ in range(1024):
        adler = zlib.adler32(BLOCK, adler)
    return b"%d %d" % (1 << 30, adler)


def main():
    global GIB_DIGEST
    program, script = sys.argv[1:]
    checks = Checks()
    GIB_DIGEST = gib_digest()
    slow, its_client = runaways(program, script, checks)
    storms(program, checks)

    w = Worker(program, script, checks, "serve", f"--max-connections={IDLE + 100}")
    idle_connections(w, checks)
    w.stop()

    w = Worker(program, script, checks, "serve")
    block = block_file()
    more_than_there_is_room_for(w, checks)
    a_byte_at_a_time(w, checks)
    unread_stream(w, checks)
    smuggled(w, checks)
    bombs(w, checks)
    invalid_utf8(w, checks)
    bombs_that_are_fetched(w, checks)
    uploads_ignored(w, checks, block)
    upload_through(w, checks, block)
    uploads_counted(w, checks, block)
    many_promises(w, checks)
    checks.true("after all of it", w.memory("VmRSS") < 256 * MIB or not w.measured)
    w.stop()

    stop_busy(slow, its_client, checks, "a regular expression after eight seconds")
    print(f"{checks.passed} passed, {checks.failed} failed")
    return checks.failed > 0


sys.exit(main())
