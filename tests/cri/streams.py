# SPDX-License-Identifier: Apache-2.0
"""What cri does over WebSocket: standard streams of exec and attach, and forwarded ports.

Both put the number of a channel before each message. exec and attach speak v4.channel.k8s.io:
0 stdin, 1 stdout, 2 stderr, 3 how it ended, 4 the terminal's size. The protocol has no end of
input: the peer learns of it only when the connection ends. A port has two channels, for data and
for what went wrong; the first two bytes of each repeat its number.
"""

import json
import os
import signal
import socket
import sys
import threading
import urllib.parse

import websocket

STDIN, STDOUT, STDERR, STATUS, RESIZE = range(5)
DATA, ERROR = range(2)


class StreamError(Exception):
    """The stream did not come about, or did not tell how it ended."""


def connect(url):
    parts = urllib.parse.urlsplit(url)
    try:
        # A socket of our own: no proxy comes between.
        peer = socket.create_connection((parts.hostname, parts.port), timeout=30)
        peer.settimeout(None)
        return websocket.create_connection(
            parts._replace(scheme="ws").geturl(),
            socket=peer,
            subprotocols=["v4.channel.k8s.io"],
        )
    except (OSError, websocket.WebSocketException) as e:
        raise StreamError(f"cannot stream from '{url}': {e}") from e


def messages(connection):
    """(channel, bytes) until the peer ends the connection."""
    while True:
        try:
            opcode, data = connection.recv_data()
        except (OSError, websocket.WebSocketException):
            return
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return
        if data:
            yield data[0], data[1:]


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data) :]


def send(connection, channel, data):
    connection.send_binary(bytes([channel]) + data)


def pump_input(connection, channel, hang_up):
    """From standard input to a channel; hang_up ends the connection after it."""
    try:
        while data := os.read(0, 32768):
            send(connection, channel, data)
        if hang_up:
            connection.send_close()
    except (OSError, websocket.WebSocketException):
        pass  # the reader sees the end, too


def start(target, *args):
    threading.Thread(target=target, args=args, daemon=True).start()


def send_size(connection, rows, columns):
    send(connection, RESIZE, json.dumps({"Width": columns, "Height": rows}).encode())


def follow_terminal(connection):
    """The size of our terminal becomes that of the peer's, whenever it changes."""

    def tell(*_):
        size = os.get_terminal_size(0)
        send_size(connection, size.lines, size.columns)

    signal.signal(signal.SIGWINCH, tell)
    tell()


def exit_code(status):
    """The exit code in a status as Kubernetes words it."""
    if status.get("status") == "Success":
        return 0
    for cause in status.get("details", {}).get("causes", []):
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise StreamError(status.get("message", "it ended with neither success nor an exit code"))


def run(url, stdin=False, tty=False, size=None, hang_up=False, need_status=True):
    """exec or attach; returns the exit code. With hang_up nobody tells it, and 0 is returned."""
    saved = None
    connection = connect(url)
    local_tty = tty and stdin and os.isatty(0)
    if local_tty:
        import termios
        import tty as terminal

        saved = termios.tcgetattr(0)
        terminal.setraw(0)
    try:
        if size:
            send_size(connection, *size)
        elif local_tty:
            follow_terminal(connection)
        if stdin:
            start(pump_input, connection, STDIN, hang_up)
        status = b""
        for channel, data in messages(connection):
            if channel == STDOUT:
                write_all(1, data)
            elif channel == STDERR:
                write_all(2, data)
            elif channel == STATUS:
                status += data
    finally:
        if saved:
            termios.tcsetattr(0, termios.TCSADRAIN, saved)
    connection.close(timeout=1)
    if status:
        return exit_code(json.loads(status))
    if need_status and not hang_up:
        raise StreamError("the stream ended without a status")
    return 0


def port_messages(connection):
    """Data of a forwarded port; what went wrong with it is raised at the end."""
    seen = {DATA: b"", ERROR: b""}
    for channel, data in messages(connection):
        numbered = len(seen[channel]) >= 2
        seen[channel] += data if channel == ERROR or not numbered else b""
        if channel == DATA:
            yield data if numbered else seen[channel][2:]
    if seen[ERROR][2:]:
        raise StreamError(seen[ERROR][2:].decode(errors="replace"))


def forward_stdio(url, hang_up):
    """Standard input to the port, and what it answers to standard output."""
    connection = connect(url)
    start(pump_input, connection, DATA, hang_up)
    for data in port_messages(connection):
        write_all(1, data)
    connection.close(timeout=1)


def forward_listener(listener, get_url):
    """Each client of the listener gets a stream of its own."""

    def from_client(client, connection):
        try:
            while data := client.recv(32768):
                send(connection, DATA, data)
            connection.send_close()
        except (OSError, websocket.WebSocketException):
            pass

    def serve(client):
        try:
            connection = connect(get_url())
            start(from_client, client, connection)
            for data in port_messages(connection):
                client.sendall(data)
        except (OSError, StreamError) as e:
            print(f"cri: port-forward: {e}", file=sys.stderr)
        finally:
            client.close()

    while True:
        start(serve, listener.accept()[0])
