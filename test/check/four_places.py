#!/usr/bin/env python3
"""One word a capability, in four places: src/<w>/, sql/<w>/, test/sql/<w>_*.sql with expected output, docs/<w>.md."""
import glob
import os

import gate


def check(tree):
    """Yields what a word lacks, and what stands in one of the places without a word."""
    ground, capabilities = gate.rooms(tree)
    for word in capabilities:
        for place in ("src/%s/*.c", "sql/%s/functions.sql", "test/sql/%s_*.sql", "docs/%s.md"):
            if not glob.glob(os.path.join(tree, place % word)):
                yield place % word, 1, "capability %s has nothing here" % word
    known = set(ground + capabilities)
    for place in ("src", "sql"):
        for name in sorted(os.listdir(os.path.join(tree, place))):
            if os.path.isdir(os.path.join(tree, place, name)) and name not in known | {"upgrade"}:
                yield "%s/%s" % (place, name), 1, "no room of the Makefile is called so"
    for name in gate.files(tree, "test/sql", ".sql") + gate.files(tree, "test/specs", ".spec"):
        word = os.path.basename(name).split("_")[0].split(".")[0]
        if word not in known | {"install", "security"}:
            yield name, 1, "the name does not begin with a room's word"
        out = "expected/%s.out" % os.path.splitext(os.path.basename(name))[0]
        if not os.path.exists(os.path.join(tree, out)):
            yield name, 1, "%s is missing" % out
    for name in gate.files(tree, "expected", ".out"):
        stem = os.path.basename(name)[:-4].rsplit("_", 1)
        bases = {os.path.basename(name)[:-4]} | ({stem[0]} if len(stem) == 2 and stem[1].isdigit() else set())
        if not any(os.path.exists(os.path.join(tree, "test", folder, base + suffix))
                   for base in bases for folder, suffix in (("sql", ".sql"), ("specs", ".spec"))):
            yield name, 1, "no test has this output"


def plant(tree):
    """Opens a room that the Makefile does not know."""
    gate.write(tree, "sql/planted/functions.sql", "\n")
    return "sql/planted"


gate.run(check, plant)
