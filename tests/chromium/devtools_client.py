# SPDX-License-Identifier: Apache-2.0
"""Drives a headless Chromium, which debugs a worker: devtools_client.py AWORKER SCRIPT FOLDER.

Chromium's own debugging port tells it what to open and what to look at. What it does with the worker, the
DevTools do that are part of it: their user interface, and the models behind it.
"""
import http.server
import sys
import threading

from browser import PATIENCE, Browser, Client, ask, await_true, check, end, get, shows, start, summary

# The worker as DevTools have it.
SDK = "const SDK = await import('devtools://devtools/bundled/core/sdk/sdk.js'); " \
      "const target = SDK.TargetManager.TargetManager.instance().targets()[0]; "


def run(page, code):
    """Within DevTools; `code` is a function's body."""
    answer = page.call("Runtime.evaluate", expression=f"(async () => {{ {SDK} {code} }})()",
                       returnByValue=True, awaitPromise=True)
    if "exceptionDetails" in answer:
        return answer["exceptionDetails"]["exception"].get("description")
    return answer["result"].get("value")


# --- what DevTools do ---

def attached(page, served):
    """A page of DevTools that has the worker: console, breakpoint, profiles."""
    check("the worker answers", get(served), "5")
    shows(page, "the sum is")
    run(page, """
        const UI = await import('devtools://devtools/bundled/ui/legacy/legacy.js');
        await UI.ViewManager.ViewManager.instance().showView('sources');""")
    shows(page, "aworker:http.js", "Not paused")
    check("a breakpoint", run(page, """
        const model = target.model(SDK.DebuggerModel.DebuggerModel);
        const url = model.scripts().map((s) => s.sourceURL).find((u) => u.endsWith('/worker.js'));
        const set = await model.setBreakpointByURL(url, 6, 0);
        return set.locations.length;"""), 1)
    answer = []
    client = threading.Thread(target=lambda: answer.append(get(served)))
    client.start()
    # The source, in the editor, and the values of its variables.
    shows(page, "// here", "Debugger paused", "add\nworker.js:7", "a\n:\n2", "b\n:\n3")
    run(page, "target.model(SDK.DebuggerModel.DebuggerModel).resume();")
    client.join(PATIENCE)
    check("it goes on", answer, ["5"])
    shows(page, "Not paused")
    check("evaluation", run(page, """
        const r = await target.runtimeAgent().invoke_evaluate({ expression: 'held.length + 41' });
        return r.result.value;"""), 42)
    check("a CPU profile", run(page, """
        const model = target.model(SDK.CPUProfilerModel.CPUProfilerModel);
        await model.startRecording();
        await target.runtimeAgent().invoke_evaluate({ expression: 'spin(300)' });
        const profile = await model.stopRecording();
        return profile.nodes.some((n) => n.callFrame.functionName === 'spin');"""), True)
    check("a heap snapshot", run(page, """
        const model = target.model(SDK.HeapProfilerModel.HeapProfilerModel);
        let text = '';
        model.addEventListener('AddHeapSnapshotChunk', (event) => { text += event.data; });
        await model.takeHeapSnapshot({ reportProgress: false });
        return JSON.parse(text).strings.includes('Findable');"""), True)


def by_address(browser, worker, served):
    """As /json tells, with the Origin of DevTools."""
    page = browser.open(ask(worker, "/json/list")[0]["devtoolsFrontendUrl"])
    attached(page, served)
    page.call("Page.close")


def by_inspect_page(browser, served):
    """As people do: chrome://inspect, and a click."""
    page = browser.open("chrome://inspect/#devices")
    shows(page, "/worker.js")
    before = {p["id"] for p in browser.pages()}
    check("a click", page.value("""(() => {
        const row = [...document.querySelectorAll('.row')].filter((r) => r.textContent.includes('/worker.js')).pop();
        const action = [...row.querySelectorAll('.action')].find((a) => a.textContent.trim() === 'inspect');
        action.click();
        return action !== undefined;
    })()"""), True)
    opened = await_true("DevTools open", lambda: [
        p for p in browser.pages() if p["id"] not in before and "/js_app.html" in p["url"]])
    attached(Client(browser.address, opened[0]), served)


# --- what pages of the web cannot do ---

CONNECTS = """new Promise((r) => {
    const ws = new WebSocket('%s');
    ws.onopen = () => r('open');
    ws.onerror = () => r('refused');
})"""


def pages_of_the_web(browser, worker):
    address = ask(worker, "/json/list")[0]["webSocketDebuggerUrl"]
    port = worker.split(":")[1]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.RequestHandlerClass.do_GET = lambda self: (
        self.send_response(200), self.send_header("Content-Length", "0"), self.end_headers())
    server.RequestHandlerClass.log_message = lambda *args: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = server.server_address[1]
    for url in (f"http://127.0.0.1:{here}/", f"http://localhost:{here}/", f"http://evil.test:{here}/",
                "data:text/html,x"):
        page = browser.open(url)
        await_true(f"loaded {url}", lambda: page.value("location.href") == url)
        for host in "127.0.0.1", "localhost":
            ws = address.replace("127.0.0.1", host).replace("localhost", host)
            check(f"{url} to {host}", page.value(CONNECTS % ws, awaitPromise=True), "refused")
        check(f"{url} reads", page.value(
            f"fetch('http://127.0.0.1:{port}/json/list').then((r) => r.text(), () => 'refused')",
            awaitPromise=True), "refused")
        page.call("Page.close")
    # A name that resolves to us: the page's own origin, so nothing of the browser holds it.
    page = browser.open(f"http://evil.test:{port}/json/list")
    shows(page, "Only by IP address or localhost")
    check("a name of somebody else", page.value(CONNECTS % address.replace("127.0.0.1", "evil.test"),
                                                awaitPromise=True), "refused")
    page.call("Page.close")


def main():
    program, script, folder = sys.argv[1:]
    process, found = start("worker", [program, "--inspect", "--listen", "127.0.0.1:0", script],
                           r"(?s)debugger listening on ws://([^/]*)/.*listening on ([^\s/]+)\n", folder)
    worker, served = found[1], f"http://{found[2]}/"
    browser = Browser(folder)
    by_address(browser, worker, served)
    pages_of_the_web(browser, worker)
    by_inspect_page(browser, served)
    end(browser.process)
    check("the worker answers when they have gone", get(served), "5")
    check("its end", end(process), 143)
    return summary()


sys.exit(main())
