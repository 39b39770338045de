#!/usr/bin/env python3
"""cppcheck finds no error, no portability and no performance problem in the C files."""
import os
import re
import subprocess

import gate

# cppcheck does not see the server's headers, so it does not know that ereport(ERROR) ends the function.
SUPPRESS = ("missingInclude", "missingIncludeSystem", "unknownMacro", "unmatchedSuppression")
DEFINES = ("ereport(level,...)=do{(void)(__VA_ARGS__);if((level)>=21)__builtin_unreachable();}while(0)",
           "elog(level,...)=do{if((level)>=21)__builtin_unreachable();}while(0)",
           "ERROR=21", "FATAL=22", "PANIC=23", "WARNING=19", "NOTICE=18", "LOG=15",
           "pg_attribute_noreturn()=__attribute__((noreturn))", "PG_FUNCTION_ARGS=void *fcinfo",
           "PG_FUNCTION_INFO_V1(f)=extern Datum f(void *fcinfo)", "FLEXIBLE_ARRAY_MEMBER=",
           "PGDLLEXPORT=", "PG_MODULE_MAGIC=", "COMPAT_MODULE_MAGIC=extern int magic",
           "PG_TRY()=do{if(1){", "PG_CATCH()=}else{", "PG_FINALLY()=}{", "PG_END_TRY()=}}while(0)",
           "Assert(x)=", "StaticAssertDecl(x,y)=extern int assertion", "pg_unreachable()=__builtin_unreachable()")


def check(tree):
    """Yields each finding."""
    names = ["src/core/planted.c"] if os.path.exists(os.path.join(tree, "src/core/planted.c")) else ["src"]
    command = ["cppcheck", "--quiet", "--std=c11", "--enable=warning,performance,portability", "--inline-suppr",
               "--max-configs=1", "-I", "src", "--template={file}:{line}: {id}: {message}"]
    command += ["--suppress=" + s for s in SUPPRESS] + ["-D" + d for d in DEFINES] + names
    said = subprocess.run(command, cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          encoding="utf-8", errors="replace", check=False).stderr
    for match in re.finditer(r"^(\S+?):(\d+): (.*)$", said, re.M):
        yield match.group(1), int(match.group(2)), match.group(3)


def plant(tree):
    """Reads behind the end of an array; the check then looks at this file only."""
    return gate.write(tree, "src/core/planted.c", "int\nplanted(void)\n{\n\tint a[2] = {0, 1};\n\n\treturn a[2];\n}\n")


gate.run(check, plant)
