#!/usr/bin/python3
"""Isolation forest on the anomaly tables of AIPIPE_DATA, against scikit-learn's in the same run.

needs: AIPIPE_DATA
Each table is learned and scored whole by both, three seeds, the same ones: mean AUROC and average precision, one
line a table.  Numeric tables as they are; categorical ones (every column text) one-hot for scikit-learn, without
a goal: what is wrong there is the other detectors' business.
"""
import os
import statistics

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.preprocessing import OneHotEncoder

import tables

SEEDS = (1, 2, 3)


def judged(labels, scores):
    """Gives AUROC and average precision."""
    return roc_auc_score(labels, scores), average_precision_score(labels, scores)


def mean_of(figures):
    """Gives the means over the seeds."""
    return tuple(statistics.mean(column) for column in zip(*figures))


def ours(cursor, table, columns):
    """Measures our forest."""
    figures = []
    for seed in SEEDS:
        cursor.execute("SELECT aipipe.model_train('bench_table', 'anomaly', %s, features => %s, algorithm => 'isolation_forest', params => %s)",
                       (table, columns, f'{{"seed": {seed}}}'))
        figures.append(judged(*tables.severities(cursor, "bench_table", table, "label", cursor.fetchone()[0])))
    cursor.execute("SELECT aipipe.model_drop('bench_table')")
    return mean_of(figures)


def theirs(cursor, table, columns, categorical):
    """Measures scikit-learn's forest on the same rows."""
    cursor.execute(f"SELECT label, {', '.join(columns)} FROM {table} ORDER BY id")
    rows = cursor.fetchall()
    labels = [float(row[0]) for row in rows]
    matrix = [row[1:] for row in rows]
    matrix = OneHotEncoder().fit_transform(matrix).toarray() if categorical else numpy.array(matrix, dtype=numpy.float32)
    return mean_of(judged(labels, -IsolationForest(n_estimators=100, max_samples=256, n_jobs=1, random_state=seed).fit(matrix).score_samples(matrix))
                   for seed in SEEDS)


def compare(cursor, what, folder, type_of, goal):
    """Measures the tables of a folder and reports."""
    mine, other = [], []
    for name, path in tables.files("anomaly", folder):
        columns = [c for c in tables.load(cursor, "bench.table", path, type_of) if c != "label"]
        mine.append(ours(cursor, "bench.table", columns))
        other.append(theirs(cursor, "bench.table", columns, folder == "categorical"))
        print(f"{name}: AUROC {mine[-1][0]:.3f} ({other[-1][0]:.3f}, {mine[-1][0] - other[-1][0]:+.3f}), "
              f"average precision {mine[-1][1]:.3f} ({other[-1][1]:.3f})", flush=True)
    for i, measure in enumerate(("mean AUROC", "mean average precision")):
        us, them = (statistics.mean(figure[i] for figure in side) for side in (mine, other))
        verdict = "" if i or goal is None else "ok" if us >= them + goal else "MISS"
        print(f"RESULT|isolation forest on {len(mine)} {what} tables: {measure}|{us:.4f}||{them:.4f} (scikit-learn)||"
              f"{f'>= peer + {goal}' if verdict else ''}|{verdict}")
    worst = min(us[0] - them[0] for us, them in zip(mine, other))
    print(f"RESULT|isolation forest on {len(mine)} {what} tables: worst difference of AUROC|{worst:+.3f}||||>= -0.1|"
          f"{'ok' if worst >= -0.1 else 'MISS'}")


def main():
    """Measures and reports."""
    cursor = tables.connect()
    compare(cursor, "public numeric", "adbench", lambda column: "float8", 0.010)
    compare(cursor, "public categorical", "categorical", lambda column: "text", None)
    cursor.execute("DROP TABLE IF EXISTS bench.table")


main()
