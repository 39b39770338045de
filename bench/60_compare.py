#!/usr/bin/python3
"""Comparing two versions: every test against statsmodels', scikit-learn's and pROC's values on real scores.

needs: AIPIPE_DATA
The folder champion/ holds scores of two models with the truth, and what the others computed from them.
Hard decisions are at 0.5.  What counts is the largest relative deviation from any of their values.
"""
import csv
import json
import os

import psycopg2

FOLDER = os.path.join(os.environ["AIPIPE_DATA"], "champion")


def goldens():
    """Gives the others' values by name."""
    with open(os.path.join(FOLDER, "golden_champion.csv"), encoding="utf-8", newline="") as source:
        return {row["metric"]: float(row["value"]) for row in csv.DictReader(source)}


def scores():
    """Gives truth and both models' probabilities."""
    with open(os.path.join(FOLDER, "scores.csv"), encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    return [[float(row[name]) for row in rows] for name in ("y_true", "champion", "challenger")]


def stats(cursor, what, *numbers):
    """Gives what learn/stats makes of numbers."""
    cursor.execute("SELECT aipipe_test.stats(%s, %s::float8[])", (what, list(numbers)))
    return cursor.fetchone()[0]


def metrics(cursor, truth, score):
    """Gives all metrics of two-class probabilities, decided at 0.5."""
    values = [part for p in score for part in (1 - p, p)]
    cursor.execute("SELECT aipipe_test.metrics('classification', %s::real[], %s::real[], threshold => 0.5)", (values, truth))
    return json.loads(cursor.fetchone()[0])


def ours(cursor, gold):
    """Gives our value for each of the others' names."""
    truth, champion, challenger = scores()
    right = [[(p >= 0.5) == (y > 0.5) for y, p in zip(truth, side)] for side in (champion, challenger)]
    both = sum(a and b for a, b in zip(*right))
    alone, other_alone = (sum(a and not b for a, b in zip(x, y)) for x, y in (right, right[::-1]))
    found = {"n11": both, "n10": alone, "n01": other_alone, "n00": len(truth) - both - alone - other_alone}
    for method, name in ((0, "exact=True corr=False"), (1, "exact=False corr=True"), (2, "exact=False corr=False")):
        found["mcnemar_stat " + name], found["mcnemar_p " + name] = stats(cursor, "mcnemar", alone, other_alone, method)
    for side, score in (("champion", champion), ("challenger", challenger)):
        values = metrics(cursor, truth, score)
        for name, metric in (("auc", "auc"), ("logloss", "log_loss"), ("brier", "brier"), ("accuracy", "accuracy"), ("f1", "f1"), ("ap", "pr_auc")):
            found[f"{side}_{name}"] = values[metric]
    found["prop_z"], found["prop_p"] = stats(cursor, "two_shares", sum(right[0]), len(truth), sum(right[1]), len(truth))
    found["wilson_lo champion_acc"], found["wilson_hi champion_acc"] = stats(cursor, "wilson", sum(right[0]), len(truth), 0.05)
    for name in gold:
        if name.startswith("srm_chi2_p "):
            counts, shares = (list(map(float, part.split("/"))) for part in name.split(" ", 1)[1].split(" of "))
            found[name] = stats(cursor, "sample_ratio", *counts, *(share / 100 for share in shares))[1]
    found["n_per_arm p0=.10 p1=.12 a=.05 pow=.8"] = stats(cursor, "sample_size", 0.10, 0.12, 0.05, 0.8)[0]
    cursor.execute("SELECT aipipe_test.stats_delong(%s::float8[], %s::float8[], %s::float8[])", (champion, challenger, truth))
    delong = cursor.fetchone()[0]
    for name, place in (("auc_champion", 0), ("auc_challenger", 1), ("delong_z", 5), ("delong_p", 6), ("delong_var_champion", 7),
                        ("auc_ci_lo", 10), ("auc_ci_hi", 11)):
        found[name] = delong[place]
    return found


def timing(cursor):
    """Reports how long the tests take on a million rows."""
    cursor.execute("CREATE TEMP TABLE wide AS SELECT array_agg(y) AS y, array_agg(a) AS a, array_agg(b) AS b FROM "
                   "(SELECT (random() < 0.3)::int::float8 AS y, random() AS a, random() AS b FROM generate_series(1, 1000000)) s")
    for name, call in (("DeLong's test", "aipipe_test.stats_delong(a, b, y)"), ("20 resamples of two areas", "aipipe_test.stats_bootstrap('auc', a, b, y, 20, 1)")):
        cursor.execute("SELECT clock_timestamp()")
        begun = cursor.fetchone()[0]
        cursor.execute(f"SELECT {call}, clock_timestamp() FROM wide")
        print(f"RESULT|{name} on 1,000,000 rows|{(cursor.fetchone()[1] - begun).total_seconds():.2f}|s||||")


def main():
    """Compares and reports."""
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    gold = goldens()
    found = ours(cursor, gold)
    missing = sorted(set(gold) - set(found))
    worst, where = 0.0, ""
    for name, expected in gold.items():
        if name in missing:
            continue
        deviation = abs(found[name] - expected) / abs(expected)
        print(f"{name}: {found[name]!r} ({expected!r}), deviation {deviation:.1e}")
        if deviation > worst:
            worst, where = deviation, name
    verdict = "ok" if worst <= 1e-6 and not missing else "MISS"
    print(f"RESULT|comparing versions: largest relative deviation from {len(gold) - len(missing)} of {len(gold)} values of statsmodels, scikit-learn, pROC"
          f" ({where})|{worst:.1e}||||<= 1e-6|{verdict}")
    timing(cursor)


main()
