#!/usr/bin/env python3
"""Every ereport(ERROR | FATAL | PANIC | WARNING) has an errcode; messages follow the server's style."""
import re

import gate


def check(tree):
    """Yields every report without a code, or whose message begins or ends against the style."""
    for name in gate.files(tree, "src", ".c", ".h"):
        text = gate.read(tree + "/" + name)
        code = gate.c_code(text)
        shown = gate.c_without_comments(text)
        for match in re.finditer(r"\bereport(_domain)?\s*\(", code):
            end = gate.balanced(code, match.end() - 1)
            call = code[match.end():end]
            level = call.split(",", 1)[0].strip()
            line = gate.line_of(text, match.start())
            if level in ("NOTICE", "INFO", "LOG", "DEBUG1", "DEBUG2", "DEBUG3"):
                continue
            if not re.search(r"\berrcode(_for_file_access)?\s*\(", call):
                yield name, line, "ereport(%s) without errcode" % level
            for part in re.finditer(r'\berrmsg\s*\(\s*"((?:\\.|[^"\\])*)"\s*([,)])', shown[match.end():end]):
                if re.match(r"[A-Z][a-z]", part.group(1)) or part.group(1).endswith("."):
                    yield name, line, "a message has no capital at its start and no full stop: %s" % part.group(1)
            for part in re.finditer(r'\berr(detail|hint)\s*\(\s*"((?:\\.|[^"\\])*)"\s*[,)]', shown[match.end():end]):
                if part.group(2) != "%s" and not re.search(r'[.?!:)"]$', part.group(2).replace('\\"', '"')):
                    yield name, line, "a %s is a sentence: %s" % (part.group(1), part.group(2))


def plant(tree):
    """Reports an error without a code."""
    return gate.write(tree, "src/core/planted.c",
                      'void\nplanted(void)\n{\n\tereport(ERROR,\n\t\t\t(errmsg("this has no errcode()")));\n}\n')


gate.run(check, plant)
