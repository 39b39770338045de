#!/usr/bin/python3
"""LODA: what its kernel costs beside numpy and the isolation forest's kernel, how well it tells, how refreshes follow a stream.

The kernel: 100,000 rows x 20 columns in blocks of 64, CPU time of one thread; numpy gets the same projections and
histograms, out of model_export(), and all rows at once as matrices.  The tables of AIPIPE_DATA (when it is set) are learned and scored
whole, three seeds, beside scikit-learn's isolation forest.  The stream: 20 batches of 5,000 rows whose mean moves;
one row in a hundred is moved away in three columns; AUROC of each batch before it is learned.
"""
import csv
import io
import json
import os
import statistics
import time

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy
from sklearn.metrics import average_precision_score, roc_auc_score

import tables

ROWS = 100_000
COLUMNS = 20
SEEDS = (1, 2, 3)


def copy_rows(cursor, table, rows):
    """Puts the rows of a matrix into a table of float4 columns with the row number as id."""
    cursor.execute("CREATE SCHEMA IF NOT EXISTS bench")
    cursor.execute(f"DROP TABLE IF EXISTS {table}")
    columns = [f"f{i + 1}" for i in range(rows.shape[1])]
    cursor.execute(f"CREATE TABLE {table} (id int, {', '.join(c + ' float4' for c in columns)})")
    text = io.StringIO()
    for i, row in enumerate(rows):
        text.write(f"{i}\t" + "\t".join(repr(float(v)) for v in row) + "\n")
    text.seek(0)
    cursor.copy_expert(f"COPY {table} FROM STDIN", text)
    return columns


def numpy_margin(model, rows):
    """Gives the margins of rows by the projections and histograms of an exported model."""
    scaled = []
    for part in model["inputs"]:
        z = (rows[:, part["feature"]] - part["centre"]) / part["scale"]
        far = numpy.abs(z) > 5
        z[far] = numpy.sign(z[far]) * 5 * (1 + numpy.log(numpy.abs(z[far]) / 5))
        scaled.append(z)
    scaled = numpy.array(scaled)
    total = numpy.zeros(len(rows), dtype=numpy.float32)
    for p in model["projections"]:
        count = numpy.array([p["below"], *p["count"], p["above"]], dtype=numpy.float32)
        bits = -numpy.log2((count + 0.5) / (count.sum() + 0.5 * len(count)))
        bits -= (count * bits).sum() / count.sum()
        place = (numpy.array(p["weight"], dtype=numpy.float32) @ scaled[p["input"]] - p["from"]) / p["width"]
        nbins = len(p["count"])
        total += bits[numpy.clip(numpy.floor(place), -1, nbins).astype(numpy.int32) + 1]
        beyond = (place < 0) | (place >= nbins)
        if beyond.any():
            distance = numpy.where(place < 0, -place, place - nbins)[beyond]
            total[beyond] += 2 * numpy.log2(1 + distance)
    return total / len(model["projections"])


def kernel(cursor):
    """Times the kernels."""
    rows = numpy.random.default_rng(1).random((ROWS, COLUMNS), dtype=numpy.float32)
    columns = copy_rows(cursor, "bench.kernel", rows)
    cost = {}
    for algorithm in ("loda", "isolation_forest"):
        cursor.execute("SELECT aipipe.model_train('bench_kernel', 'anomaly', 'bench.kernel', features => %s, algorithm => %s)", (columns, algorithm))
        version = cursor.fetchone()[0]
        cursor.execute("SELECT b.block, b.row FROM aipipe.model_version_data v, aipipe.model_data m, aipipe_test.detector_bench(v.algorithm, substr(v.compiled, 5), %s) b"
                       " WHERE m.name = 'bench_kernel' AND v.model_id = m.id AND v.version = %s", (ROWS, version))
        cost[algorithm] = cursor.fetchone()
        if algorithm == "loda":
            cursor.execute("SELECT convert_from(aipipe.model_export('bench_kernel', %s), 'UTF8')", (version,))
            model = json.loads(cursor.fetchone()[0])
    times = []
    for _ in range(3):
        before = time.process_time()
        numpy_margin(model, rows)
        times.append((time.process_time() - before) * 1e9 / ROWS)
    cursor.execute("SELECT aipipe.model_drop('bench_kernel')")
    cursor.execute("DROP TABLE bench.kernel")
    block, alone = cost["loda"]
    forest = cost["isolation_forest"][0]
    print(f"RESULT|LODA kernel, 20 columns, 100 projections, blocks of 64|{1e6 / block:.0f}|thousand rows/s/core|{1e6 / min(times):.0f} (numpy)|{min(times) / block:.1f}|>= 2 x numpy (1000)|"
          f"{'ok' if min(times) / block >= 2 or block <= 1000 else 'MISS'}")
    print(f"RESULT|LODA kernel beside the isolation forest's|{block:.0f}|ns a row|{forest:.0f} (isolation forest)|{forest / block:.1f}|>= 1.5|{'ok' if forest / block >= 1.5 else 'MISS'}")
    print(f"RESULT|LODA, a row alone|{alone:.0f}|ns a row||||")


def public(cursor):
    """Measures the public tables."""
    with open(tables.folder("anomaly", "baseline_iforest.csv"), encoding="utf-8", newline="") as source:
        baseline = {row["dataset"]: row for row in csv.DictReader(source)}
    ours, theirs = [], []
    for name, path in tables.files("anomaly", "adbench"):
        if name not in baseline:
            continue
        features = [c for c in tables.load(cursor, "bench.table", path, lambda column: "float8") if c != "label"]
        aurocs, precisions = [], []
        for seed in SEEDS:
            cursor.execute("SELECT aipipe.model_train('bench_table', 'anomaly', 'bench.table', features => %s, algorithm => 'loda', params => %s)", (features, json.dumps({"seed": seed})))
            labels, severities = tables.severities(cursor, "bench_table", "bench.table", "label", cursor.fetchone()[0])
            aurocs.append(roc_auc_score(labels, severities))
            precisions.append(average_precision_score(labels, severities))
        cursor.execute("SELECT aipipe.model_drop('bench_table')")
        ours.append((statistics.mean(aurocs), statistics.mean(precisions)))
        theirs.append((float(baseline[name]["auroc_mean"]), float(baseline[name]["ap_mean"])))
        print(f"{name}: AUROC {ours[-1][0]:.3f} ({theirs[-1][0]:.3f}), average precision {ours[-1][1]:.3f} ({theirs[-1][1]:.3f})", flush=True)
    cursor.execute("DROP TABLE bench.table")
    for i, what in enumerate(("mean AUROC", "mean average precision")):
        mine, other = (statistics.mean(figure[i] for figure in side) for side in (ours, theirs))
        print(f"RESULT|LODA on {len(ours)} public tables: {what}|{mine:.4f}||{other:.4f} (scikit-learn's isolation forest)|||")


def stream(cursor):
    """Follows a stream whose mean moves, with refreshes and without."""
    rng = numpy.random.default_rng(3)
    mixing = rng.normal(size=(10, 10)) * 0.3 + numpy.eye(10)
    aurocs = {"refreshed": [], "as trained": []}
    for step in range(20):
        rows = rng.normal(size=(5000, 10)) @ mixing + step * 0.4
        label = rng.random(5000) < 0.01
        for row in numpy.flatnonzero(label):
            rows[row, rng.choice(10, 3, replace=False)] += rng.choice([-1, 1], 3) * rng.uniform(3, 6, 3)
        columns = copy_rows(cursor, "bench.stream", rows)
        if step == 0:
            for name in ("bench_refreshed", "bench_trained"):
                cursor.execute("SELECT aipipe.model_train(%s, 'anomaly', 'bench.stream', features => %s, algorithm => 'loda')", (name, columns))
            continue
        for what, name in (("refreshed", "bench_refreshed"), ("as trained", "bench_trained")):
            cursor.execute("SELECT key::int, prediction FROM aipipe.model_predict_batch(%s, 'bench.stream', 'id')", (name,))
            keys, severities = zip(*cursor.fetchall())
            aurocs[what].append(roc_auc_score(label[list(keys)], severities))
        cursor.execute("SELECT aipipe.anomaly_refresh('bench_refreshed', 'bench.stream')")
    for name in ("bench_refreshed", "bench_trained"):
        cursor.execute("SELECT aipipe.model_drop(%s)", (name,))
    cursor.execute("DROP TABLE bench.stream")
    mine, other = (statistics.mean(aurocs[what]) for what in ("refreshed", "as trained"))
    print(f"RESULT|LODA on a moving stream, refreshed batch by batch: mean AUROC|{mine:.4f}||{other:.4f} (as trained)||>= peer|{'ok' if mine >= other else 'MISS'}")


def main():
    """Measures and reports."""
    cursor = tables.connect()
    cursor.execute("SET client_min_messages = error")
    cursor.execute("CREATE EXTENSION IF NOT EXISTS aipipe_test")
    kernel(cursor)
    stream(cursor)
    if "AIPIPE_DATA" in os.environ:
        public(cursor)


main()
