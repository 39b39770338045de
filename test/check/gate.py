"""What the static gates share: reading C and SQL, and the two ways to run a gate.

A gate is a script of two functions.  check(tree) yields (file, line, message)
for every violation under the tree; plant(tree) adds one violation to a copy of
the tree and gives the file that it wrote to, so that the runner can see the
gate fail.

    gate.py's callers:  NAME.py TREE           prints violations, status 1 if any
                        NAME.py --plant TREE   plants, prints the file
"""
import os
import re
import sys
import traceback


def read(path):
    """The text of a file."""
    with open(path, encoding="utf-8", errors="surrogateescape") as handle:
        return handle.read()


def write(tree, name, text, append=False):
    """Writes a file under the tree, its folder included, and gives its name."""
    path = os.path.join(tree, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "a" if append else "w", encoding="utf-8") as handle:
        handle.write(text)
    return name


def replace(tree, name, pattern, text):
    """Replaces the first match of a pattern in a file, which must have one."""
    before = read(os.path.join(tree, name))
    after = re.sub(pattern, text, before, count=1)
    if after == before:
        raise SystemExit("nothing in %s matches %s" % (name, pattern))
    return write(tree, name, after)


def files(tree, folder, *suffixes):
    """The names, relative to the tree, of a folder's files with these suffixes."""
    found = []
    for where, folders, names in os.walk(os.path.join(tree, folder)):
        folders[:] = sorted(f for f in folders if f not in (".git", "build", "tmp_check", "__pycache__"))
        found += [os.path.relpath(os.path.join(where, n), tree) for n in sorted(names)
                  if not suffixes or n.endswith(suffixes)]
    return found


def line_of(text, offset):
    """The number of the line that an offset is in."""
    return text.count("\n", 0, offset) + 1


_C_TOKEN = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def _blank(text):
    """As many spaces, line ends kept, so that offsets stay true."""
    return re.sub(r"[^\n]", " ", text)


def c_without_comments(text):
    """C with comments blanked and strings kept."""
    return _C_TOKEN.sub(lambda m: _blank(m.group()) if m.group()[0] == "/" else m.group(), text)


def c_code(text):
    """C with comments and the insides of strings blanked."""
    def strip(match):
        token = match.group()
        return _blank(token) if token[0] == "/" else token[0] + _blank(token[1:-1]) + token[-1]
    return _C_TOKEN.sub(strip, text)


def balanced(code, start):
    """The offset just behind the bracket that closes the one at start."""
    pairs, depth = {"(": ")", "{": "}", "[": "]"}, 0
    opening, closing = code[start], pairs[code[start]]
    for offset in range(start, len(code)):
        if code[offset] == opening:
            depth += 1
        elif code[offset] == closing:
            depth -= 1
            if depth == 0:
                return offset + 1
    return len(code)


class Function:
    """A function definition in a C file: its name, its lines, the comment above."""

    def __init__(self, name, line, last_line, commented):
        self.name, self.line, self.last_line, self.commented = name, line, last_line, commented


def c_functions(text):
    """The function definitions of a file in the server's style (name and brace at column 0)."""
    code = c_code(text)
    found = []
    for match in re.finditer(r"^([A-Za-z_]\w*)\s*\(", code, re.M):
        end = balanced(code, match.end() - 1)
        brace = re.compile(r"\s*\{").match(code, end)
        if not brace:
            continue
        last = balanced(code, brace.end() - 1)
        # Up over the lines of the return type and attributes to what stands above.
        above = text[:match.start()].split("\n")[:-1]
        while above and above[-1].strip() and not above[-1].rstrip().endswith(("*/", "}", ";")) \
                and not above[-1].startswith("#"):
            above.pop()
        while above and re.match(r"(PG_FUNCTION_INFO_V1|#)", above[-1]):
            above.pop()
        found.append(Function(match.group(1), line_of(text, match.start()), line_of(text, last - 1),
                              bool(above) and above[-1].rstrip().endswith("*/")))
    return found


def rooms(tree):
    """The Makefile's ground rooms and capabilities, each in their order."""
    text = read(os.path.join(tree, "Makefile"))
    return [re.search(r"^%s\s*=\s*(.*)$" % name, text, re.M).group(1).split()
            for name in ("GROUND", "CAPABILITIES")]


_SQL_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(\w*)\$.*?\$\1\$|;", re.S)


def sql_statements(text):
    """Yields (line, statement) of a script: comments gone, quoted parts whole."""
    start, parts, begin = 0, [], None
    text = re.sub(r"^\\[^\n]*", lambda m: _blank(m.group()), text, flags=re.M)
    for match in _SQL_TOKEN.finditer(text):
        parts.append(text[start:match.start()])
        if begin is None and parts[-1].strip():
            begin = start + len(parts[-1]) - len(parts[-1].lstrip())
        start = match.end()
        token = match.group()
        if token == ";":
            statement = "".join(parts).strip()
            if statement:
                yield line_of(text, begin), statement
            parts, begin = [], None
        elif not token.startswith(("--", "/*")):
            if begin is None:
                begin = match.start()
            parts.append(token)
        else:
            parts.append(" ")


def install_script(tree):
    """The name of the built install script."""
    version = re.search(r"^default_version\s*=\s*'([^']+)'", read(os.path.join(tree, "aipipe.control")), re.M)
    return "build/aipipe--%s.sql" % version.group(1)


def run(check, plant):
    """What a gate's script calls last."""
    if sys.argv[1] == "--plant":
        print(plant(sys.argv[2]))
        return
    count = 0
    try:
        for name, line, message in check(sys.argv[1]):
            print("%s:%d: %s" % (name, line, message))
            count += 1
    except Exception:           # a gate that breaks down has not found a violation
        traceback.print_exc()
        sys.exit(2)
    sys.exit(1 if count else 0)
