#!/usr/bin/env python3
"""Settings are defined in alphabetical order in src/core/guc.c only and documented in docs/reference.md."""
import os
import re

import gate

PLACE = "src/core/guc.c"
DEFINE = re.compile(r'\bDefineCustom\w+Variable\s*\(\s*"([^"]+)"\s*,\s*"((?:\\.|[^"\\])*)"')


def check(tree):
    """Yields what is out of order, undocumented, or documented and gone."""
    names = []
    for name in gate.files(tree, "src", ".c"):
        text = gate.c_without_comments(gate.read(tree + "/" + name))
        for match in DEFINE.finditer(text):
            line = gate.line_of(text, match.start())
            if name != PLACE:
                yield name, line, "%s is defined outside %s" % (match.group(1), PLACE)
            if not match.group(1).startswith("aipipe."):
                yield name, line, "%s has not our prefix" % match.group(1)
            if not match.group(2).endswith("."):
                yield name, line, "the description of %s is no sentence" % match.group(1)
            if names and match.group(1) < names[-1]:
                yield name, line, "%s stands behind %s" % (match.group(1), names[-1])
            names.append(match.group(1))
    reference = os.path.join(tree, "docs/reference.md")
    documented = gate.read(reference) if os.path.exists(reference) else ""
    for setting in names:
        if "`%s`" % setting not in documented:
            yield "docs/reference.md", 1, "setting %s is not documented" % setting
    for match in re.finditer(r"`(aipipe\.\w+)`\s*\|\s*(?:integer|boolean|real|string|enum)", documented):
        if match.group(1) not in names:
            yield "docs/reference.md", gate.line_of(documented, match.start()), \
                "there is no setting %s" % match.group(1)


def plant(tree):
    """Defines a setting in another file."""
    return gate.write(tree, "src/core/planted.c",
                      'void\nplanted(void)\n{\n\tDefineCustomBoolVariable("aipipe.planted", "Nothing.");\n}\n')


gate.run(check, plant)
