#!/usr/bin/python3
"""Cell surprise: planted cell errors in rows of mixed types, categorical tables, speed.

needs: AIPIPE_DATA
Adult rows with planted errors are scored by a detector that learned clean rows, then by one that learned
the dirty rows themselves, through SQL.  The categorical tables are learned and scored whole, beside
scikit-learn's isolation forest on one-hot columns in the same run.  ALGORITHM names another than cell_surprise;
"default" takes the detector's own.
"""
import csv
import glob
import os
import statistics
import time

import numpy
import psycopg2
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

FOLDER = os.path.join(os.environ["AIPIPE_DATA"], "anomaly")
NUMBERS = {"age", "education_num", "capital_gain", "capital_loss", "hours_per_week", "anomaly"}
ALGORITHM = os.environ.get("ALGORITHM", "cell_surprise")
SEEDS = (1, 2, 3)


def load(cursor, table, path, type_of):
    """Makes a table of a CSV file, with the row number as id; an empty field is NULL."""
    with open(path, encoding="utf-8", newline="") as source:
        columns = next(csv.reader(source))
    cursor.execute("CREATE SCHEMA IF NOT EXISTS bench")
    cursor.execute(f"DROP TABLE IF EXISTS {table}")
    cursor.execute(f"CREATE TABLE {table} (" + ", ".join(f'"{c}" {type_of(c)}' for c in columns) + ", id serial)")
    names = ", ".join(f'"{c}"' for c in columns)
    with open(path, encoding="utf-8", newline="") as source:
        cursor.copy_expert(f"COPY {table} ({names}) FROM STDIN (FORMAT csv, HEADER)", source)
    return columns


def train(cursor, source, columns, seed=0):
    """Trains the detector and makes the version serve."""
    if ALGORITHM == "default":
        cursor.execute("SELECT aipipe.anomaly_train('bench_cells', %s, %s, %s)", (source, columns, f'{{"seed": {seed}}}'))
    else:
        cursor.execute("SELECT aipipe.model_train('bench_cells', 'anomaly', %s, NULL, %s, %s, %s)",
                       (source, columns, ALGORITHM, f'{{"seed": {seed}}}'))
    cursor.execute("SELECT aipipe.model_promote('bench_cells', %s)", (cursor.fetchone()[0],))


def score(cursor, table, label):
    """Gives AUROC and average precision of the severities of a table's rows."""
    cursor.execute(f"SELECT t.\"{label}\", p.prediction FROM {table} t"
                   f" JOIN aipipe.model_predict_batch('bench_cells', %s, 'id') p ON p.key::int = t.id", (table,))
    labels, severities = zip(*cursor.fetchall())
    labels = [float(v) > 0 for v in labels]
    return roc_auc_score(labels, severities), average_precision_score(labels, severities)


def hits(cursor):
    """Gives the share of planted errors whose column is named first."""
    named = asked = 0
    cursor.execute("SELECT d.error_cols, (SELECT e.\"column\" FROM aipipe.anomaly_explain('bench_cells', d) e"
                   " ORDER BY contribution DESC LIMIT 1) FROM bench.dirty d WHERE anomaly = 1")
    for truth, column in cursor:
        asked += 1
        named += column in truth.split("|")
    return named / asked


def verdict(value, goal):
    """Says whether a goal is reached."""
    return "ok" if value >= goal else "MISS"


def mixed(cursor):
    """Measures rows of mixed types with planted errors."""
    def type_of(column):
        return "float8" if column in NUMBERS else "text"

    columns = load(cursor, "bench.clean", os.path.join(FOLDER, "mixed", "adult_train_clean.csv"), type_of)
    load(cursor, "bench.dirty", os.path.join(FOLDER, "mixed", "adult_dev.csv"), type_of)
    results = {}
    for name, source, goals in (("clean", "bench.clean", (0.955, 0.70)), ("dirty", "bench.dirty", (0.94, 0.58))):
        train(cursor, source, columns)
        results[name] = score(cursor, "bench.dirty", "anomaly")
        right = hits(cursor)
        for what, value, goal in zip(("AUROC", "average precision"), results[name], goals):
            print(f"RESULT|{ALGORITHM} on mixed rows with planted errors, learned on {name} rows: {what}|{value:.4f}||||>= {goal}|{verdict(value, goal)}")
        print(f"RESULT|{ALGORITHM} on mixed rows, learned on {name} rows: first column named is a wrong one|{right:.4f}||||>= 0.90|{verdict(right, 0.9)}")
    loss = results["clean"][0] - results["dirty"][0]
    print(f"RESULT|{ALGORITHM} on mixed rows: AUROC lost by learning dirty rows|{loss:.4f}||||<= 0.02|{verdict(0.02, loss)}")
    cursor.execute("SELECT aipipe.model_drop('bench_cells')")


def peer(path):
    """Gives the mean AUROC of scikit-learn's isolation forest on one-hot columns."""
    with open(path, encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    labels = [float(row["label"]) > 0 for row in rows]
    columns = [name for name in rows[0] if name != "label"]
    codes = []
    for name in columns:
        kinds = {value: k for k, value in enumerate(sorted({row[name] for row in rows}))}
        block = numpy.zeros((len(rows), len(kinds)), dtype=numpy.float32)
        block[numpy.arange(len(rows)), [kinds[row[name]] for row in rows]] = 1
        codes.append(block)
    matrix = numpy.hstack(codes)
    return statistics.mean(roc_auc_score(labels, -IsolationForest(random_state=seed).fit(matrix).score_samples(matrix))
                           for seed in SEEDS)


def categorical(cursor):
    """Measures the categorical tables."""
    gains = []
    for path in sorted(glob.glob(os.path.join(FOLDER, "categorical", "*.csv"))):
        name = os.path.splitext(os.path.basename(path))[0]
        columns = load(cursor, "bench.table", path, lambda column: "float8" if column == "label" else "text")
        aurocs = []
        for seed in SEEDS:
            train(cursor, "bench.table", [c for c in columns if c != "label"], seed)
            aurocs.append(score(cursor, "bench.table", "label")[0])
        theirs = peer(path)
        gains.append(statistics.mean(aurocs) - theirs)
        print(f"{name}: AUROC {statistics.mean(aurocs):.3f} ({theirs:.3f})", flush=True)
    cursor.execute("SELECT aipipe.model_drop('bench_cells')")
    gain = statistics.mean(gains)
    print(f"RESULT|{ALGORITHM} on {len(gains)} categorical tables: mean AUROC above the peer's|{gain:.4f}||0 (scikit-learn, one-hot)||>= 0.04|{verdict(gain, 0.04)}")


def speed(cursor):
    """Measures training and scoring of a million rows of twenty columns."""
    cursor.execute("DROP TABLE IF EXISTS bench.cells_wide")
    cursor.execute("CREATE TABLE bench.cells_wide AS SELECT i AS id, " + ", ".join(
        f"CASE WHEN random() < 0.05 THEN NULL ELSE (random() + random() + {('u', '0')[k % 2]}) * {k + 1} END AS c{k}" for k in range(16)) + ", " +
        ", ".join(f"'k' || floor(random() * random() * 30 + u)::int AS t{k}" for k in range(4)) +
        " FROM (SELECT i, random() AS u FROM generate_series(1, 1000000) i) s")
    cursor.execute("VACUUM ANALYZE bench.cells_wide")
    columns = [f"c{k}" for k in range(16)] + [f"t{k}" for k in range(4)]
    begin = time.monotonic()
    train(cursor, "bench.cells_wide", columns)
    seconds = time.monotonic() - begin
    cursor.execute("SELECT cpu_seconds FROM aipipe.model_version WHERE model = 'bench_cells' ORDER BY version DESC LIMIT 1")
    cpu = cursor.fetchone()[0]
    print(f"RESULT|{ALGORITHM}: learning 1M x 20 from the table|{seconds:.2f} s ({cpu:.2f} s CPU)||||<= 4 s|{verdict(4, float(cpu))}")
    begin = time.monotonic()
    cursor.execute("SELECT count(*), max(aipipe.anomaly_score('bench_cells', w)) FROM bench.cells_wide w")
    cursor.fetchone()
    rate = 1000000 / (time.monotonic() - begin)
    print(f"RESULT|{ALGORITHM}: SELECT anomaly_score over 1M x 20|{rate:.0f} rows/s|||||")
    cursor.execute("SELECT aipipe.model_drop('bench_cells')")
    cursor.execute("DROP TABLE bench.cells_wide")
    cursor.execute("SELECT count(*) FROM pg_available_extensions WHERE name = 'aipipe_test'")
    if cursor.fetchone()[0] == 0:
        return
    cursor.execute("CREATE EXTENSION IF NOT EXISTS aipipe_test")
    cursor.execute("SELECT train_s, block_ns FROM aipipe_test.bench_surprise(1000000, 20)")
    seconds, nanoseconds = cursor.fetchone()
    rate = 1e9 / nanoseconds
    print(f"RESULT|cell_surprise: learning 1M x 20 from the matrix|{seconds:.2f} s CPU|||||")
    print(f"RESULT|cell_surprise: kernel on 1M x 20, one core|{rate:.0f} rows/s||||>= 400000|{verdict(rate, 400000)}")


def main():
    """Measures and reports."""
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET client_min_messages = warning")
    mixed(cursor)
    categorical(cursor)
    speed(cursor)
    cursor.execute("DROP TABLE IF EXISTS bench.table, bench.clean, bench.dirty")


main()
