#!/usr/bin/python3
"""Arrival times of AIPIPE_DATA judged walking forward, beside the z-score of the interval since the arrival before.

needs: AIPIPE_DATA
arrival_detect() judges each arrival with the earlier ones of its series only; the labels are read here, never there.
The peer: |interval - mean| / standard deviation of the intervals so far.  AUROC over all judged arrivals of all series
together, and the share of wrong ones found when 1 % of the right ones are flagged.  Figures for every second series
(those that the defaults were chosen on), for the others, by kind of series and by kind of error.
"""
import math
import os
import statistics
import time

import psycopg2
from sklearn.metrics import roc_auc_score

PATH = os.path.join(os.environ["AIPIPE_DATA"], "anomaly", "metrics", "dev_arrivals.csv")


def load(cursor):
    """Makes the table bench.arrivals of the CSV file."""
    cursor.execute("CREATE SCHEMA IF NOT EXISTS bench")
    cursor.execute("DROP TABLE IF EXISTS bench.arrivals")
    cursor.execute("CREATE TABLE bench.arrivals (arrived_at timestamp, label int, type text, series text)")
    with open(PATH, encoding="utf-8", newline="") as source:
        cursor.copy_expert("COPY bench.arrivals FROM STDIN (FORMAT csv, HEADER)", source)
    cursor.execute("ANALYZE bench.arrivals")


def recall_at(labels, scores, false_alarms=0.01):
    """Gives the share of wrong arrivals above the score that this share of the right ones exceeds."""
    right = sorted(s for y, s in zip(labels, scores) if not y)
    threshold = right[min(len(right) - 1, math.ceil((1 - false_alarms) * (len(right) - 1)))]
    wrong = [s for y, s in zip(labels, scores) if y]
    return sum(s > threshold for s in wrong) / len(wrong)


def peer(rows):
    """Gives the z-score of each arrival's interval by its place, where there are five intervals before it."""
    scores = {}
    intervals = {}
    last = {}
    for place, (series, moment) in enumerate(rows):
        before = intervals.setdefault(series, [])
        if series in last:
            interval = moment - last[series]
            if len(before) >= 4:
                scores[place] = abs(interval - statistics.fmean(before)) / max(statistics.stdev(before), 1)
            before.append(interval)
        last[series] = moment
    return scores


def report(what, labels, scores):
    """Prints AUROC and recall of one group, and gives them."""
    figures = roc_auc_score(labels, scores), recall_at(labels, scores)
    print(f"{what:28} {len(labels):6} {sum(labels):5}  {figures[0]:.4f}  {figures[1]:.3f}")
    return figures


def result(name, value, peer="", goal=None):
    """Prints a result line."""
    verdict = "" if goal is None else "ok" if value >= goal else "MISS"
    print(f"RESULT|arrivals: {name}|{value:.4f}||{peer}||{'' if goal is None else f'>= {goal}'}|{verdict}")


def main():
    """Judges, compares, prints."""
    connection = psycopg2.connect("")
    cursor = connection.cursor()
    load(cursor)
    started = time.monotonic()
    cursor.execute("CREATE TEMP TABLE judged AS SELECT * FROM aipipe.arrival_detect('bench.arrivals', 'arrived_at', 'series')")
    seconds = time.monotonic() - started
    cursor.execute("SELECT a.series, extract(epoch FROM a.arrived_at)::float8, a.label, coalesce(a.type, ''), j.pvalue, j.state"
                   " FROM bench.arrivals a JOIN judged j ON j.series = a.series AND j.ts = a.arrived_at AT TIME ZONE 'UTC'"
                   " ORDER BY a.series, a.arrived_at")
    rows = cursor.fetchall()
    cursor.execute("DROP SCHEMA bench CASCADE")
    intervals = peer([(r[0], r[1]) for r in rows])
    judged = [i for i, r in enumerate(rows) if r[4] is not None and i in intervals]
    names = sorted({r[0] for r in rows}, key=lambda name: int(name.split("_")[1]))
    groups = {"all": set(names), "chosen on": set(names[::2]), "held out": set(names[1::2])}
    for kind in sorted({name.split("_", 2)[2] for name in names}):
        groups["  " + kind] = {name for name in names if name.endswith(kind)}

    print(f"{len(rows)} arrivals of {len(names)} series judged in {seconds:.2f} s")
    print(f"{'':28} {'n':>6} {'wrong':>5}  AUROC   recall at 1 % false alarms")
    measured = {}
    for what, members in groups.items():
        chosen = [i for i in judged if rows[i][0] in members]
        labels = [rows[i][2] for i in chosen]
        ours = report("arrival_detect, " + what, labels, [-math.log(max(rows[i][4], 1e-300)) for i in chosen])
        measured[what] = ours, report("interval z-score, " + what, labels, [intervals[i] for i in chosen])
    right = [i for i in judged if not rows[i][2]]
    for p in (0.05, 0.01, 0.001):
        print(f"right arrivals with p < {p}: {sum(rows[i][4] < p for i in right) / len(right):.4f}")
    for kind in ("late", "very_late", "early"):
        of_kind = [i for i in judged if rows[i][3] == kind]
        states = [rows[i][5] for i in of_kind]
        print(f"{kind}: " + ", ".join(f"{s} {states.count(s) / len(states):.2f}" for s in sorted(set(states))))
    for i, (figure, goal) in enumerate((("AUROC", 0.975), ("recall at 1 % false alarms", 0.75))):
        result(figure, measured["all"][0][i], f"{measured['all'][1][i]:.4f} (interval z-score)", goal)
        result(figure + ", series held out", measured["held out"][0][i], f"{measured['held out'][1][i]:.4f} (interval z-score)")


main()
