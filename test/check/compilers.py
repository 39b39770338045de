#!/usr/bin/env python3
"""clang has nothing to say about any file of src with the flags of the build and -Wall -Wextra; gcc has built it with -Werror."""
import os
import re
import subprocess

import gate


def flags(tree):
    """The build's own compiler flags, as make prints them for one object."""
    command = ["make", "-n", "-B", "--no-print-directory", "-C", tree, "with_llvm=no", "src/aipipe.o"]
    if os.environ.get("PG_CONFIG"):
        command.append("PG_CONFIG=" + os.environ["PG_CONFIG"])
    said = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
    return re.search(r"^\S*gcc\S* (.*?) -c ", said, re.M).group(1).replace("'", "").split()


# Options of the server's own build that clang does not know.
GCC_ONLY = ("-fexcess-precision=", "-Wno-format-truncation", "-Wno-stringop-truncation", "-Wimplicit-fallthrough=",
            "-Wcast-function-type", "-Wshadow=", "-moutline-atomics", "-Wno-clobbered", "-Wduplicated",
            "-Wno-cast-function-type-strict")


def check(tree):
    """Yields each warning."""
    planted = "src/core/planted.c"
    names = [planted] if os.path.exists(os.path.join(tree, planted)) else \
        gate.files(tree, "src", ".c")
    options = flags(tree)
    own = [option for option in options if not option.startswith(GCC_ONLY)]
    for name in names:
        done = subprocess.run(["clang"] + own + ["-Werror", "-Wno-ignored-attributes", "-fsyntax-only", name],
                              cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              encoding="utf-8", errors="replace", check=False)
        if done.returncode != 0:
            first = re.search(r"^(\S+?):(\d+):\d+: (.*)$", done.stdout, re.M)
            yield name, int(first.group(2)) if first else 1, first.group(3) if first else done.stdout[:300]


def plant(tree):
    """Leaves a variable unused; the check then looks at this file only."""
    return gate.write(tree, "src/core/planted.c",
                      '#include "postgres.h"\n\nextern void planted(void);\n\nvoid\nplanted(void)\n{\n\tint\t\t\tunused;\n}\n')


gate.run(check, plant)
