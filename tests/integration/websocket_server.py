# SPDX-License-Identifier: Apache-2.0
"""A server for tests/integration/websocket.sh, which is right or wrong as the path says.

usage: websocket_server.py [CERTIFICATE KEY]; prints its port. With a certificate it speaks TLS.
"""
import base64
import hashlib
import socket
import ssl
import sys
import threading

PATIENCE = 30


def accept_of(key):
    return base64.b64encode(hashlib.sha1(
        (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def read_head(f):
    lines = []
    while (line := f.readline().decode().strip()) != "":
        lines.append(line)
    return lines[0].split()[1], {n.lower(): v.strip() for n, _, v in
                                 (x.partition(":") for x in lines[1:])}


def read_frame(f):
    head = f.read(2)
    if len(head) < 2:
        return None, b""
    n = head[1] & 127
    if not head[1] & 128:
        raise AssertionError("a client that does not mask")
    if n > 125:
        n = int.from_bytes(f.read(2 if n == 126 else 8), "big")
    mask = f.read(4)
    data = f.read(n)
    key = (mask * (n // 4 + 1))[:n]
    data = (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(n, "big")
    return head[0], data


def frame(first, data):
    n = len(data)
    size = bytes([n]) if n < 126 else b"\x7e" + n.to_bytes(2, "big") if n < 65536 \
        else b"\x7f" + n.to_bytes(8, "big")
    return bytes([first]) + size + data


def respond(path, fields):
    status = "200 OK" if path == "/status" else "101 Switching Protocols"
    lines = [f"HTTP/1.1 {status}", "upgrade: WebSocket", "connection: keep-alive, upgrade"]
    key = "wrong" if path == "/key" else fields["sec-websocket-key"]
    lines.append(f"Sec-WebSocket-Accept: {accept_of(key)}")
    if path == "/extension":
        lines.append("Sec-WebSocket-Extensions: permessage-deflate")
    if "sec-websocket-protocol" in fields and path != "/none":
        lines.append("Sec-WebSocket-Protocol: " + (
            "other" if path == "/other" else fields["sec-websocket-protocol"].split(", ")[-1]))
    if path == "/long":
        lines.append("X: " + "x" * 20000)
    # The first frame comes with the head.
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + frame(0x81, path.encode())


def serve(s):
    f = s.makefile("rwb")
    path, fields = read_head(f)
    if path == "/gone":
        s.close()
        return
    f.write(respond(path, fields))
    f.flush()
    if path == "/bad":
        f.write(b"\x83\x00")
        f.flush()
    while True:
        first, data = read_frame(f)
        if first is None:
            return
        if data == b"drop":
            s.shutdown(socket.SHUT_RDWR)
            return
        f.write(frame(first, data))
        f.flush()
        if first == 0x88:
            return


def handle(s, context):
    try:
        s.settimeout(PATIENCE)
        serve(context.wrap_socket(s, server_side=True) if context else s)
    except (OSError, ValueError, IndexError, KeyError):
        pass
    finally:
        s.close()


def main():
    context = None
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        threading.Thread(target=handle, args=(listener.accept()[0], context), daemon=True).start()


main()
