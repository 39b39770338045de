#!/usr/bin/env python3
"""C functions that overflow, lose errors, open files or leave the server's memory, and words that mean unfinished work."""
import re

import gate

FUNCTIONS = re.compile(r"\b(v?sprintf|strcpy|strcat|strtok|sscanf|atoi|atol|atof|gets|fopen|alloca|system|popen"
                       r"|setjmp|longjmp)\s*\(")
# An artifact never passes through a file.
FILES = re.compile(r"\b(tmpfile|mkstemp|mkdtemp|creat|PathNameOpenFile|OpenTemporaryFile|OpenTransientFile|AllocateFile|BufFileCreate\w+"
                   r"|XGBoosterSaveModel|XGBoosterLoadModel|XGDMatrixCreateFromFile|XGDMatrixSaveBinary)\s*[(),]")
# The training library gets its memory and environment from the C library.
MEMORY = re.compile(r"(?<![\w.>])(malloc|calloc|realloc|free)\s*\(")
WORDS = re.compile(r"\b(TODO|FIXME|XXX|HACK|not implemented|placeholder)\b")


def check(tree):
    """Yields every use."""
    for name in gate.files(tree, "src", ".c", ".h"):
        text = gate.read(tree + "/" + name)
        code = gate.c_code(text)
        for match in FUNCTIONS.finditer(code):
            yield name, gate.line_of(text, match.start()), "%s() is banned" % match.group(1)
        for match in FILES.finditer(code):
            yield name, gate.line_of(text, match.start()), "%s() opens a file" % match.group(1)
        for match in MEMORY.finditer(code):
            if name != "src/learn/xgb.c":
                yield name, gate.line_of(text, match.start()), "%s() goes round the memory contexts" % match.group(1)
    for name in gate.files(tree, "src", ".c", ".h") + gate.files(tree, "sql", ".sql"):
        text = gate.read(tree + "/" + name)
        for match in WORDS.finditer(text):
            if match.group(1) != "XXX" or not re.search(r"XX\d|mkstemp", text[match.start() - 8:match.end() + 8]):
                yield name, gate.line_of(text, match.start()), "\"%s\": finish it or file it" % match.group(1)


def plant(tree):
    """Copies a string without a bound."""
    return gate.write(tree, "src/core/planted.c", "void\nplanted(char *a, char *b)\n{\n\tstrcpy(a, b);\n}\n")


gate.run(check, plant)
