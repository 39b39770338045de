#!/usr/bin/env python3
"""Nothing in the tree names the machine that it was made on: no home, no scratch folder, no package mirror."""
import os
import re

import gate

WORDS = re.compile(r"(?<![\w.$}])/(work|home/[a-z]\w*|root|Users|tmp/(wt|pg|stage))(?=[/\s\"'`:;,)]|$)"
                   r"|/\.library\b|\bhttps?://(localhost|127\.|10\.|192\.168\.)|deb\.debian\.org|pypi\.org/simple",
                   re.M)
ROOTS = ("src", "sql", "test", "docs", "demo", "bench", "models", "expected", ".ci")


def check(tree):
    """Yields every line with such a name."""
    names = [n for root in ROOTS if os.path.isdir(os.path.join(tree, root)) for n in gate.files(tree, root)]
    names += [n for n in sorted(os.listdir(tree)) if os.path.isfile(os.path.join(tree, n))]
    for name in names:
        if name == "test/check/machine.py" or name.endswith((".o", ".d", ".so", ".bc", ".ubj", ".png", ".gz")):
            continue
        text = gate.read(os.path.join(tree, name))
        for match in WORDS.finditer(text):
            yield name, gate.line_of(text, match.start()), "names this machine: %s" % match.group().strip()


def plant(tree):
    """Writes down somebody's home."""
    return gate.write(tree, "docs/planted.md", "See /home/somebody/notes.\n")


gate.run(check, plant)
