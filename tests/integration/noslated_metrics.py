# SPDX-License-Identifier: Apache-2.0
"""What noslated says of itself, read by others: usage:
  noslated_metrics.py value open|plain NAME [LABEL=VALUE]...   the sum of such samples of a text (stdin)
  noslated_metrics.py check open|plain                         that the text is sound (stdin)
  noslated_metrics.py collector PORT_FILE FILE                 posts of traces, a JSON line each; 503 for the first
  noslated_metrics.py traces FILE                              that they are sound; prints how many of each kind"""
import http.server
import json
import os
import re
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as open_parser


def families(kind, text):
    if kind == "open":
        return list(open_parser.text_string_to_metric_families(text))
    return list(parser.text_string_to_metric_families(text))


def value(kind, name, *labels):
    wanted = dict(label.split("=", 1) for label in labels)
    found = [s.value for f in families(kind, sys.stdin.read()) for s in f.samples
             if s.name == name and all(s.labels.get(k) == v for k, v in wanted.items())]
    print(f"{sum(found):.9f}".rstrip("0").rstrip(".") if found else "none")


def check(kind):
    text = sys.stdin.read()
    all_families = families(kind, text)
    names = [f.name for f in all_families]
    assert len(names) == len(set(names)), "a family is there twice"
    seen = set()
    for family in all_families:
        assert family.name.startswith("noslate_"), family.name
        assert family.documentation.endswith("."), f"{family.name} is not explained"
        for s in family.samples:
            key = (s.name, tuple(sorted(s.labels.items())))
            assert key not in seen, f"{key} is there twice"
            seen.add(key)
            assert s.value >= 0, key
        if family.type == "histogram":
            check_histogram(family)
    assert text.endswith("# EOF\n") == (kind == "open"), "the end"
    print(len(all_families))


def check_histogram(family):
    series = {}
    for s in family.samples:
        key = tuple(sorted((k, v) for k, v in s.labels.items() if k != "le"))
        series.setdefault(key, []).append(s)
    for key, samples in series.items():
        buckets = [s for s in samples if s.name.endswith("_bucket")]
        counts = [s.value for s in buckets]
        bounds = [float(s.labels["le"]) for s in buckets]
        assert counts == sorted(counts) and bounds == sorted(bounds), key
        assert bounds[-1] == float("inf"), key
        count = [s.value for s in samples if s.name.endswith("_count")]
        assert count == [counts[-1]], key


class Collector(http.server.BaseHTTPRequestHandler):
    out = None
    refuse = 1

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/v1/traces", self.path
        assert self.headers["Content-Type"] == "application/json"
        json.loads(body)
        status = 503 if Collector.refuse > 0 else 200
        Collector.refuse -= 1
        if status == 200:
            Collector.out.write(body + b"\n")
            Collector.out.flush()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args):
        pass


def collector(port_file, path):
    Collector.out = open(path, "wb")
    server = http.server.HTTPServer(("127.0.0.1", 0), Collector)
    with open(port_file + ".new", "w", encoding="ascii") as f:
        f.write(str(server.server_port))
    os.rename(port_file + ".new", port_file)
    server.serve_forever()


INT = re.compile(r"^\d+$")
KINDS = {1: "internal", 2: "server", 3: "client"}


def attributes(of):
    ret = {}
    for a in of.get("attributes", []):
        (kind, v), = a["value"].items()
        assert kind in ("stringValue", "intValue"), a
        assert isinstance(v, str) and (kind == "stringValue" or INT.match(v)), a
        assert a["key"] not in ret, a
        ret[a["key"]] = v
    return ret


def spans_of(path):
    for line in open(path, encoding="utf-8"):
        for resource in json.loads(line)["resourceSpans"]:
            assert attributes(resource["resource"])["service.name"] == "noslated-test"
            for scope in resource["scopeSpans"]:
                assert scope["scope"]["name"] == "noslated"
                yield from scope["spans"]


def traces(path):
    by_id, counts = {}, {}
    for s in spans_of(path):
        assert re.match(r"^[0-9a-f]{32}$", s["traceId"]) and re.match(r"^[0-9a-f]{16}$", s["spanId"]), s
        assert s["spanId"] not in by_id, "a span is there twice"
        assert INT.match(s["startTimeUnixNano"]) and INT.match(s["endTimeUnixNano"]), s
        assert int(s["startTimeUnixNano"]) <= int(s["endTimeUnixNano"]), s
        attributes(s)
        by_id[s["spanId"]] = s
        name = s["name"] if s["kind"] != 2 else "server"
        counts[name] = counts.get(name, 0) + 1
    for s in by_id.values():
        if s["kind"] == 2:
            assert s.get("status", {}).get("code", 0) in (0, 2)
            continue
        parent = by_id[s["parentSpanId"]]
        assert parent["kind"] == 2 and parent["traceId"] == s["traceId"], s
        assert int(s["endTimeUnixNano"]) <= int(parent["endTimeUnixNano"]), s
    print(json.dumps({"counts": counts, "spans": list(by_id.values())}))


{"value": value, "check": check, "collector": collector, "traces": traces}[sys.argv[1]](*sys.argv[2:])
