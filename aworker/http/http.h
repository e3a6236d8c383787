/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract between the C side of the worker and the platform's JavaScript:
 * HTTP requests, timers and the worker itself. Ops of URL, text, crypto and
 * structured clone are their own modules'.
 *
 * --- a request ---
 * C calls, by engine_internal_function():
 *
 *   internals.httpRequest(id, method, url, originLength, headers, hasBody)
 *       id        positive integer, never used twice in a process
 *       method    as sent ("GET"); C has refused CONNECT and what is no token
 *       url       absolute: "http://HOST/path?query"; HOST from the Host field (or from an
 *                 absolute-form target), "localhost" when HTTP/1.0 sends none. Bytes
 *                 0x80-0xff of the target are percent-encoded, those of a Host field come as
 *                 U+0080-U+00FF; all else is visible ASCII. JavaScript parses it, and answers
 *                 400 when it is no URL.
 *       originLength  of "http://HOST" in url, when the rest of it is what a URL parser would
 *                 leave as it is; else 0
 *       headers   one byte string of names and values in turn, each ended by U+0000, as sent and
 *                 in that order, values trimmed
 *       hasBody   false: there is none, and httpRead() is not to be called
 *   internals.httpBody(id, bytes)   the answer to an httpRead() that had to wait:
 *                                   a Uint8Array of its own, or undefined at the end of the body
 *   internals.httpWritable(id)      what was queued has been sent; see httpWrite()
 *   internals.httpHalfClosed(id)    the client sends no more, and has most likely gone (TCP
 *                                   cannot tell): abort request.signal. The id stays, the
 *                                   response may still arrive. Once an id.
 *   internals.httpAbort(id, reason) the client is gone or broke the protocol: fail the body with
 *                                   a TypeError of this reason, abort request.signal, cancel the
 *                                   response's stream. The id is gone.
 *
 * The calls for one id never nest, and none comes from within an op. After the response is
 * complete (below) nothing more is called for the id; a body that was not read to its end
 * is discarded by C, JavaScript fails its stream.
 *
 * Ops. With an id that is gone (or 0, as in a warm-up) each does nothing and returns what is
 * written in brackets.
 *
 *   ops.httpRead(id)     The next piece of the request's body, at most HTTP_READ_MAX bytes.
 *                        Returns a Uint8Array when it is here already, true at the end, undefined
 *                        when it comes by httpBody(). One at a time. Sends "100 Continue" when the
 *                        client waits for it. [true]
 *   ops.httpRespond(id, status, statusText, headers, body)
 *                        The whole response. body: bytes (ArrayBuffer or view), copied, or null.
 *                        The response is complete. [undefined]
 *   ops.httpRespondText(id, status, statusText, headers, text)
 *                        The same with a string, sent as UTF-8.
 *                        In all three `headers` is an array of names and values in turn, or a
 *                        string: the value of Content-Type, which is the only one.
 *   ops.httpRespondStream(id, status, statusText, headers)
 *                        The head; the body follows by httpWrite(). Content-Length of `headers`
 *                        decides its framing, else chunked (or until close for HTTP/1.0).
 *                        Returns false when no body is wanted (HEAD, 204, 304, id gone): the
 *                        response is complete, JavaScript cancels the stream. [false]
 *   ops.httpWrite(id, bytes)
 *                        Queues a copy. Returns how many bytes wait to be sent now; from
 *                        HTTP_WRITE_HIGH_WATER on JavaScript stops writing until httpWritable(id).
 *                        Bytes beyond the Content-Length throw a TypeError. [-1]
 *   ops.httpEnd(id)      The end of a streamed body; the response is complete. With fewer bytes
 *                        than its Content-Length the connection is cut. [undefined]
 *   ops.httpReset(id)    The handler failed after the head was sent: the connection is cut so that
 *                        the client notices. Before the head: the client gets an empty 500.
 *                        The response is complete. [undefined]
 *
 * status is 200-599 (RangeError otherwise). statusText and headers are byte strings; one with CR,
 * LF, NUL, or a name that is no token, throws TypeError and nothing is sent. C adds Date (when
 * absent), Content-Length, Transfer-Encoding and Connection, and takes these from nobody:
 * Connection (but for "close", which is honoured), Keep-Alive, Transfer-Encoding, Upgrade,
 * Trailer and, with httpRespond(), Content-Length, unless the request is HEAD or the status 304.
 *
 * --- WebSocket ---
 * A connection is known by a positive number, never used twice in a process. Ops do nothing for one
 * that is gone.
 *   internals.wsMessage(n, data)   a string, or a Uint8Array of its own
 *   internals.wsClosed(n, code, reason, wasClean)
 *                                  the number is gone; 1005: no code came, 1006: no close frame
 *   ops.wsUpgrade(id, headers)     answers the request with 101 and these fields; those of the
 *                                  handshake are C's. Returns the number, 0 when the id is gone. A
 *                                  TypeError when the request does not ask for it.
 *   ops.wsConnect(host, port, tls, path, hostField, protocols)
 *                                  a client's; returns its number. Then comes either
 *   internals.wsOpened(n, protocol) or internals.wsClosed(n, 1006, "", false)
 *   ops.wsSend(n, data)            a string, sent as UTF-8, or bytes. Beyond WS_QUEUE_MAX the
 *                                  connection is cut.
 *   ops.wsBuffered(n)              bytes of wsSend() since everything was last sent
 *   ops.wsClose(n, code, reason)   starts to close; 1005: without a code
 *   ops.wsRead(n, wanted)          false: nothing more is read until true
 *   ops.wsStatusIsValid(code)      whether an endpoint may send it
 *
 * --- timers ---
 *   ops.timerStart(id, ms[, background])
 *                            one shot; calls internals.timerFired(id). ms >= 0, fractions allowed;
 *                            what is beyond 2^31 is JavaScript's to clamp. Starting a running id
 *                            again moves it. ids are JavaScript's: integers.
 *                            background true: does not keep the worker alive
 *   ops.timerStop(id)        forgets it; nothing happens when it does not run
 *
 * --- the worker ---
 *   ops.workerServe()     starts to listen and accept; once; the worker then lives on. An address
 *                         that cannot be had ends the worker with code WORKER_EXIT_LISTEN.
 *   ops.workerExit(code)  ends it after the running callback and its microtasks
 *   ops.workerHold(), ops.workerUnhold()
 *                         keep the worker alive for work that C does not see (waitUntil); they nest
 *   ops.workerArgs()      what follows FILE on the command line, each ended by U+0000, one string
 *   ops.workerEnv()       "NAME=VALUE" of the (container's) environment, in the same form
 *   ops.workerLocation()  what --location says, "" without: an absolute URL
 *   ops.workerFile()      the URL of the file ("file:///worker.js"), "" with -e
 *   ops.version()         of the program: "0.1.0"
 *   ops.write(fd, string) console: all of it to descriptor 1 or 2, as UTF-8; errors are ignored
 *   ops.now()             ms since the time origin, with fractions (performance.now())
 *   ops.timeOrigin()      the origin: ms since 1970, with fractions; changes in a clone before
 *                         internals.started()
 */
#ifndef AWORKER_HTTP_HTTP_H
#define AWORKER_HTTP_HTTP_H

/* The most that one httpRead() gives, and what is read from a socket at a time. */
#define HTTP_READ_MAX 65536

/* Bytes queued in one response from which httpWrite() asks for a pause. */
#define HTTP_WRITE_HIGH_WATER 65536

#endif
