#!/usr/bin/env python3
"""Shell scripts are clean for shellcheck, Python ones compile, and each stops at its first error."""
import os
import re
import subprocess

import gate


def check(tree):
    """Yields each finding."""
    names = [n for root in ("test", "demo", "bench", ".ci") if os.path.isdir(os.path.join(tree, root))
             for n in gate.files(tree, root)]
    shell = [n for n in names if n.endswith(".sh") or gate.read(tree + "/" + n).startswith(("#!/bin/sh", "#!/usr/bin/env bash"))]
    for name in shell:
        text = gate.read(tree + "/" + name)
        if text.startswith("#!/usr/bin/env bash") and "set -euo pipefail" not in text:
            yield name, 1, "no set -euo pipefail"
        if text.startswith("#!") and not os.access(tree + "/" + name, os.X_OK):
            yield name, 1, "is not executable"
    if shell:
        said = subprocess.run(["shellcheck", "-x", "-f", "gcc"] + shell, cwd=tree, stdout=subprocess.PIPE,
                              encoding="utf-8", errors="replace", check=False).stdout
        for match in re.finditer(r"^(\S+?):(\d+):\d+: (.*)$", said, re.M):
            yield match.group(1), int(match.group(2)), match.group(3)
    for name in names:
        if name.endswith(".py"):
            try:
                compile(gate.read(tree + "/" + name), name, "exec")
            except SyntaxError as error:
                yield name, error.lineno or 1, str(error)


def plant(tree):
    """Adds a script that goes on after an error."""
    return gate.write(tree, "test/setup/planted.sh", "#!/usr/bin/env bash\nrm -rf $1/*\n")


gate.run(check, plant)
