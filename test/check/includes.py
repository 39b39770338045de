#!/usr/bin/env python3
"""Includes point only leftwards: ground rooms in their order, model, then a capability's own (gate and what follows use those before them); compat.h stands where its names do."""
import re

import gate

COMMON = ("model",)             # the one capability that the others build on
JOINING = ("gate", "source", "worker")  # rooms that put capabilities to work: all that stand before them in the list

# What compat.h defines on some servers only: reached through another header, it compiles on 15 and not on 18.
COMPAT = re.compile(r"\b(?:pg_attribute_noreturn|compat_\w+|COMPAT_\w+)\b")


def check(tree):
    """Yields every include of one of our headers from a place that may not use it."""
    ground, capabilities = gate.rooms(tree)
    order = ground + [room for room in COMMON if room in capabilities]
    for name in gate.files(tree, "src", ".c", ".h"):
        parts = name.split("/")
        text = gate.read(tree + "/" + name)
        used = COMPAT.search(gate.c_code(text))
        if used and parts[1] != "compat" and '#include "compat/compat.h"' not in text:
            yield name, gate.line_of(text, used.start()), '%s takes #include "compat/compat.h"' % used.group()
        for match in re.finditer(r'^\s*#\s*include\s+"([^"]+)"', gate.c_without_comments(text), re.M):
            folder, _, header = match.group(1).rpartition("/")
            if not folder or folder not in ground + capabilities:
                if header.endswith(".h") and not folder and (tree + "/" + name, header) and \
                        header in {h.split("/")[-1] for h in gate.files(tree, "src/" + parts[1], ".h")}:
                    yield name, gate.line_of(text, match.start()), 'write the room: "%s/%s"' % (parts[1], header)
                continue
            if len(parts) == 2 or parts[1] == folder:
                continue        # src/aipipe.c starts all rooms; a room has its own headers
            if parts[1] in JOINING:
                allowed = ground + capabilities[:capabilities.index(parts[1])]
            else:
                allowed = order[:order.index(parts[1])] if parts[1] in order else order
            if folder not in allowed:
                yield name, gate.line_of(text, match.start()), "room %s may not include %s" % (parts[1], match.group(1))


def plant(tree):
    """Makes the leftmost room look at a capability."""
    return gate.write(tree, "src/compat/planted.c", '#include "postgres.h"\n\n#include "model/cache.h"\n')


gate.run(check, plant)
