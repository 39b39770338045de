#!/usr/bin/env python3
"""aipipe.so gives away only what PostgreSQL calls, and every C function of the install script and of a worker is there.

The server opens libraries with their symbols global, so any other name of ours
could take the place of another library's, or the reverse.  Main functions are found by how they
are told to it: CreateParallelContext("aipipe", "name") and, for the postmaster, "aipipe_<kind>_main".
"""
import os
import re
import subprocess

import gate

SERVER = {"_PG_init", "Pg_magic_func"}


def exported(tree):
    """The defined dynamic symbols of the built library."""
    said = subprocess.run(["nm", "-D", "--defined-only", os.path.join(tree, "aipipe.so")],
                          stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
    extra = os.path.join(tree, "build/planted.symbols")
    if os.path.exists(extra):
        said += gate.read(extra)
    return [line.split()[-1].split("@")[0] for line in said.splitlines()]


def check(tree):
    """Yields every symbol too many and every function without a symbol."""
    symbols = exported(tree)
    callable_from_sql = set()
    workers = {}
    for name in gate.files(tree, "src", ".c"):
        text = gate.read(tree + "/" + name)
        callable_from_sql.update(re.findall(r"^PG_FUNCTION_INFO_V1\((\w+)\)", text, re.M))
        for match in re.finditer(r"\bCreateParallelContext\(\s*\"aipipe\",\s*\"(\w+)\"|\"(aipipe_[a-z]+_main)\"", text):
            workers[match.group(1) or match.group(2)] = (name, gate.line_of(text, match.start()))
    for symbol in symbols:
        if symbol not in SERVER and symbol not in workers and re.sub("^pg_finfo_", "", symbol) not in callable_from_sql:
            yield "aipipe.so", 1, "%s is exported" % symbol
    for symbol, (name, line) in workers.items():
        if symbol not in symbols:
            yield name, line, "the library has no %s" % symbol
    script = gate.install_script(tree)
    for line, statement in gate.sql_statements(gate.read(tree + "/" + script)):
        if re.match(r"CREATE\s+FUNCTION\b", statement, re.I) and re.search(r"\bLANGUAGE\s+'?c\b", statement, re.I):
            name = re.match(r"CREATE\s+FUNCTION\s+aipipe\.(\w+)", statement, re.I).group(1)
            symbol = re.search(r"\bAS\s+'[^']+'\s*,\s*'(\w+)'", statement, re.I)
            symbol = symbol.group(1) if symbol else name
            if symbol not in symbols:
                yield script, line, "the library has no %s" % symbol
    libraries = subprocess.run(["readelf", "-d", os.path.join(tree, "aipipe.so")],
                               stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
    if "libxgboost" in libraries:
        yield "aipipe.so", 1, "links libxgboost, which only a training may load"


def plant(tree):
    """Pretends that the library has one symbol more."""
    gate.write(tree, "build/planted.symbols", "0000000000001000 T planted\n")
    return "aipipe.so"


gate.run(check, plant)
