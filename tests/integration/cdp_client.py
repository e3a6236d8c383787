# SPDX-License-Identifier: Apache-2.0
"""A client of the Chrome DevTools Protocol, and what a debugger does with a worker.

usage: cdp_client.py ADDRESS CASE; prints "ok" or says what went wrong. The worker is
tests/integration/inspect.sh's.
"""
import http.client
import json
import socket
import sys

import websocket

PATIENCE = 30


def connect(address):
    if address.startswith("unix:"):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE)
        s.connect(address[5:])
        return s
    return socket.create_connection(address.split(":"), timeout=PATIENCE)


def ask(address, path, method="GET"):
    host = "localhost" if address.startswith("unix:") else address
    web = http.client.HTTPConnection(host, timeout=PATIENCE)
    web.sock = connect(address)
    web.request(method, path)
    answer = json.load(web.getresponse())
    web.close()
    return answer


class Client:
    def __init__(self, address, target=None):
        self.target = target or ask(address, "/json/list")[0]
        self.ws = websocket.create_connection(
            self.target["webSocketDebuggerUrl"], timeout=PATIENCE, suppress_origin=True,
            socket=connect(address))
        self.serial = 0
        self.events = []

    def post(self, method, **params):
        self.serial += 1
        self.ws.send(json.dumps({"id": self.serial, "method": method, "params": params}))
        return self.serial

    def read(self):
        return json.loads(self.ws.recv())

    def answer(self, serial):
        while True:
            m = self.read()
            if m.get("id") == serial:
                if "error" in m:
                    raise RuntimeError(m["error"])
                return m["result"]
            self.events.append(m)

    def call(self, method, **params):
        return self.answer(self.post(method, **params))

    def event(self, method, wanted=lambda params: True):
        for m in self.events:
            if m.get("method") == method and wanted(m["params"]):
                self.events.remove(m)
                return m["params"]
        while True:
            m = self.read()
            if m.get("method") == method and wanted(m["params"]):
                return m["params"]
            self.events.append(m)

    def value(self, expression, **params):
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                         **params)["result"].get("value")


def same(what, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r} instead of {wanted!r}")


def start(c):
    c.call("Runtime.enable")
    c.call("Debugger.enable")
    c.call("Debugger.setAsyncCallStackDepth", maxDepth=8)
    c.post("Runtime.runIfWaitingForDebugger")


def at_first_line(c):
    start(c)
    paused = c.event("Debugger.paused")
    same("reason", paused["reason"], "Break on start")
    return paused


def case_steps(c):
    """Break on start, scripts, a breakpoint, frames, stepping, values, an async stack, the console."""
    paused = at_first_line(c)
    frame = paused["callFrames"][0]
    script = c.event("Debugger.scriptParsed", lambda s: s["url"] == c.target["url"])
    place = frame["location"]
    same("first line", [place["scriptId"], place["lineNumber"]], [script["scriptId"], 3])
    same("source map", script["sourceMapURL"], "worker.js.map")
    source = c.call("Debugger.getScriptSource", scriptId=script["scriptId"])["scriptSource"]
    line = next(i for i, text in enumerate(source.split("\n")) if "// here" in text)
    c.call("Debugger.setBreakpointByUrl", lineNumber=line, url=c.target["url"])
    c.call("Debugger.resume")
    paused = c.event("Debugger.paused")
    frame = paused["callFrames"][0]
    same("breakpoint", [frame["functionName"], frame["location"]["lineNumber"]], ["add", line])
    on = {"callFrameId": frame["callFrameId"]}
    value = c.call("Debugger.evaluateOnCallFrame", expression="a + b + ' \\u00e9'", **on)
    same("local variables", value["result"]["value"], "5 \u00e9")
    trace = paused["asyncStackTrace"]
    same("async stack", [trace["description"], any(
        f["url"] == c.target["url"] for f in trace["callFrames"])], ["timer", True])
    c.call("Debugger.stepOver")
    frame = c.event("Debugger.paused")["callFrames"][0]
    same("stepped over", frame["location"]["lineNumber"], line + 1)
    value = c.call("Debugger.evaluateOnCallFrame", callFrameId=frame["callFrameId"],
                   expression="sum")
    same("after the step", value["result"]["value"], 5)
    c.call("Debugger.stepOut")
    frame = c.event("Debugger.paused")["callFrames"][0]
    same("stepped out", frame["functionName"], "later")
    c.call("Debugger.resume")
    said = c.event("Runtime.consoleAPICalled", lambda p: p["type"] == "warning")
    same("console", [a.get("value") for a in said["args"]], ["the sum is", 5])
    same("its place", said["stackTrace"]["callFrames"][0]["url"], c.target["url"])
    thrown = c.event("Runtime.exceptionThrown")["exceptionDetails"]
    same("exception", thrown["exception"]["className"], "RangeError")
    same("rejection", "not here" in thrown["exception"]["description"], True)
    c.event("Runtime.executionContextDestroyed")


def case_serves(c):
    """Attached to a worker that runs: evaluation, promises, JavaScript that waits, profiles."""
    c.call("Runtime.enable")
    same("evaluate", c.value("6 * 7"), 42)
    same("promise", c.value("new Promise((r) => setTimeout(r, 10, 'late'))", awaitPromise=True),
         "late")
    same("console of tools", c.value("typeof copy", includeCommandLineAPI=True), "function")
    c.call("Profiler.enable")
    c.call("Profiler.setSamplingInterval", interval=200)
    c.call("Profiler.start")
    c.value("spin(300)")
    profile = c.call("Profiler.stop")["profile"]
    names = {n["callFrame"]["functionName"] for n in profile["nodes"]}
    same("profiled", "spin" in names and len(profile["samples"]) > 50, True)
    c.call("HeapProfiler.enable")
    serial = c.post("HeapProfiler.takeHeapSnapshot")
    c.answer(serial)
    chunks = [m["params"]["chunk"] for m in c.events
              if m.get("method") == "HeapProfiler.addHeapSnapshotChunk"]
    snapshot = json.loads("".join(chunks))
    same("snapshot", [len(chunks) > 5, "Findable" in snapshot["strings"]], [True, True])
    c.call("HeapProfiler.startSampling", samplingInterval=1024)
    c.value("(globalThis.kept = Array.from({ length: 2e4 }, () => ({}))).length")
    same("sampled", len(c.call("HeapProfiler.stopSampling")["profile"]["samples"]) > 10, True)
    c.call("HeapProfiler.startTrackingHeapObjects")
    c.event("HeapProfiler.heapStatsUpdate")
    c.call("HeapProfiler.stopTrackingHeapObjects")


def case_paused(c, address):
    """Pauses a worker that computes without end, and frees it."""
    start(c)
    c.ws.settimeout(PATIENCE)
    c.post("Runtime.evaluate", expression="setTimeout(() => { for (globalThis.turns = 0; "
           "!globalThis.enough;) if (++turns === 1001) console.log('turns'); "
           "console.log('enough'); }, 1)")
    c.event("Runtime.consoleAPICalled")
    c.call("Debugger.pause")
    frame = c.event("Debugger.paused")["callFrames"][0]
    value = c.call("Debugger.evaluateOnCallFrame", callFrameId=frame["callFrameId"],
                   expression="globalThis.enough = turns > 1000")
    same("turns", value["result"]["value"], True)
    # Nobody is served while JavaScript stands, and a second debugger is.
    second = Client(address)
    second.call("Debugger.enable")
    second.ws.close()
    c.call("Debugger.resume")
    c.event("Runtime.consoleAPICalled")


def case_leaves(c):
    """Goes away while JavaScript stands: the worker runs on."""
    start(c)
    c.post("Runtime.evaluate", expression="debugger; 1")
    c.event("Debugger.paused")
    c.ws.close()


def case_waits(c):
    """Stays at the first line, for the script to signal."""
    at_first_line(c)
    print("paused", flush=True)
    try:
        while True:
            c.read()
    except websocket.WebSocketConnectionClosedException:
        pass
    except ConnectionError:
        pass


def main():
    address, case = sys.argv[1:]
    client = Client(address)
    extra = [address] if case == "paused" else []
    globals()[f"case_{case}"](client, *extra)
    print("ok")


if __name__ == "__main__":
    main()
