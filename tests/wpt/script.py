# SPDX-License-Identifier: Apache-2.0
"""Finds tests in a tree of the Web Platform Tests and makes one classic script of each."""

import json
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
META = re.compile(r"^//\s*META:\s*(\w+)=(.*?)\s*$", re.M)
STRICT = re.compile(r"""\A(?:\s|//[^\n]*\n|/\*.*?\*/)*(['"])use strict\1""", re.S)
IMPORT = re.compile(r"^[ \t]*(?:self\.)?importScripts\(([^()]*)\);?", re.M)
QUOTED = re.compile(r"""(['"])([^'"\n]*)\1""")
# Where a test is meant to run, of those places that are one with ours.
SCOPES = {"worker", "dedicatedworker", "serviceworker", "jsshell"}
# What wptserve serves from elsewhere.
MOVED = {"/resources/WebIDLParser.js": "/resources/webidl2/lib/webidl2.js"}
# Variants for servers with TLS or HTTP/2.
NO_SERVER = re.compile(r"\bwss\b|wpt_flags=(h2|https)")
# Tests of fetch() itself get no file but by fetch().
REAL_FETCH = ("fetch/", "eventsource/", "websockets/", "service-workers/", "xhr/")


class Test:
    """One file with one variant of its query."""

    def __init__(self, tree, path, variant):
        self.tree, self.path, self.variant = tree, path, variant
        self.name = path + variant
        self.source = read(os.path.join(tree, path))
        self.meta = META.findall(self.source)
        self.long = ("timeout", "long") in self.meta

    def script(self, place, limit_ms, one_scope=False):
        """The whole script; one_scope keeps strict tests where they can see what is around."""
        url_path = "/" + self.path
        includes = [value for key, value in self.meta if key == "script"]
        test = self.source
        if self.path.endswith(".worker.js"):
            test = IMPORT.sub(lambda m: self._imported(m, includes), test)
        if ".sub." in self.path:
            test = place.fill(test)
        parts = [(name, self._include(name, place)) for name in includes
                 if not name.endswith("/testharness.js")]
        config = {"href": place.origin + url_path + self.variant, "limit": limit_ms,
                  "files": self._files([test] + [text for _, text in parts])}
        prelude = read(os.path.join(HERE, "prelude.js")).replace(
            "WPT_CONFIG;", json.dumps(config) + ";", 1)
        out = [prelude, read(os.path.join(self.tree, "resources/testharness.js")),
               read(os.path.join(HERE, "reporter.js"))]
        out += [text for _, text in parts]
        if STRICT.match(test) and not one_scope:
            test = "(0, eval)(%s);" % json.dumps(test + "\n//# sourceURL=" + url_path)
        out.append(test)
        if self.path.endswith(".any.js"):
            out.append("done();")
        return "\n;\n".join(out) + "\n//# sourceURL=" + config["href"].partition("?")[0] + "\n"

    def _imported(self, match, includes):
        names = [name for _, name in QUOTED.findall(match.group(1))]
        includes.extend(names)
        return "" if names else match.group(0)

    def _include(self, name, place):
        try:
            text = read(self._file(name))
        except OSError as error:
            return "throw new Error(%s);" % json.dumps(str(error))
        return place.fill(text) if ".sub." in name else text

    def _file(self, name):
        name = name.split("?")[0].split("#")[0]
        name = MOVED.get(name, name)
        if name.startswith("/"):
            return os.path.join(self.tree, name[1:])
        return os.path.join(self.tree, os.path.dirname(self.path), name)

    def _files(self, texts):
        if self.path.startswith(REAL_FETCH):
            return {}
        found = {}
        wants_idl = any("function fetch_spec" in text for text in texts)
        for _, name in QUOTED.findall("\n".join(
                t for t in texts if "function fetch_spec" not in t)):
            if name.endswith(".json"):
                path = self._file(name)
            elif wants_idl and re.fullmatch(r"[A-Za-z0-9_.-]+", name):
                path = os.path.join(self.tree, "interfaces", name + ".idl")
            else:
                continue
            if os.path.isfile(path):
                found["/" + os.path.relpath(path, self.tree)] = read(path)
        return found


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        return f.read()


def find(tree, what):
    """The tests of a directory, a file or a file with its variant, sorted by name."""
    what, question, query = what.strip("/").partition("?")
    top = os.path.join(tree, what)
    if os.path.isfile(top):
        files = [what]
    else:
        files = [os.path.relpath(os.path.join(folder, name), tree)
                 for folder, _, names in os.walk(top) for name in names]
    out = []
    for path in sorted(files):
        if not path.endswith((".any.js", ".worker.js")):
            continue
        meta = META.findall(read(os.path.join(tree, path)))
        scopes = ",".join(v for k, v in meta if k == "global") or "worker"
        if path.endswith(".any.js") and not SCOPES & set(re.split(r"[,\s]+", scopes)):
            continue
        variants = [v for k, v in meta if k == "variant"] or [""]
        out += [Test(tree, path, v) for v in variants
                if not NO_SERVER.search(v) and (not question or v == "?" + query)]
    return out
