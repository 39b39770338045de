#!/usr/bin/python3
"""Keys, dependencies and joins of 1,000,000 rows x 20 mixed columns; what they find on real tables when AIPIPE_DATA is there.

The peer of the searches is a part of what they replace: counting one single set of columns, or joining one single pair, in SQL.  Times
are of the wall.
"""
import json
import os
import time
from collections import Counter, defaultdict

import csv
import glob

import tables

MIXED = """CREATE TABLE bench.mixed AS SELECT i AS id, (i::bigint * 7919) % 1000000 AS ref, md5(i::text) AS hash, (random() * 1000)::int AS store,
 'city ' || ((i * 31) % 500) AS city, ((i * 31) % 500) % 50 AS state, random() AS r1, round((random() * 1000)::numeric, 2) AS price,
 timestamp '2024-01-01' + (i || ' sec')::interval AS at, date '2020-01-01' + (i % 1500) AS day, extract(year FROM date '2020-01-01' + (i % 1500))::int AS year,
 random() < 0.3 AS flag, CASE WHEN random() < 0.1 THEN NULL ELSE (random() * 100)::int END AS nn, 'const'::text AS const,
 (ARRAY['a', 'b', 'c', 'd'])[1 + (random() * 3)::int] AS cat, c.cust, c.cust % 13 AS segment, random() * 10 AS lat, (random() * 1e6)::bigint AS amount,
 'SKU-' || ((random() * 20000)::int) AS sku
 FROM generate_series(1, 1000000) AS i, LATERAL (SELECT (random() * 100000 + i * 0)::int AS cust) AS c"""


def seconds(cursor, sql, *values):
    """Runs a query; gives its seconds and rows."""
    began = time.time()
    cursor.execute(sql, values)
    rows = cursor.fetchall()
    return time.time() - began, rows


def speed(cursor):
    """Measures the three searches."""
    cursor.execute("DROP TABLE IF EXISTS bench.mixed, bench.city, bench.copied")
    cursor.execute("SELECT setseed(0.5)")
    cursor.fetchall()
    cursor.execute(MIXED)
    cursor.execute("CREATE TABLE bench.city AS SELECT DISTINCT city AS name, state FROM bench.mixed")
    cursor.execute("VACUUM (ANALYZE) bench.mixed")
    cursor.execute("CREATE TABLE bench.copied AS SELECT id AS mixed_id, hash AS mixed_hash, ref::numeric AS ref, sku FROM bench.mixed")
    pair, _ = seconds(cursor, "SELECT count(*) FROM (SELECT cust, sku FROM bench.mixed GROUP BY 1, 2 HAVING count(*) > 1) AS g")
    join, _ = seconds(cursor, "SELECT count(*), count(b.n), sum(a.n) FROM (SELECT mixed_hash, count(*) AS n FROM bench.copied GROUP BY 1) AS a"
                              " LEFT JOIN (SELECT hash, count(*) AS n FROM bench.mixed GROUP BY 1) AS b ON mixed_hash = hash")
    set_, joined = "one set counted in SQL", "one pair joined in SQL"
    for what, sql, goal, peer, peer_is in (
            ("profile_keys, 190 pairs", "SELECT * FROM aipipe.profile_keys('bench.mixed', 2)", 10, pair, set_),
            ("profile_keys with 1 % error", "SELECT * FROM aipipe.profile_keys('bench.mixed', 2, 0.01)", None, pair, set_),
            ("profile_dependencies, 3,800 candidates", "SELECT * FROM aipipe.profile_dependencies('bench.mixed')", 10, pair, set_),
            ("profile_dependencies with 1 % error", "SELECT * FROM aipipe.profile_dependencies('bench.mixed', 2, 0.01)", None, pair, set_),
            ("profile_joins with a table of cities", "SELECT * FROM aipipe.profile_joins('{bench.mixed,bench.city}')", 10, join, joined),
            ("the same, every inclusion", """SELECT * FROM aipipe.profile_joins('{bench.mixed,bench.city}', params => '{"min_score": 0}')""", 10, join, joined),
            ("profile_joins with a table of 1M rows, every inclusion", """SELECT * FROM aipipe.profile_joins('{bench.mixed,bench.copied}', params => '{"min_score": 0}')""", None, join, joined)):
        took, rows = seconds(cursor, sql)
        verdict = "" if goal is None else "ok" if took < goal else "MISS"
        print(f"RESULT|{what}, 1M x 20: {len(rows)} found|{took:.1f}|s|{peer:.1f} ({peer_is})||{f'< {goal} s' if goal else ''}|{verdict}", flush=True)


def rows_of(path):
    """Reads a CSV file: names and rows."""
    with open(path, encoding="utf-8", errors="replace", newline="") as source:
        rows = list(csv.reader(source))
    return rows[0], rows[1:]


def flagged_cells(rows, names, dependencies):
    """Gives the cells that are not of their group's most frequent value."""
    cells = set()
    for left, right, _ in dependencies:
        at, to = [names.index(c) for c in left], names.index(right)
        groups = defaultdict(Counter)
        for row in rows:
            groups[tuple(row[i] for i in at)][row[to]] += 1
        for n, row in enumerate(rows):
            counts = groups[tuple(row[i] for i in at)]
            if counts[row[to]] < counts.most_common(1)[0][1]:
                cells.add((n, to))
    return cells


def violations(cursor):
    """Reports how many cells that break an approximate dependency are wrong indeed."""
    flagged, right, wrong = 0, 0, 0
    for path in [tables.folder("clean", "hospital")] + sorted(glob.glob(tables.folder("clean", "data_gov", "DGov_FD", "*"))):
        header, dirty = rows_of(os.path.join(path, "dirty.csv"))
        clean = rows_of(os.path.join(path, "clean.csv"))[1]
        names = [f"c{i}" for i in range(len(header))]
        dirty = [(row + [""] * len(names))[:len(names)] for row in dirty[:len(clean)]]
        cursor.execute("DROP TABLE IF EXISTS bench.dirty")
        cursor.execute("CREATE TABLE bench.dirty (" + ", ".join(f"{n} text" for n in names) + ")")
        for row in dirty:
            cursor.execute("INSERT INTO bench.dirty VALUES (" + ", ".join(["%s"] * len(names)) + ")", row)
        _, found = seconds(cursor, "SELECT determinant, dependent, error FROM aipipe.profile_dependencies('bench.dirty', 2, 0.05, %s) WHERE score > 0.5 AND error > 0",
                           json.dumps({"top": 10000}))
        cells = flagged_cells(dirty, names, found)
        errors = {(n, c) for n, row in enumerate(clean[:len(dirty)]) for c in range(min(len(names), len(row))) if row[c] != dirty[n][c]}
        flagged, right, wrong = flagged + len(cells), right + len(cells & errors), wrong + len(errors)
        print(f"{os.path.basename(path)}: {len(found)} dependencies, {len(cells)} cells break them, {len(cells & errors)} of these wrong, of {len(errors)} wrong ones")
    print(f"RESULT|cells that break a dependency (error <= 5 %, score > 0.5) and are wrong|{right / max(flagged, 1):.2f}||||none|")


cursor = tables.connect()
speed(cursor)
if os.path.isdir(os.environ.get("AIPIPE_DATA", "")):
    violations(cursor)
