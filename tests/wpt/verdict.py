# SPDX-License-Identifier: Apache-2.0
"""Judges results: sums by area, and a comparison with what is expected to fail."""

import json
import re


def load(path):
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return {"areas": {}, "groups": []}


def inside(name, area):
    path = name.partition("?")[0]
    return name == area or path == area or path.startswith(area.rstrip("/") + "/")


def count(results, area):
    passed = seen = 0
    for name, result in results.items():
        if inside(name, area):
            seen += len(result["subtests"])
            passed += sum(s == "PASS" for s in result["subtests"].values())
    return passed, seen


def bad_files(results, area):
    return [(n, r) for n, r in results.items() if inside(n, area) and r["status"] != "OK"]


def summary(results, areas, expected):
    print("%-40s %8s %8s %8s  %s" % ("area", "passed", "seen", "bar", "files without an end"))
    for area in areas:
        passed, seen = count(results, area)
        bar = expected["areas"].get(area, {}).get("bar")
        mark = "" if bar is None else "%d" % bar
        print("%-40s %8d %8d %8s  %d%s" % (area, passed, seen, mark, len(bad_files(results, area)),
                                         "" if bar is None or passed >= bar else "  below the bar"))


def name_failures(results):
    for name, result in results.items():
        if result["status"] != "OK":
            print("%s: %s %s" % (name, result["status"], result["message"]))
        for subtest, status in result["subtests"].items():
            if status != "PASS":
                print("%s: %s: %s: %s" % (name, status, subtest,
                                          result["messages"].get(subtest, "")))


class Group:
    """Subtests that fail for one reason: in `files`, named by `fail` or matched by `match`."""

    def __init__(self, group):
        self.reason = group["reason"]
        self.files = re.compile("|".join("(?:%s)" % f for f in group["files"]))
        self.exact = set(group.get("fail", []))
        self.patterns = [re.compile(p, re.S) for p in group.get("match", [])]
        self.status = group.get("status")
        self.seen = set()

    def covers(self, name, subtest):
        if not self.files.fullmatch(name):
            return False
        for key in [subtest] if subtest in self.exact else []:
            self.seen.add(key)
            return True
        for pattern in self.patterns:
            if pattern.fullmatch(subtest):
                self.seen.add(pattern.pattern)
                return True
        return False

    def covers_status(self, name, status):
        if self.status == status and self.files.fullmatch(name):
            self.seen.add("status")
            return True
        return False

    def unused(self):
        names = sorted(self.exact) + [p.pattern for p in self.patterns]
        names += ["status"] if self.status else []
        return [n for n in names if n not in self.seen]


def compare(results, areas, expected):
    """0 when nothing is worse than expected; says what is better, too."""
    groups = [Group(g) for g in expected["groups"]]
    worse = 0
    for name, result in results.items():
        if result["status"] != "OK" and not any(
                g.covers_status(name, result["status"]) for g in groups):
            worse += 1
            print("WORSE %s: %s %s" % (name, result["status"], result["message"]))
        for subtest, status in result["subtests"].items():
            if status != "PASS" and not any([g.covers(name, subtest) for g in groups]):
                worse += 1
                print("WORSE %s: %s: %s: %s" % (name, status, subtest,
                                                result["messages"].get(subtest, "")))
    for area in areas:
        passed, _ = count(results, area)
        wanted = expected["areas"].get(area, {}).get("passed", 0)
        if passed < wanted:
            worse += 1
            print("WORSE %s: %d passed, %d are expected" % (area, passed, wanted))
    for group in groups:
        ran = any(group.files.fullmatch(name) for name in results)
        for name in group.unused() if ran else []:
            print("better: no longer fails: %s (%s)" % (name, group.reason))
    print("%d worse" % worse)
    return 1 if worse else 0


def suggest(results, expected):
    """Groups for what fails and is in none, as expected.json has them, but without a reason."""
    groups = [Group(g) for g in expected["groups"]]
    out = []
    for name, result in results.items():
        group = {"reason": "", "files": [re.escape(name)]}
        fail = [s for s, status in result["subtests"].items()
                if status != "PASS" and not any([g.covers(name, s) for g in groups])]
        if fail:
            group["fail"] = fail
        if result["status"] != "OK" and not any(
                g.covers_status(name, result["status"]) for g in groups):
            group["status"] = result["status"]
        if len(group) > 2:
            out.append(group)
    print(json.dumps(out, indent=1, ensure_ascii=False))
