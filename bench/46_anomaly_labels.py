#!/usr/bin/python3
"""Detectors that learn from labels: one anomaly in ten is labelled, on the anomaly tables of AIPIPE_DATA.

needs: AIPIPE_DATA
70 % of a table's rows, drawn within each class, teach; a tenth of their anomalies is labelled, the others are
not, as nobody has looked at them; AUROC on the remaining 30 %.  Three seeds.  Tables above 20,000 rows are thinned.
"""
import random
import statistics

from sklearn.metrics import roc_auc_score

from tables import connect, files, load, severities

SEEDS = (1, 2, 3)
GOAL = 0.87


def divide(cursor, seed):
    """Splits bench.table into bench.teach, with labels, and bench.judge."""
    draw = random.Random(seed)
    cursor.execute("SELECT id, label FROM bench.table ORDER BY id")
    teach, told = [], []
    rows = cursor.fetchall()
    for side in (0, 1):
        ids = [i for i, label in rows if (label > 0) == side]
        draw.shuffle(ids)
        part = ids[:round(0.7 * len(ids))]
        teach += part
        if side:
            told = part[:max(1, round(0.1 * len(part)))]
    cursor.execute("DROP TABLE IF EXISTS bench.teach, bench.judge")
    cursor.execute("CREATE TABLE bench.teach AS SELECT *, CASE WHEN id = ANY (%s) THEN true END AS told FROM bench.table WHERE id = ANY (%s) ORDER BY id",
                   (told, teach))
    cursor.execute("CREATE TABLE bench.judge AS SELECT * FROM bench.table WHERE id <> ALL (%s) ORDER BY id", (teach,))


def measure(cursor, features):
    """Gives mean AUROC without and with the labels."""
    plain, labelled = [], []
    for seed in SEEDS:
        divide(cursor, seed)
        cursor.execute("SELECT aipipe.anomaly_train('bench_plain', 'bench.teach', %s, %s)", (features, f'{{"seed": {seed}}}'))
        cursor.execute("SELECT aipipe.anomaly_train('bench_labelled', 'bench.teach', %s, %s)",
                       (features, f'{{"seed": {seed}, "label": "told"}}'))
        for detector, figures in (("bench_plain", plain), ("bench_labelled", labelled)):
            figures.append(roc_auc_score(*severities(cursor, detector, "bench.judge", "label")))
            cursor.execute("SELECT aipipe.model_drop(%s)", (detector,))
    return statistics.mean(plain), statistics.mean(labelled)


def main():
    """Measures and reports."""
    cursor = connect()
    figures = []
    for name, path in files("anomaly", "adbench"):
        columns = load(cursor, "bench.table", path, lambda column: "float8", 20000)
        figures.append(measure(cursor, [c for c in columns if c != "label"]))
        print(f"{name}: AUROC {figures[-1][0]:.3f} without labels, {figures[-1][1]:.3f} with one anomaly in ten labelled", flush=True)
    plain, labelled = (statistics.mean(column) for column in zip(*figures))
    print(f"RESULT|labels of one anomaly in ten, {len(figures)} public tables: mean AUROC|{labelled:.4f}||{plain:.4f} (no labels)||>= {GOAL}|"
          f"{'ok' if labelled >= GOAL else 'MISS'}")
    cursor.execute("DROP TABLE IF EXISTS bench.table, bench.teach, bench.judge")


main()
