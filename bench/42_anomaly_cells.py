#!/usr/bin/python3
"""Cell surprise, which is the default detector where columns are of mixed types: planted cell errors, speed.

needs: AIPIPE_DATA
Adult rows with planted errors are scored by a detector that learned clean rows, then by one that learned
the dirty rows themselves, through SQL.
"""
import time

from sklearn.metrics import average_precision_score, roc_auc_score

from tables import connect, folder, load, severities

NUMBERS = {"age", "education_num", "capital_gain", "capital_loss", "hours_per_week", "anomaly"}


def train(cursor, source, columns, params="{}"):
    """Trains the detector anew."""
    cursor.execute("SELECT aipipe.model_drop(name) FROM aipipe.model WHERE name = 'bench_cells'")
    cursor.execute("SELECT aipipe.anomaly_train('bench_cells', %s, %s, %s)", (source, columns, params))


def score(cursor, table, label):
    """Gives AUROC and average precision of the severities of a table's rows."""
    judged = severities(cursor, "bench_cells", table, label)
    return roc_auc_score(*judged), average_precision_score(*judged)


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

    columns = load(cursor, "bench.clean", folder("anomaly", "mixed", "adult_train_clean.csv"), type_of)
    load(cursor, "bench.dirty", folder("anomaly", "mixed", "adult_dev.csv"), type_of)
    results = {}
    for name, source, goals in (("clean", "bench.clean", (0.955, 0.70)), ("dirty", "bench.dirty", (0.94, 0.58))):
        train(cursor, source, columns)
        results[name] = score(cursor, "bench.dirty", "anomaly")
        right = hits(cursor)
        for what, value, goal in zip(("AUROC", "average precision"), results[name], goals):
            print(f"RESULT|cell surprise on mixed rows with planted errors, learned on {name} rows: {what}|{value:.4f}||||>= {goal}|{verdict(value, goal)}")
        print(f"RESULT|cell surprise on mixed rows, learned on {name} rows: first column named is a wrong one|{right:.4f}||||>= 0.90|{verdict(right, 0.9)}")
        begin = time.monotonic()
        train(cursor, source, columns, '{"full_conditional": true}')
        seconds = time.monotonic() - begin
        area, precision = score(cursor, "bench.dirty", "anomaly")
        print(f"RESULT|the same with full_conditional, learned on {name} rows in {seconds:.1f} s: AUROC / average precision|{area:.4f} / {precision:.4f}|||||")
    loss = results["clean"][0] - results["dirty"][0]
    print(f"RESULT|cell surprise on mixed rows: AUROC lost by learning dirty rows|{loss:.4f}||||<= 0.02|{verdict(0.02, loss)}")
    cursor.execute("SELECT aipipe.model_drop('bench_cells')")


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
    print(f"RESULT|cell surprise: learning 1M x 20 from the table|{seconds:.2f} s ({cpu:.2f} s CPU)||||<= 4 s|{verdict(4, float(cpu))}")
    begin = time.monotonic()
    cursor.execute("SELECT count(*), max(aipipe.anomaly_score('bench_cells', w)) FROM bench.cells_wide w")
    cursor.fetchone()
    rate = 1000000 / (time.monotonic() - begin)
    print(f"RESULT|cell surprise: SELECT anomaly_score over 1M x 20|{rate:.0f} rows/s|||||")
    cursor.execute("SELECT aipipe.model_drop('bench_cells')")
    cursor.execute("DROP TABLE bench.cells_wide")
    cursor.execute("SELECT count(*) FROM pg_available_extensions WHERE name = 'aipipe_test'")
    if cursor.fetchone()[0] == 0:
        return
    cursor.execute("CREATE EXTENSION IF NOT EXISTS aipipe_test")
    cursor.execute("SELECT train_s, block_ns FROM aipipe_test.bench_surprise(1000000, 20)")
    seconds, nanoseconds = cursor.fetchone()
    rate = 1e9 / nanoseconds
    print(f"RESULT|cell surprise: learning 1M x 20 from the matrix|{seconds:.2f} s CPU|||||")
    print(f"RESULT|cell surprise: kernel on 1M x 20, one core|{rate:.0f} rows/s||||>= 400000|{verdict(rate, 400000)}")


def main():
    """Measures and reports."""
    cursor = connect()
    mixed(cursor)
    speed(cursor)
    cursor.execute("DROP TABLE IF EXISTS bench.clean, bench.dirty")


main()
