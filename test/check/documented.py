#!/usr/bin/env python3
"""Every function, view and type is in docs/reference.md, which names none that is gone; links in docs lead somewhere."""
import os
import re

import gate

CREATE = re.compile(r"^CREATE\s+(?:OR\s+REPLACE\s+)?(FUNCTION|PROCEDURE|AGGREGATE|VIEW|TYPE)\s+aipipe\.(\w+)", re.I)
# What only the extension itself calls.
INTERNAL = re.compile(r"(_trigger|_in|_out|_recv|_send|_transition|_combine|_final|_serialize|_deserialize)$|^gate_on_")


def check(tree):
    """Yields what is created and not in the reference, the reverse, and dead links."""
    script = gate.install_script(tree)
    path = os.path.join(tree, "docs/reference.md")
    reference = gate.read(path) if os.path.exists(path) else ""
    known = set()
    for line, statement in gate.sql_statements(gate.read(tree + "/" + script)):
        match = CREATE.match(statement)
        if not match:
            continue
        known.add(match.group(2))
        returns_trigger = re.search(r"\bRETURNS\s+trigger\b", statement, re.I)
        if not returns_trigger and not INTERNAL.search(match.group(2)) and \
                not re.search(r"\baipipe\.%s\b" % match.group(2), reference):
            yield script, line, "%s aipipe.%s is not in docs/reference.md" % (match.group(1).lower(), match.group(2))
    for match in re.finditer(r"\baipipe\.([a-z_]+)\(", reference):
        if match.group(1) not in known:
            yield "docs/reference.md", gate.line_of(reference, match.start()), \
                "there is no function aipipe.%s" % match.group(1)
    for name in gate.files(tree, "docs", ".md") + ["README.md"]:
        if not os.path.exists(os.path.join(tree, name)):
            yield name, 1, "the file is missing"
            continue
        text = gate.read(os.path.join(tree, name))
        for match in re.finditer(r"\]\(([^)#\s]+)(#[^)]*)?\)", text):
            target = match.group(1)
            if "://" not in target and not target.startswith("mailto:") and \
                    not os.path.exists(os.path.join(tree, os.path.dirname(name), target)):
                yield name, gate.line_of(text, match.start()), "the link to %s is dead" % target


def plant(tree):
    """Adds a function that nobody described."""
    return gate.write(tree, gate.install_script(tree),
                      "\nCREATE FUNCTION aipipe.planted_verb() RETURNS int LANGUAGE c AS 'MODULE_PATHNAME';\n",
                      append=True)


gate.run(check, plant)
