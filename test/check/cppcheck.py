#!/usr/bin/env python3
"""cppcheck finds no error, no portability and no performance problem in the C files."""
import os
import re
import subprocess
import tempfile

import gate

SUPPRESS = ("missingInclude", "missingIncludeSystem", "unknownMacro", "toomanyconfigs", "invalidPointerCast", "normalCheckLevelMaxBranches",
            "unmatchedSuppression")
# cppcheck does not see the server's headers; this is what it has to know of them, above all
# that a report of level ERROR does not come back.
SERVER = """
#define PG_VERSION_NUM 150000
#define ERROR 21
#define FATAL 22
#define PANIC 23
#define ereport(level, ...) do { (void) (__VA_ARGS__); if ((level) >= ERROR) __builtin_unreachable(); } while (0)
#define elog(level, ...) do { if ((level) >= ERROR) __builtin_unreachable(); } while (0)
#define pg_attribute_noreturn() __attribute__((noreturn))
#define pg_unreachable() __builtin_unreachable()
#define FLEXIBLE_ARRAY_MEMBER
#define PGDLLEXPORT
#define PG_FUNCTION_ARGS void *fcinfo
#define PG_FUNCTION_INFO_V1(f) extern Datum f(void *fcinfo)
#define COMPAT_MODULE_MAGIC extern int module_magic
#define PG_TRY() do { if (try_body()) {
#define PG_CATCH() } else {
#define PG_FINALLY() } {
#define PG_END_TRY() } } while (0)
#define Assert(condition)
#define foreach(cell, list) for ((cell) = list_head(list); (cell) != NULL; (cell) = lnext(list, cell))
#define StaticAssertDecl(condition, message) extern int static_assertion
#define StaticAssertStmt(condition, message) do { } while (0)
"""


def check(tree):
    """Yields each finding."""
    names = ["src/core/planted.c"] if os.path.exists(os.path.join(tree, "src/core/planted.c")) else ["src"]
    command = ["cppcheck", "--quiet", "--std=c11", "--enable=warning,performance,portability", "--inline-suppr",
               "--max-configs=1", "-I", "src", "--template={file}:{line}: {id}: {message}"]
    with tempfile.NamedTemporaryFile("w", suffix=".h") as header:
        header.write(SERVER)
        header.flush()
        command += ["--suppress=" + s for s in SUPPRESS] + ["--include=" + header.name] + names
        said = subprocess.run(command, cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              encoding="utf-8", errors="replace", check=False).stderr
    for match in re.finditer(r"^(\S+?):(\d+): (.*)$", said, re.M):
        yield match.group(1), int(match.group(2)), match.group(3)


def plant(tree):
    """Reads behind the end of an array, in a file with our header and a loop over a list, as most are; the check then looks at this file only."""
    return gate.write(tree, "src/core/planted.c", "#include \"compat/compat.h\"\n\nint\nplanted(List *list)\n{\n\tint a[2] = {0, 1};\n\tListCell *cell;\n\n"
                      "\tforeach(cell, list)\n\t\ta[0]++;\n\treturn a[2];\n}\n")


gate.run(check, plant)
