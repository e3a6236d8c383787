# SPDX-License-Identifier: Apache-2.0
"""Looks at noslated's dashboard in Chromium: dashboard_client.py NOSLATECTL FOLDER DAEMON.

FOLDER has the socket `front`, on which functions alpha and beta answer, and the set `many`; DAEMON is the
process that is told to end when all else is done.
"""
import http.client
import http.server
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.parse

from browser import PATIENCE, Browser, await_true, check, end, start, summary


class Traffic(threading.Thread):
    """Requests, one after the other; every tenth one fails."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.enough, self.sent = path, threading.Event(), 0

    def run(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE)
        s.connect(self.path)
        web = http.client.HTTPConnection("any")
        web.sock = s
        while not self.enough.wait(0.01):
            name = ("alpha", "alpha", "beta")[self.sent % 3]
            web.request("GET", "/bad" if self.sent % 10 == 0 else "/", headers={"x-noslate-function": name})
            web.getresponse().read()
            self.sent += 1
        web.close()


def status_of(url, method="GET", **headers):
    at = urllib.parse.urlsplit(url)
    web = http.client.HTTPConnection(at.hostname, at.port, timeout=PATIENCE)
    web.request(method, at.path + ("?" + at.query if at.query else ""), headers=headers)
    answer = web.getresponse()
    answer.read()
    web.close()
    return answer.status, answer.headers


# --- without a browser ---

def by_hand(url):
    root = urllib.parse.urlsplit(url)
    host = f"{root.hostname}:{root.port}"
    status, headers = status_of(url)
    check("the page", status, 200)
    policy = headers["Content-Security-Policy"]
    check("its policy", "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, True)
    check("no other site", headers["Access-Control-Allow-Origin"], None)
    check("a number once", policy != status_of(url)[1]["Content-Security-Policy"], True)
    check("without the token", status_of(f"http://{host}/")[0], 404)
    check("without the token", status_of(f"http://{host}/api/status")[0], 404)
    check("another token", status_of(f"http://{host}/{'0' * 32}/api/status")[0], 404)
    check("another name", status_of(url, Host=f"evil.test:{root.port}")[0], 403)
    check("status", status_of(url + "api/status")[0], 200)
    for target in "api/functions", "api/../v1/functions", "v1/functions", "api/events?follow=1", "api/workers":
        check(target, status_of(url + target)[0], 404)
    for method in "PUT", "POST", "DELETE", "OPTIONS", "HEAD":
        check(method, status_of(url + "api/status", method)[0], 405)


# --- in the browser ---

class Page:
    """The dashboard, and all that Chromium has to complain about."""

    def __init__(self, browser, url):
        self.c = browser.open("about:blank")
        for domain in "Page", "Runtime", "Log", "Network":
            self.c.call(f"{domain}.enable")
        self.c.call("Page.navigate", url=url)

    def complaints(self):
        self.c.call("Runtime.evaluate", expression="1")
        bad = []
        for m in self.c.events:
            if m["method"] == "Runtime.exceptionThrown":
                bad.append(m["params"]["exceptionDetails"]["text"])
            elif m["method"] == "Log.entryAdded" and m["params"]["entry"]["level"] in ("error", "warning"):
                bad.append(m["params"]["entry"]["text"])
            elif m["method"] == "Runtime.consoleAPICalled":
                bad.append(m["params"]["type"])
        return bad

    def foreign_requests(self, url):
        asked = [m["params"]["request"]["url"] for m in self.c.events if m["method"] == "Network.requestWillBeSent"]
        return [u for u in asked if not u.startswith((url, "data:"))]

    def value(self, expression):
        return self.c.value(expression)

    def text(self, name):
        return self.value(f"document.getElementById('{name}').textContent")

    def column(self, n):
        return self.value(f"[...document.querySelectorAll('#rows tr')].map((r) => r.children[{n}].textContent)")

    def click(self, selector):
        """As a mouse does, where it is."""
        x, y = self.value(f"""(() => {{
            const e = document.querySelector({selector!r});
            e.scrollIntoView({{block: 'center'}});
            const b = e.getBoundingClientRect();
            return [b.left + b.width / 2, b.top + b.height / 2];
        }})()""")
        for kind in "mousePressed", "mouseReleased":
            self.c.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def key(self, key, code, text=None, **more):
        self.c.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code,
                    **({"text": text} if text else {}), **more)
        self.c.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code, **more)

    def type(self, selector, text):
        self.value(f"document.querySelector({selector!r}).focus()")
        self.c.call("Input.insertText", text=text)


# Of each chart the points of its first line, and what is read aloud: "Latency: p50 2 ms, p99 5 ms".
CHARTS = """[...document.querySelectorAll('#charts .card')].map((c) => [
    c.querySelector('path.l0').getAttribute('d').split('L').length, c.querySelector('svg').getAttribute('aria-label')])"""


def shows(page, chart, pattern):
    label = page.value(CHARTS)[chart][1]
    return re.fullmatch(pattern, label)


def charts(page):
    await_true("it serves", lambda: page.text("state") == "serving")
    await_true("rows", lambda: sorted(page.column(0)) == ["alpha", "beta"])
    await_true("points", lambda: all(n > 3 for n, _ in page.value(CHARTS)))
    await_true("rates", lambda: shows(page, 0, r"Requests a second: all [1-9][\d.]*k?, failed (0\.\d+|[1-9][\d.]*)"))
    await_true("latencies", lambda: shows(page, 1, r"Latency: p50 [\d.]+ (us|ms|s), p99 [\d.]+ (us|ms|s)"))
    await_true("workers", lambda: shows(page, 2, "Workers: workers 2"))
    await_true("memory", lambda: shows(page, 3, r"Memory of workers: memory [1-9][\d.]* MiB"))
    await_true("events", lambda: "worker-started" in page.text("events"))
    await_true("the busier one first", lambda: page.column(0) == ["alpha", "beta"])
    page.click("#rows tr:nth-child(2) button")
    check("one function", page.text("subject"), "beta")
    check("its row", page.value("document.querySelector('tr[aria-selected=true]').children[1].textContent"), "other")
    await_true("its workers", lambda: shows(page, 2, "Workers: workers 1"))
    page.click("#all")
    check("all again", page.text("subject"), "All functions")


def table(page):
    order = "document.querySelector('th[data-key=name]').getAttribute('aria-sort')"
    page.click("th[data-key=name] button")
    check("by name", [page.value(order), page.column(0)], ["ascending", ["alpha", "beta"]])
    page.click("th[data-key=name] button")
    check("the other way", [page.value(order), page.column(0)], ["descending", ["beta", "alpha"]])
    page.click("th[data-key=rate] button")
    check("by requests", [page.value(order), page.column(0)], ["none", ["alpha", "beta"]])
    page.type("#search", "BET")
    check("search", [page.column(0), page.text("found")], [["beta"], "1 to 1 of 1"])
    page.value("document.querySelector('#search').select()")
    page.key("Backspace", 8)
    check("search nothing", len(page.column(0)), 2)


def keyboard(page):
    """From the search field on, by Tab and Enter alone; a row keeps the focus while the table is made anew."""
    page.value("document.querySelector('#search').focus()")
    for _ in range(30):
        page.key("Tab", 9)
        if page.value("document.activeElement.textContent") == "alpha":
            break
    check("focus", page.value("document.activeElement.textContent"), "alpha")
    page.key("Enter", 13, "\r")
    check("by Enter", page.text("subject"), "alpha")
    page.value("document.querySelector('#rows').firstChild.seen = true")
    await_true("rows made anew", lambda: not page.value("document.querySelector('#rows').firstChild.seen"))
    check("focus afterwards", page.value("document.activeElement.textContent"), "alpha")
    page.click("#all")


def colours(page):
    back = "getComputedStyle(document.body).backgroundColor"
    before = page.value(back)
    page.click("#theme")
    check("another theme", page.value(back) != before, True)
    page.click("#theme")
    check("and back", page.value(back), before)


def thousands(page, ctl, folder):
    subprocess.run([ctl, "apply", f"{folder}/many"], check=True)
    await_true("5,000 functions", lambda: page.text("found") == "1 to 50 of 5000")
    page.click("#next")
    await_true("the next page", lambda: page.text("found") == "51 to 100 of 5000")
    page.type("#search", "many-499")
    await_true("search", lambda: page.text("found") == "1 to 9 of 9")
    page.click("th[data-key=name] button")
    check("sorted", page.column(0)[:2], ["many-499", "many-4990"])


def other_sites(browser, url):
    """A page of another origin can neither read, nor frame, nor reach it by a name of its own."""
    at = urllib.parse.urlsplit(url)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.RequestHandlerClass.do_GET = lambda self: (
        self.send_response(200), self.send_header("Content-Length", "0"), self.end_headers())
    server.RequestHandlerClass.log_message = lambda *args: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://evil.test:{server.server_address[1]}/"
    page = browser.open(here)
    await_true("another site", lambda: page.value("location.href") == here)
    check("it reads", page.value(f"fetch('{url}api/status').then((r) => r.text(), () => 'refused')",
                                 awaitPromise=True), "refused")
    check("it loads", page.value(f"""new Promise((done) => {{
        const s = document.createElement('script');
        s.src = '{url}api/status';
        s.onload = () => done('loaded');
        s.onerror = () => done('refused');
        document.head.append(s);
    }})""", awaitPromise=True), "refused")
    page.call("Page.close")
    page = browser.open(f"http://evil.test:{at.port}{at.path}")
    await_true("by another name", lambda: "not the name of a dashboard" in (page.value("document.body.innerText") or ""))
    page.call("Page.close")
    server.shutdown()


def main():
    ctl, folder, daemon = sys.argv[1:]
    process, found = start("dashboard", [ctl, "dashboard"], r"(http://127\.0\.0\.1:\d+/[0-9a-f]{32}/)\n", folder)
    url = found[1]
    by_hand(url)
    traffic = Traffic(f"{folder}/front")
    traffic.start()
    browser = Browser(folder)
    page = Page(browser, url)
    charts(page)
    table(page)
    keyboard(page)
    colours(page)
    thousands(page, ctl, folder)
    other_sites(browser, url)
    check("complaints", page.complaints(), [])
    check("requests elsewhere", page.foreign_requests(url), [])
    traffic.enough.set()
    traffic.join(PATIENCE)
    check("requests were answered", traffic.sent > 100, True)
    os.kill(int(daemon), signal.SIGTERM)
    await_true("without a daemon", lambda: "connect to noslated" in page.text("state"))
    end(browser.process)
    check("its end", end(process), 0)
    return summary()


sys.exit(main())
