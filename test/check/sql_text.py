#!/usr/bin/env python3
"""SQL in C resolves the same under every search_path and takes values only as parameters.

In the text of an SqlStatement, and in any other string that is a statement:
operators are written OPERATOR(pg_catalog.=), relations, functions and the types of
casts are qualified (a domain in pg_temp hides pg_catalog's type of that name, and
its CHECK would run as the tables' owner), IN, BETWEEN, LIKE and the simple CASE are not used (their operators
come from the search_path), and nothing is pasted between quotes.
"""
import re

import gate

STATEMENT = re.compile(r"^\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|MERGE INTO|LOCK TABLE)\s", re.S)
LITERAL = re.compile(r'"((?:\\.|[^"\\])*)"(?:\s*"((?:\\.|[^"\\])*)")*')
OPERATOR = re.compile(r"OPERATOR\(pg_catalog\.[^)\s]+\)")
PASTED = re.compile(r"'%[sdlu]|= ?%s|%s'")
# Syntax that looks like a function call but is none, or is resolved by the parser.
SYNTAX = {"values", "coalesce", "greatest", "least", "nullif", "exists", "any", "all", "some", "in", "over", "cast",
          "row", "array", "operator", "with", "as", "into", "filter", "partition", "using", "on", "conflict", "and",
          "or", "not", "select", "where", "from", "set", "returning", "distinct", "by", "limit", "lateral", "within",
          "group", "order", "materialized", "if", "when", "then", "else", "numeric", "varchar", "then", "key"}


def problems(sql):
    """Yields what is wrong with one statement."""
    bare = re.sub(r"'(?:[^']|'')*'", "''", sql)
    bare = OPERATOR.sub(" ", bare)
    bare = re.sub(r"\\n|\\t", " ", bare)
    # SET a = …, the equals sign of an assignment, and named arguments are no operators.
    assigned = re.sub(r"\bSET\b(.*?)(?=\bWHERE\b|\bFROM\b|\bRETURNING\b|$)",
                      lambda m: re.sub(r"(?<![<>=!])=(?![<>=])", " ", m.group(0)), bare, flags=re.S)
    assigned = assigned.replace("=>", " ").replace("::", " ").replace("count(*)", "").replace(".*", " ")
    assigned = re.sub(r"\(\s*\*\s*\)", "()", assigned)
    assigned = re.sub(r"\b(SELECT|RETURNING)\s+\*", "SELECT ", assigned)
    match = re.search(r"[<>=!~|&#^+/*-]+|@>|<@", re.sub(r"(?<=[(,=\s])-(?=\d)", "", assigned))
    if match:
        yield "operator %s is found by search_path; write OPERATOR(pg_catalog.%s)" % (match.group(), match.group())
    match = re.search(r"\b(BETWEEN|LIKE|ILIKE|SIMILAR)\b|(?<!\bFOR UPDATE )\bIN\s*\(", bare, re.I)
    if match:
        yield "%s hides an operator that is found by search_path" % match.group().strip(" (")
    if re.search(r"\bCASE\s+(?!WHEN\b)", bare, re.I):
        yield "a simple CASE hides an operator that is found by search_path"
    for match in re.finditer(r"(?<![\w.])([a-z_][a-z0-9_]*)\s*\(", bare):
        if match.group(1) not in SYNTAX and not re.search(
                r"(INTO\s+[\w.]+|\bAS)\s*$|\bAS\s+$", bare[:match.start()] + "") and \
                not re.search(r"INTO\s+aipipe\.\w+\s*$", bare[:match.end() - 1]):
            yield "function %s is found by search_path" % match.group(1)
    for match in re.finditer(r"::\s*([a-z_]\w*)(?![\w.])", bare):
        yield "type %s is found by search_path, pg_temp first" % match.group(1)
    if re.search(r"\bCAST\s*\(", bare, re.I):
        yield "write a cast as ::pg_catalog.type"
    ctes = set(re.findall(r"(?:\bWITH|\bRECURSIVE|,)\s+(\w+)\s+AS\s+(?:MATERIALIZED\s+)?\(", bare))
    for match in re.finditer(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:ONLY\s+)?([a-z_]\w*)\b(?![\w.(])", bare):
        if match.group(1) not in ctes | {"set", "lateral", "unnest", "skip", "nowait", "of"}:
            yield "relation %s is not qualified" % match.group(1)


def check(tree):
    """Yields every doubtful string of the C files."""
    for name in gate.files(tree, "src", ".c", ".h"):
        text = gate.c_without_comments(gate.read(tree + "/" + name))
        for match in LITERAL.finditer(text):
            if text[:match.start()].rstrip().endswith("#include"):
                continue
            sql = "".join(re.findall(r'"((?:\\.|[^"\\])*)"', match.group()))
            line = gate.line_of(text, match.start())
            if not STATEMENT.match(sql):
                continue
            if PASTED.search(sql):
                yield name, line, "a value or name is pasted into SQL: %s" % sql[:60]
            elif "%" not in sql:        # texts with %s are built from quoted identifiers; their operators are checked too
                for problem in problems(sql):
                    yield name, line, problem
            else:
                for problem in problems(sql.replace("%s", "aipipe.x")):
                    yield name, line, problem


def plant(tree):
    """Casts to whatever oid the caller's temporary schema offers."""
    return gate.write(tree, "src/core/planted.c",
                      'static SqlStatement planted = {"SELECT owner::oid FROM aipipe.model_data", 0};\n')


gate.run(check, plant)
