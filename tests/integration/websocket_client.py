# SPDX-License-Identifier: Apache-2.0
"""A client of the worker of tests/integration/websocket.sh.

usage: websocket_client.py ADDRESS CASE; prints "ok" or says what went wrong.
"""
import socket
import sys

import websocket

PATIENCE = 30
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def same(what, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r:.200} instead of {wanted!r:.200}")


def open_socket(address, path="/echo", **options):
    return websocket.create_connection(f"ws://{address}{path}", timeout=PATIENCE, **options)


def frame(ws, opcode, data, fin=1, rsv1=0):
    ws.send_frame(websocket.ABNF(fin, rsv1, 0, 0, opcode, 1, data))


def closes_with(what, ws, code):
    opcode, data = ws.recv_data()
    same(what, [opcode, int.from_bytes(data[:2], "big")], [CLOSE, code])


def case_messages(address):
    ws = open_socket(address)
    for text in "h\u00e9", "", "x" * 125, "x" * 126, "x" * 65536, "\u00e9" * 2000000:
        ws.send(text)
        same("text", ws.recv(), text)
    data = bytes(range(256)) * 1000
    ws.send_binary(data)
    same("binary", ws.recv(), data)
    frame(ws, TEXT, b"H", fin=0)
    frame(ws, PING, b"between")
    frame(ws, 0, b"\xc3", fin=0)
    frame(ws, 0, b"\xa9")
    opcode, pong = ws.recv_data(control_frame=True)
    same("pong", [opcode, pong], [PONG, b"between"])
    same("fragments", ws.recv(), "H\u00e9")
    ws.send("buffered")
    same("bufferedAmount", [ws.recv() for _ in range(4)], ["xxxxx", "\u00e9", "7", "0"])
    ws.send("close")
    same("close", ws.recv_data(), (CLOSE, b"\x0f\xa1bye \xc3\xa9"))


def case_queues(address):
    ws = open_socket(address, "/early")
    same("before the upgrade", [ws.recv(), ws.recv()], ["before", b"\x01\x02\x03"])
    ws = open_socket(address, "/late")
    ws.send("1")
    ws.send("2")
    same("after accept()", [ws.recv() for _ in range(3)], ["late", "1", "2"])
    # Its first frames may come with the request.
    raw = socket.create_connection(address.split(":"), timeout=PATIENCE)
    raw.sendall(b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                b"\x81\x82\0\0\0\0ab\x81\x81\0\0\0\0c")
    got = b""
    while not got.endswith(b"c"):
        got += raw.recv(4096)
    same("sent ahead", got.partition(b"\r\n\r\n")[2], b"\x81\x02ab\x81\x01c")
    same("accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in got, True)


def case_handshake(address):
    ws = open_socket(address, "/protocol", subprotocols=["chat", "other"])
    same("protocol", [ws.subprotocol, ws.headers["set-cookie"]], ["chat", "a=b"])
    ws.send("protocol")
    same("in the worker", ws.recv(), "chat")
    try:
        open_socket(address, "/plain")
    except websocket.WebSocketBadStatusException as e:
        same("without a WebSocket", e.status_code, 200)


def case_refused(address):
    for what, code, opcode, data, options in [
            ("no UTF-8", 1007, TEXT, b"\xff", {}),
            ("a reserved bit", 1002, TEXT, b"a", {"rsv1": 1}),
            ("nothing to continue", 1002, 0, b"a", {}),
            ("a bad code", 1002, CLOSE, b"\x03\xed", {})]:
        ws = open_socket(address)
        frame(ws, opcode, data, **options)
        closes_with(what, ws, code)
    ws = open_socket(address)
    ws.sock.sendall(b"\x82\xff\0\0\0\0\x7f\xff\xff\xff\0\0\0\0")
    closes_with("a huge frame", ws, 1009)
    ws = open_socket(address)
    ws.sock.sendall(b"\x81\x01a")
    closes_with("not masked", ws, 1002)


def case_flood(address):
    """Never reads what it asks for: the worker gives up, and serves others."""
    ws = open_socket(address)
    ws.sock.settimeout(PATIENCE)
    try:
        for _ in range(400):
            ws.send_binary(b"x" * 1000000)
    except OSError:
        pass
    else:
        raise AssertionError("everything was taken")
    ws = open_socket(address)
    ws.send("on")
    same("another one", ws.recv(), "on")


def case_stays(address):
    ws = open_socket(address)
    print("open", flush=True)
    closes_with("the end of the worker", ws, 1001)


def main():
    address, case = sys.argv[1:]
    globals()[f"case_{case}"](address)
    print("ok")


main()
