#!/usr/bin/env python3
"""aipipe.control is the only place of the version; META.json and everything else take it from there."""
import json
import os
import re

import gate


def check(tree):
    """Yields every other place that has the version, and what META.json lacks."""
    version = re.search(r"^default_version\s*=\s*'([^']+)'", gate.read(tree + "/aipipe.control"), re.M).group(1)
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        yield "aipipe.control", 1, "%s is no semantic version" % version
    for name in gate.files(tree, "src", ".c", ".h") + gate.files(tree, "sql", ".sql") + ["Makefile", "META.json"]:
        text = gate.read(tree + "/" + name) if os.path.exists(tree + "/" + name) else ""
        if name.startswith("sql/upgrade/"):
            continue
        if name.endswith((".c", ".h")):
            text = gate.c_without_comments(text)
        match = re.search(r"(?<![\d.])%s(?![\d.])" % re.escape(version), text)
        if match:
            yield name, gate.line_of(text, match.start()), "the version %s is written in aipipe.control only" % version
    meta = json.loads(gate.read(tree + "/META.json").replace("@VERSION@", version))
    for key in ("name", "version", "abstract", "maintainer", "license", "provides", "meta-spec"):
        if key not in meta:
            yield "META.json", 1, "no \"%s\", which PGXN asks for" % key
    if meta.get("version") != version or meta.get("provides", {}).get("aipipe", {}).get("version") != version:
        yield "META.json", 1, "\"version\" is not @VERSION@, which `make dist` fills in"
    if "[%s]" % version not in gate.read(tree + "/CHANGELOG.md") and "Unreleased" not in gate.read(tree + "/CHANGELOG.md"):
        yield "CHANGELOG.md", 1, "has nothing about %s" % version


def plant(tree):
    """Writes a version by hand."""
    return gate.replace(tree, "META.json", "@VERSION@", "9.9.9")


gate.run(check, plant)
