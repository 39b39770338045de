#!/usr/bin/env python3
"""The server's version is looked at in src/compat only, the XGBoost header in src/learn/xgb_library.h only."""
import gate

PLACES = (("PG_VERSION_NUM", lambda name: name.startswith("src/compat/")),
          ("xgboost/c_api.h", lambda name: name == "src/learn/xgb_library.h"))


def check(tree):
    """Yields every other place that has one of the two."""
    for name in gate.files(tree, "src", ".c", ".h"):
        text = gate.c_without_comments(gate.read(tree + "/" + name))
        for word, allowed in PLACES:
            if word in text and not allowed(name):
                yield name, gate.line_of(text, text.index(word)), "%s belongs elsewhere" % word


def plant(tree):
    """Looks at the version in core."""
    return gate.write(tree, "src/core/planted.c", "#if PG_VERSION_NUM >= 160000\n#endif\n")


gate.run(check, plant)
