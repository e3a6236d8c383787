# SPDX-License-Identifier: Apache-2.0
"""A worker that answers with what is none: usage: noslated_data_garbage.py SOCKET.

The last segment of a request's path says which; then it closes the connection, unless it is "extra" or "stall".
"""
import socket
import sys
import threading

OK = b"HTTP/1.1 200 OK\r\n"
SAY = {
    "nothing": b"",
    "text": b"hello\r\n\r\n",
    "half": OK + b"Content-Len",
    "both": OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
    "two": OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "minus": OK + b"Content-Length: -3\r\n\r\nabc",
    "fold": OK + b"X: y\r\n z\r\nContent-Length: 3\r\n\r\nabc",
    "lf": b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc",
    "space": OK + b"Content-Length : 3\r\n\r\nabc",
    "coding": OK + b"Transfer-Encoding: gzip\r\n\r\nabc",
    "unasked": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "many": b"HTTP/1.1 102 Processing\r\n\r\n" * 20 + OK + b"Content-Length: 0\r\n\r\n",
    "huge": OK + b"X: " + b"x" * 20000 + b"\r\n\r\n",
    "fields": OK + b"X: y\r\n" * 200 + b"\r\n",
    "status": b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n",
    "version": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    # good ones
    "close": OK + b"\r\nabc",
    "old": b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    "hints": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 3\r\n\r\nabc",
    "extra": OK + b"Content-Length: 3\r\n\r\nabc" + OK + b"Content-Length: 6\r\n\r\nsecret",
    "chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\nTrailer: t\r\n\r\n",
    # cut in the middle
    "stall": OK + b"Content-Length: 10\r\n\r\nabc",
    "short": OK + b"Content-Length: 10\r\n\r\nabc",
    "chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxx\r\n",
    "unended": OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
}


def serve(s):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = s.recv(65536)
        if not piece:
            return
        data += piece
    kind = data.split(b" ")[1].split(b"/")[-1].decode()
    s.sendall(SAY[kind])
    if kind in ("extra", "stall"):
        s.recv(1)
    s.close()


listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(100)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
