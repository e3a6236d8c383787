# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, driven over its debugging port, and what tests of pages share."""
import atexit
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "integration"))
from cdp_client import Client, ask  # noqa: E402 pylint: disable=wrong-import-position

PATIENCE = 60

# All text of a page, in its shadow trees too.
TEXT = """(() => {
    const out = [];
    const walk = (n) => {
        if (n.nodeName === 'STYLE' || n.nodeName === 'SCRIPT')
            return;
        if (n.nodeType === 3)
            out.push(n.data.trim());
        if (n.shadowRoot)
            n.shadowRoot.childNodes.forEach(walk);
        n.childNodes.forEach(walk);
    };
    walk(document.body);
    return out.filter(Boolean).join('\\n');
})()"""

passed = failed = 0


def check(name, got, wanted):
    global passed, failed
    if got == wanted:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {name}: {got!r} instead of {wanted!r}", flush=True)


def end(process):
    """Chromium ends its own processes when it is asked to end."""
    process.terminate()
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def start(name, command, pattern, folder):
    """A process, and what it prints once it is there."""
    path = os.path.join(folder, name)
    with open(path, "wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    atexit.register(end, process)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with open(path, encoding="utf-8", errors="replace") as f:
            if found := re.search(pattern, f.read()):
                return process, found
        time.sleep(0.05)
    with open(path, encoding="utf-8", errors="replace") as f:
        sys.exit(f"{name}: {f.read()}")


def await_true(name, see):
    """What see() returns once it is true. Without it nothing that follows means anything."""
    until = time.monotonic() + PATIENCE
    while not (value := see()):
        if time.monotonic() > until:
            sys.exit(f"waited in vain: {name}")
        time.sleep(0.1)
    check(name, True, True)
    return value


class Browser:
    def __init__(self, folder):
        self.process, found = start("chromium", [
            "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-breakpad", "--remote-debugging-port=0", f"--user-data-dir={folder}/profile",
            "--host-resolver-rules=MAP *.test 127.0.0.1", "about:blank",
        ], r"DevTools listening on ws://(127\.0\.0\.1:\d+)/", folder)
        self.address = found[1]

    def open(self, url):
        quoted = urllib.parse.quote(url, safe="")
        return Client(self.address, ask(self.address, f"/json/new?{quoted}", "PUT"))

    def pages(self):
        return ask(self.address, "/json/list")


def shows(page, *texts):
    def see():
        # There is none while a page loads.
        text = page.value(TEXT) or ""
        return all(t in text for t in texts)

    try:
        await_true(f"{texts} to be shown", see)
    except SystemExit:
        print(page.value(TEXT))
        raise


def get(url, **fields):
    with urllib.request.urlopen(urllib.request.Request(url, headers=fields), timeout=PATIENCE) as r:
        return r.read().decode()


def summary():
    print(f"{passed} passed, {failed} failed")
    return failed > 0
