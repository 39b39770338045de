#!/usr/bin/env python3
"""Every gate of test/check is in its README and opens with a sentence; no script there lies unused."""
import os
import re

import gate


def check(tree):
    """Yields every script that is not described, and every description without a script."""
    readme = os.path.join(tree, "test/check/README.md")
    text = gate.read(readme) if os.path.exists(readme) else ""
    names = sorted(os.listdir(os.path.join(tree, "test/check")))
    for name in names:
        if name in ("README.md", "__pycache__"):
            continue
        if not name.endswith(".py"):
            yield "test/check/" + name, 1, "the runner runs Python scripts only, so this one never runs"
        elif "`%s`" % name not in text:
            yield "test/check/" + name, 1, "not described in test/check/README.md"
        elif '"""' not in gate.read(os.path.join(tree, "test/check", name))[:80]:
            yield "test/check/" + name, 1, "does not open with what it checks"
    for match in re.finditer(r"`(\w+\.py)`", text):
        if match.group(1) not in names:
            yield "test/check/README.md", gate.line_of(text, match.start()), "there is no %s" % match.group(1)


def plant(tree):
    """Adds a script that no one knows."""
    return gate.write(tree, "test/check/planted.sh", "#!/bin/sh\nexit 0\n")


gate.run(check, plant)
