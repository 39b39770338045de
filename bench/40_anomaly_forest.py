#!/usr/bin/python3
"""Isolation forest against scikit-learn's: fit and score 1M rows x 20 columns, 100 trees of 256 rows, one thread.

Both see the same rows.  Ours is anomaly_train and model_predict_batch, reading the table included;
scikit-learn gets its rows as a float32 array that is at hand already.  CPU time of server and of this
process.  AUROC is the mean of five seeds on the first 200,000 rows; only the first seed of
scikit-learn scores all rows, for the cost.
"""
import io
import os
import statistics
import time

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy
import psycopg2
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

ROWS = 1_000_000
COLUMNS = 20
JUDGED = 200_000
SEEDS = (1, 2, 3, 4, 5)
HERE = os.path.dirname(os.path.abspath(__file__))


def make_rows(rng):
    """Four clusters of correlated normals; one row in a hundred moves away in five columns."""
    mixing = rng.normal(size=(COLUMNS, COLUMNS)) * 0.3 + numpy.eye(COLUMNS)
    centres = rng.normal(scale=3, size=(4, COLUMNS))
    rows = rng.normal(size=(ROWS, COLUMNS)) @ mixing + centres[rng.integers(0, 4, ROWS)]
    label = rng.random(ROWS) < 0.01
    for row in numpy.flatnonzero(label):
        moved = rng.choice(COLUMNS, 5, replace=False)
        rows[row, moved] += rng.choice([-1, 1], 5) * rng.uniform(4, 9, 5)
    return rows.astype(numpy.float32), label


def load(cursor, rows):
    """Puts the rows into bench.strange and the functions that measure beside it."""
    columns = [f"f{i + 1}" for i in range(COLUMNS)]
    with open(os.path.join(HERE, "common.sql"), encoding="utf-8") as common:
        functions = common.read().split("-- 1M rows")[0].replace("\\set ON_ERROR_STOP on", "")
    cursor.execute(functions)
    cursor.execute("DROP TABLE IF EXISTS bench.strange")
    cursor.execute(f"CREATE TABLE bench.strange (id int, {', '.join(c + ' float4' for c in columns)})")
    fields = [("count", ">i2"), ("id_length", ">i4"), ("id", ">i4")]
    for column in columns:
        fields += [(column + "_length", ">i4"), (column, ">f4")]
    block = numpy.empty(ROWS, dtype=fields)
    block["count"], block["id_length"], block["id"] = 1 + COLUMNS, 4, numpy.arange(ROWS)
    for i, column in enumerate(columns):
        block[column + "_length"], block[column] = 4, rows[:, i]
    binary = b"PGCOPY\n\xff\r\n\0" + bytes(8) + block.tobytes() + b"\xff\xff"
    cursor.copy_expert("COPY bench.strange FROM STDIN (FORMAT binary)", io.BytesIO(binary))
    cursor.execute("ANALYZE bench.strange")
    return columns


def ours(cursor, columns, seed):
    """Gives CPU seconds of fit and of score, and the severities by id."""
    cursor.execute("SELECT bench.cost_ns(format('SELECT aipipe.anomaly_train(''bench_strange'', ''bench.strange'', %%L::text[], %%L)', %s, %s))",
                   (columns, f'{{"seed": {seed}}}'))
    fit = cursor.fetchone()[0] / 1e9
    cursor.execute("SELECT aipipe.model_promote('bench_strange', max(version)) FROM aipipe.model_version WHERE model = 'bench_strange'")
    cursor.execute("SELECT bench.cost_ns('SELECT count(prediction) FROM aipipe.model_predict_batch(''bench_strange'', ''bench.strange'')')")
    score = cursor.fetchone()[0] / 1e9
    cursor.execute("SELECT key::int, prediction FROM aipipe.model_predict_batch('bench_strange', %s, 'id')",
                   (f"SELECT * FROM bench.strange WHERE id < {JUDGED}",))
    severity = numpy.empty(JUDGED)
    for key, value in cursor:
        severity[key] = value
    return fit, score, severity


def theirs(rows, judged, seed):
    """Gives CPU seconds of fit on rows and of scoring those that are judged, and their scores, greater for stranger rows."""
    before = time.process_time()
    forest = IsolationForest(n_estimators=100, max_samples=256, n_jobs=1, random_state=seed).fit(rows)
    fitted = time.process_time()
    scores = -forest.score_samples(judged)
    return fitted - before, time.process_time() - fitted, scores[:JUDGED]


def main():
    """Measures and reports."""
    rows, label = make_rows(numpy.random.default_rng(42))
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    columns = load(cursor, rows)
    cost, quality = {"ours": [], "theirs": []}, {"ours": [], "theirs": []}
    for seed in SEEDS:
        for who, (fit, score, scores) in (("ours", ours(cursor, columns, seed)), ("theirs", theirs(rows, rows if seed == SEEDS[0] else rows[:JUDGED], seed))):
            auroc = roc_auc_score(label[:JUDGED], scores)
            print(f"seed {seed} {who}: fit {fit:.2f} s, score {score:.2f} s, AUROC {auroc:.4f}", flush=True)
            cost[who].append(fit + score)
            quality[who].append(auroc)
    cursor.execute("SELECT aipipe.model_drop('bench_strange')")
    cursor.execute("DROP TABLE bench.strange")
    mine, other = statistics.median(cost["ours"]), cost["theirs"][0]
    ratio = other / mine
    print(f"RESULT|isolation forest: fit and score 1M rows x 20 columns|{mine:.2f}|s CPU|{other:.2f} (scikit-learn)|{ratio:.1f}|>= 5|"
          f"{'ok' if ratio >= 5 else 'MISS'}")
    mine, other = statistics.mean(quality["ours"]), statistics.mean(quality["theirs"])
    print(f"RESULT|isolation forest: AUROC on these rows|{mine:.4f}||{other:.4f} (scikit-learn)||>= peer - 0.005|"
          f"{'ok' if mine >= other - 0.005 else 'MISS'}")


main()
