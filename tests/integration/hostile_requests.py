# SPDX-License-Identifier: Apache-2.0
"""Requests that two parsers may understand in two ways, and the one way that is safe.

Each is (name, bytes, statuses, what the worker sees). Behind all of them comes one more request, LAST,
as it does where a proxy shares the connection among its clients. Who refuses closes the connection, and
then it is not answered. A status may be a tuple: either is safe, and the versions of llhttp differ.
"""
H = b"Host: h\r\n"
LAST = b"GET /x/last HTTP/1.1\r\n" + H + b"Connection: close\r\n\r\n"
HIDDEN = b"GET /x/hidden HTTP/1.1\r\n" + H + b"\r\n"
SEEN_LAST = "GET http://h/x/last"
EITHER = (400, 501)


def post(fields, body=b"", path=b"/x/body", version=b"HTTP/1.1"):
    return b"POST %s %s\r\n" % (path, version) + H + fields + b"\r\n" + body


def get(fields=b"", target=b"/x/url", head=H):
    return b"GET %s HTTP/1.1\r\n" % target + head + fields + b"\r\n"


def refused(name, data, status=400):
    return name, data, [status], []


def read(name, fields, body, text, **more):
    """The body is what the fields say, and no byte of it a request."""
    return name, post(fields, body, **more), [200, 200], [f"POST http://h/x/body {text}", SEEN_LAST]


def either(name, data, text):
    """Refused, or read in the only way there is."""
    return name, data, None, [f"POST http://h/x/body {text}", SEEN_LAST]


CHUNKED = b"Transfer-Encoding: chunked\r\n"
THREE = b"3\r\nabc\r\n0\r\n\r\n"


def length(value):
    return b"Content-Length: " + value + b"\r\n"


def coded(value):
    return b"Transfer-Encoding: " + value + b"\r\n"


# RFC 9112, 6.1 and 6.3: both is an error, whatever is first. So is any coding but "chunked" alone.
FRAMINGS = [
    refused("CL.TE", post(length(b"6") + CHUNKED, b"0\r\n\r\nG")),
    refused("TE.CL", post(CHUNKED + length(b"4"), b"5c\r\n" + HIDDEN + b"0\r\n\r\n")),
    refused("CL.TE, both plausible", post(length(b"%d" % (5 + len(HIDDEN))) + CHUNKED, b"0\r\n\r\n" + HIDDEN)),
    refused("CL.0", post(length(b"0") + CHUNKED, HIDDEN)),
    refused("TE twice", post(CHUNKED + CHUNKED, THREE)),
    refused("TE in HTTP/1.0", post(CHUNKED, THREE, version=b"HTTP/1.0")),
    refused("TE of two lines, the last unknown", post(CHUNKED + coded(b"x"), THREE), EITHER),
    *[refused(f"TE {value!r}", post(coded(value), THREE), EITHER) for value in (
        b"xchunked", b"identity, chunked", b"chunked, identity", b"chunked, chunked", b"gzip, chunked",
        b"chunked,", b",chunked", b'"chunked"', b"chunked;q=1", b"chunked\x0b", b"\x0bchunked",
        b"\x00chunked", b"chun\x00ked", b"identity", b"cow", b"", b"chunked\xa0", b"ch\xc3\xbcnked")],
    *[refused(f"TE {value!r} with CL", post(length(b"3") + coded(value), b"abc"), EITHER) for value in (
        b"xchunked", b"identity", b"", b"chunked, identity", b"\tchunked", b" chunked", b"Chunked ")],
    refused("TE with space before the colon", post(b"Transfer-Encoding : chunked\r\n", THREE)),
    refused("TE with tab before the colon", post(b"Transfer-Encoding\t: chunked\r\n", THREE)),
    refused("TE folded", post(b"Transfer-Encoding:\r\n chunked\r\n", THREE)),
    refused("TE behind a folded line", post(b"X: y\r\n Transfer-Encoding: chunked\r\n", THREE)),
    refused("TE behind a bare LF", post(b"X: y\nTransfer-Encoding: chunked\r\n", THREE)),
    refused("TE behind a bare CR", post(b"X: y\rTransfer-Encoding: chunked\r\n", THREE)),
    refused("TE behind a NUL", post(b"X: y\x00Transfer-Encoding: chunked\r\n", THREE)),
    refused("TE in the request line", b"POST /x/body HTTP/1.1 Transfer-Encoding: chunked\r\n" + H + b"\r\n"),
    # White space around a value is none of it, and names have no case.
    read("TE", CHUNKED, THREE, "abc"),
    read("TE in capitals", b"TRANSFER-ENCODING:CHUNKED\r\n", THREE, "abc"),
    either("TE behind a tab", post(coded(b"\tchunked"), THREE), "abc"),
    either("TE behind spaces", post(coded(b"  chunked  "), THREE), "abc"),
    # Other fields, which only look like it.
    read("Transfer_Encoding", length(b"3") + b"Transfer_Encoding: chunked\r\n", b"abc", "abc"),
    read("Connection names the length", length(b"3") + b"Connection: Content-Length\r\n", b"abc", "abc"),
]

# RFC 9112, 6.3, and RFC 9110, 8.6: digits, once, and no more of them than there are numbers.
LENGTHS = [
    *[refused(f"CL {value!r}", post(length(value), b"abc")) for value in (
        b"-3", b"+3", b"0x3", b"3.0", b"3e0", b"3 3", b"3,3", b"3, 3", b"3;", b"", b"'3'", b"\xd9\xa3",
        b"9223372036854775808000", b"18446744073709551619", b"1" * 100, b"3\x0b", b"3\x00", b"NaN")],
    refused("CL twice, the same", post(length(b"3") * 2, b"abc")),
    refused("CL twice, two", post(length(b"3") + length(b"5"), b"abc")),
    refused("CL with space before the colon", post(b"Content-Length : 3\r\n", b"abc")),
    refused("CL folded", post(b"Content-Length:\r\n 3\r\n", b"abc")),
    either("CL with zeros", post(length(b"003"), b"abc"), "abc"),
    either("CL behind a tab", post(length(b"\t3"), b"abc"), "abc"),
    read("a request in a body", length(b"%d" % len(HIDDEN)), HIDDEN, HIDDEN.decode()),
    ("a request in a body that nobody reads", post(length(b"%d" % len(HIDDEN)), HIDDEN, path=b"/x/drop"),
     [200, 200], ["POST http://h/x/drop", SEEN_LAST]),
    ("a request in the body of a GET", get(length(b"%d" % len(HIDDEN)), target=b"/x/drop") + HIDDEN,
     [200, 200], ["GET http://h/x/drop", SEEN_LAST]),
    ("a request in the chunks of a GET",
     get(CHUNKED, target=b"/x/drop") + b"%x\r\n" % len(HIDDEN) + HIDDEN + b"\r\n0\r\n\r\n",
     [200, 200], ["GET http://h/x/drop", SEEN_LAST]),
    ("a GET without a length has no body", get(target=b"/x/drop") + HIDDEN,
     [200, 200, 200], ["GET http://h/x/drop", "GET http://h/x/hidden", SEEN_LAST]),
    ("nothing behind close", get(b"Connection: close\r\n", target=b"/x/drop") + HIDDEN,
     [200], ["GET http://h/x/drop"]),
]


def chunks(name, body):
    """Refused by whoever reads it: the worker has seen the head."""
    return name, post(CHUNKED, body), [400], ["POST http://h/x/body"]


# RFC 9112, 7.1.
CHUNKS = [
    *[chunks(f"chunk size {size!r}", size + b"\r\nabc\r\n0\r\n\r\n") for size in (
        b"-3", b"+3", b"0x3", b" 3", b"3\x0b", b"3 3\x00", b"", b"g", b"10000000000000003", b"3\n", b"3\r")],
    chunks("a chunk that ends by LF", b"3\r\nabc\n0\r\n\r\n"),
    chunks("a size that ends by LF", b"3\nabc\r\n0\r\n\r\n"),
    chunks("a chunk longer than its size", b"3\r\nabcd\r\n0\r\n\r\n"),
    chunks("a chunk shorter than its size", b"4\r\nabc\r\n0\r\n\r\n"),
    chunks("an extension with LF", b"3;x\nabc\r\n0\r\n\r\n"),
    chunks("an extension with CR", b"3;x\rabc\r\n0\r\n\r\n"),
    chunks("a last chunk that ends by LF", b"0\n\r\n"),
    chunks("an end by LF", b"0\r\n\n"),
    chunks("a request for a trailer", b"0\r\n" + HIDDEN),
    chunks("a trailer with LF", b"0\r\nX: y\n\r\n"),
    chunks("a folded trailer", b"0\r\nX: y\r\n z\r\n\r\n"),
    chunks("a trailer without a name", b"0\r\n: y\r\n\r\n"),
    read("extensions", CHUNKED, b"3;a=b;c=\"d\"\r\nabc\r\n0;e\r\n\r\n", "abc"),
    # Framing in a trailer is none (RFC 9110, 6.5.1).
    read("a length in the trailer", CHUNKED, b"3\r\nabc\r\n0\r\nContent-Length: 50\r\nHost: i\r\n\r\n", "abc"),
]

# RFC 9112, 2.2, 3 and 5: lines, names, methods, versions.
LINES = [
    refused("a folded field", get(b"X: y\r\n z\r\n")),
    refused("a folded first field", b"GET /x/url HTTP/1.1\r\n X: y\r\n" + H + b"\r\n"),
    refused("bare LF for all", get().replace(b"\r\n", b"\n")),
    refused("bare LF behind the request line", b"GET /x/url HTTP/1.1\n" + H + b"\r\n"),
    refused("bare LF in a field", get(b"X: y\nZ: a\r\n")),
    refused("bare LF at the end", get()[:-2] + b"\n"),
    refused("bare CR in a field", get(b"X: y\rZ: a\r\n")),
    refused("bare CR for an end", get()[:-2] + b"\r\r\n"),
    refused("space before a colon", get(b"X : y\r\n")),
    refused("a name with NUL", get(b"X\x00Y: z\r\n")),
    refused("a value with NUL", get(b"X: y\x00z\r\n")),
    refused("a target with NUL", get(target=b"/x/\x00")),
    refused("a name that is no ASCII", get(b"X\xff: z\r\n")),
    refused("no name", get(b": z\r\n")),
    refused("no colon", get(b"X\r\n")),
    refused("a method that is no token", b"GE(T /x/url HTTP/1.1\r\n" + H + b"\r\n"),
    refused("a method that nobody knows", b"FROB /x/url HTTP/1.1\r\n" + H + b"\r\n", 501),
    refused("a method in small letters", b"get /x/url HTTP/1.1\r\n" + H + b"\r\n", 501),
    refused("CONNECT", b"CONNECT h:80 HTTP/1.1\r\n" + H + b"\r\n", 501),
    refused("two spaces", b"GET  /x/url HTTP/1.1\r\n" + H + b"\r\n"),
    refused("a tab for a space", b"GET\t/x/url HTTP/1.1\r\n" + H + b"\r\n"),
    refused("space at the end of the line", b"GET /x/url HTTP/1.1 \r\n" + H + b"\r\n"),
    refused("space before the method", b" GET /x/url HTTP/1.1\r\n" + H + b"\r\n"),
    refused("HTTP/0.9", b"GET /x/url\r\n\r\n"),
    refused("HTTP/0.9 by name", b"GET /x/url HTTP/0.9\r\n" + H + b"\r\n", (400, 505)),
    refused("HTTP/1.10", b"GET /x/url HTTP/1.10\r\n" + H + b"\r\n"),
    refused("http/1.1", b"GET /x/url http/1.1\r\n" + H + b"\r\n"),
    refused("HTTP/2 by name", b"GET /x/url HTTP/2.0\r\n" + H + b"\r\n", 505),
    refused("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    refused("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\r\n"),
    refused("LF before it", b"\n" + get()),
    ("CRLF before it", b"\r\n\r\n" + get(), [200, 200], ["GET http://h/x/url", SEEN_LAST]),
]

# RFC 9112, 3.2, and RFC 9110, 4.2: one Host; a target's own host goes before it.
HOSTS = [
    refused("no Host", get(head=b"")),
    refused("two Hosts", get(b"Host: i\r\n")),
    refused("the same Host twice", get(H)),
    refused("two Hosts in one", get(head=b"Host: h, i\r\n")),
    refused("a Host with a path", get(head=b"Host: h/x\r\n")),
    refused("a Host with a user", get(head=b"Host: u@h\r\n")),
    ("a Host that is none", get(head=b"Host: h:99999\r\n"), [400, 200], [SEEN_LAST]),
    ("absolute, another Host", get(target=b"http://other:81/x/url"), [200, 200],
     ["GET http://other:81/x/url", SEEN_LAST]),
    refused("absolute, no Host", get(target=b"http://other/x/url", head=b"")),
    refused("absolute, with a user", get(target=b"http://h:80@other/x/url")),
    refused("absolute, without a host", get(target=b"http:///x/url")),
    refused("absolute, another scheme", get(target=b"https://h/x/url")),
    refused("absolute, with backslashes", get(target=b"http:\\\\other/x/url")),
    refused("a fragment", get(target=b"/x/url#y")),
    refused("no slash", get(target=b"x/url")),
    ("two slashes are no host", get(target=b"//other/x/url"), [200, 200],
     ["GET http://h//other/x/url", SEEN_LAST]),
]

ALL = FRAMINGS + LENGTHS + CHUNKS + LINES + HOSTS
