#!/usr/bin/env python3
"""The built install script plants no trap: see the rules in the list below.

No SECURITY DEFINER; SET search_path on every SQL and PL/pgSQL function and on no
C function; no OR REPLACE and no IF NOT EXISTS in the install script; every object
is created in schema aipipe by its qualified name; MODULE_PATHNAME, never a path; ASCII.
"""
import re

import gate

SAFE_PATH = re.compile(r"\bSET\s+search_path\s*(=|TO)\s*pg_catalog\s*,\s*pg_temp\b", re.I)
OBJECT = re.compile(
    r"^CREATE\s+(?:UNLOGGED\s+|CONSTRAINT\s+)?(TABLE|VIEW|SEQUENCE|TYPE|DOMAIN|FUNCTION|PROCEDURE|AGGREGATE)\s+"
    r"([\w.\"]+)", re.I)


def options(statement):
    """A CREATE FUNCTION statement without its body, so that words in the body do not count."""
    return re.sub(r"\$(\w*)\$.*?\$\1\$", "", statement, flags=re.S)


def check(tree):
    """Yields every unsafe statement of the install script and of the sources."""
    script = gate.install_script(tree)
    text = gate.read(tree + "/" + script)
    for line, statement in gate.sql_statements(text):
        head = options(statement)
        if re.match(r"CREATE\s+OR\s+REPLACE\b", head, re.I):
            yield script, line, "CREATE OR REPLACE in the install script"
        if re.match(r"CREATE\b.*\bIF\s+NOT\s+EXISTS\b", head, re.I | re.S):
            yield script, line, "IF NOT EXISTS would adopt an object that somebody planted"
        match = OBJECT.match(re.sub(r"^CREATE\s+OR\s+REPLACE", "CREATE", head, flags=re.I))
        if match and not match.group(2).startswith("aipipe."):
            yield script, line, "%s is not created as aipipe.%s" % (match.group(2), match.group(2))
        if re.match(r"CREATE\s+(OR\s+REPLACE\s+)?(FUNCTION|PROCEDURE)\b", head, re.I):
            if re.search(r"\bSECURITY\s+DEFINER\b", head, re.I):
                yield script, line, "SECURITY DEFINER"
            language = re.search(r"\bLANGUAGE\s+'?(\w+)", head, re.I)
            if not language:
                yield script, line, "a function without LANGUAGE"
            elif language.group(1).lower() == "c":
                if re.search(r"\bSET\s+search_path\b", head, re.I):
                    yield script, line, "a C function qualifies inside; SET would cost every call"
            elif not SAFE_PATH.search(head):
                yield script, line, "no SET search_path = pg_catalog, pg_temp"
    # the server reads the script in the database's encoding, whatever that is
    for line, text_line in enumerate(text.split("\n"), 1):
        if not text_line.isascii():
            yield script, line, "not ASCII: CREATE EXTENSION would fail in some encodings"
    for name in gate.files(tree, "sql", ".sql"):
        source = gate.read(tree + "/" + name)
        if name.endswith("/tables.sql"):
            for line, statement in gate.sql_statements(source):
                if re.match(r"CREATE\s+OR\s+REPLACE\b", statement, re.I):
                    yield name, line, "tables.sql is not repeatable; this belongs into functions.sql"


def plant(tree):
    """Adds a function of the worst kind."""
    return gate.write(tree, gate.install_script(tree),
                      "\nCREATE FUNCTION aipipe.planted() RETURNS int LANGUAGE sql SECURITY DEFINER\n"
                      "AS $$ SELECT 1 $$;\n", append=True)


gate.run(check, plant)
