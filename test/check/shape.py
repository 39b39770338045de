#!/usr/bin/env python3
"""Files and functions that fit a head: 800 lines a file, 150 a function, a sentence above each function."""
import re

import gate

FILE_LINES = 800
FUNCTION_LINES = 150


def check(tree):
    """Yields every file or function that is too long or says not what it is for."""
    for name in gate.files(tree, "src", ".c", ".h") + gate.files(tree, "test/module", ".c", ".h"):
        text = gate.read(tree + "/" + name)
        lines = text.count("\n")
        if lines > FILE_LINES:
            yield name, lines, "%d lines; %d is the stop" % (lines, FILE_LINES)
        if not re.match(r"/\*-*\n \*\n \* [\w.]+\n|/\*-*\n \* [\w.]+\n", text):
            yield name, 1, "the file does not open with its name and what it is for"
        elif name.rsplit("/", 1)[1] not in text[:300]:
            yield name, 1, "the comment at the top names another file"
        for function in gate.c_functions(text):
            length = function.last_line - function.line + 1
            if length > FUNCTION_LINES:
                yield name, function.line, "%s() has %d lines; %d is the stop" % (
                    function.name, length, FUNCTION_LINES)
            if not function.commented:
                yield name, function.line, "no sentence above %s()" % function.name
    for name in gate.files(tree, "sql", ".sql"):
        lines = gate.read(tree + "/" + name).count("\n")
        if lines > FILE_LINES:
            yield name, lines, "%d lines; %d is the stop" % (lines, FILE_LINES)


def plant(tree):
    """Adds a function that says nothing."""
    return gate.write(tree, "src/core/planted.c",
                      "/*\n * planted.c\n *\t  Nothing.\n */\n#include \"postgres.h\"\n\nint\nplanted(void)\n{\n\treturn 1;\n}\n")


gate.run(check, plant)
