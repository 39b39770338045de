#!/usr/bin/env python3
"""Runs every static gate over a built tree and proves that each of them can fail.

    run.py TREE [GATE …]

TAP: two lines a gate, "the tree keeps it" and "a planted violation is seen".
"""
import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
NOT_GATES = ("gate.py", "run.py")


def gates():
    """The gates' names: every other script of this folder."""
    return sorted(name[:-3] for name in os.listdir(HERE) if name.endswith(".py") and name not in NOT_GATES)


def call(gate, *arguments):
    """Runs a gate; gives its status and what it printed."""
    done = subprocess.run([sys.executable, "-B", os.path.join(HERE, gate + ".py")] + list(arguments),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
                          check=False)
    return done.returncode, done.stdout


def planted(gate, tree):
    """Plants a violation in a copy and checks that copy; gives (seen, what the gate said)."""
    with tempfile.TemporaryDirectory(prefix="aipipe-gate.") as folder:
        copy = os.path.join(folder, "tree")
        shutil.copytree(tree, copy, symlinks=True,
                        ignore=shutil.ignore_patterns(".git", "tmp_check", "results", "output_iso"))
        status, said = call(gate, "--plant", copy)
        if status != 0:
            return False, said
        where = said.strip().split("\n")[-1]
        status, said = call(gate, copy)
        return status == 1 and where in said, said


def verdicts(names, tree):
    """Runs the gates, two at a time; yields each name with what it said of the tree and of the planted copy."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        yield from pool.map(lambda gate: (gate, call(gate, tree), planted(gate, tree)), names)


def main():
    """Prints the TAP of all gates, or of those named."""
    tree = os.path.abspath(sys.argv[1])
    names = sys.argv[2:] or gates()
    number = 0
    bad = 0
    for gate, (status, said), (seen, planted_said) in verdicts(names, tree):
        for good, what, detail in ((status == 0, "the tree keeps it", said),
                                   (seen, "a planted violation is seen", planted_said)):
            number += 1
            bad += not good
            print("%sok %d - %s: %s" % ("" if good else "not ", number, gate, what))
            if not good:
                print("".join("#   %s\n" % line for line in detail.split("\n")[:60]), end="")
            sys.stdout.flush()
    print("1..%d" % number)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
