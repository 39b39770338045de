#!/usr/bin/python3
"""Seasonal metrics of AIPIPE_DATA judged walking forward, beside the rule of the weekday, and how fast.

needs: AIPIPE_DATA
series_detect() judges each point with the earlier ones of its series only; the labels are read here, never there.  The
peer is what monitoring tools do (Elementary's column and volume tests with a seasonality): the mean of the last 14
values of the same weekday (of the same hour of the week) plus or minus three standard deviations, from the fourth value on.
Points: precision, recall and F1 of judged points but those labelled ambiguous, false ones a series and month.  Incidents: a run
of labelled points is one and found when any of its points is; a run of flagged points without a labelled one is a false alarm.
Figures for every second series (those that the defaults were chosen on) and for the others.
"""
import datetime
import os
import statistics
import time

import psycopg2

FOLDER = os.path.join(os.environ["AIPIPE_DATA"], "anomaly", "metrics")
SECONDS_A_MONTH = 30.4375 * 86400
GOALS = {"daily": (0.55, 0.3), "hourly": (0.48, 0.5)}


def load(cursor, cadence):
    """Makes the table bench.<cadence> of the CSV file."""
    cursor.execute("CREATE SCHEMA IF NOT EXISTS bench")
    cursor.execute(f"DROP TABLE IF EXISTS bench.{cadence}")
    cursor.execute(f"CREATE TABLE bench.{cadence} (series text, ts timestamp, value float8, label int, ambiguous int, type text)")
    with open(os.path.join(FOLDER, f"dev_{cadence}.csv"), encoding="utf-8", newline="") as source:
        cursor.copy_expert(f"COPY bench.{cadence} FROM STDIN (FORMAT csv, HEADER)", source)
    cursor.execute(f"ANALYZE bench.{cadence}")


def rule_of_weekday(points, hourly):
    """Gives what the peer says of each point of a series: True, False, or None while it has no opinion."""
    verdicts = []
    groups = {}
    for moment, value in points:
        before = groups.setdefault((moment.weekday(), moment.hour if hourly else 0), [])
        verdict = None
        if len(before) >= 4:
            window = before[-14:]
            verdict = abs(value - statistics.fmean(window)) > 3 * statistics.stdev(window)
        verdicts.append(verdict)
        before.append(value)
    return verdicts


def runs(flags):
    """Gives the runs of true flags as ranges."""
    start = None
    for place, flag in enumerate(list(flags) + [False]):
        if flag and start is None:
            start = place
        elif not flag and start is not None:
            yield range(start, place)
            start = None


class Tally:
    """Counts of points and incidents over several series."""

    def __init__(self):
        self.right = self.false = self.missed = self.incidents = self.found = self.false_alarms = 0
        self.months = 0.0

    def add(self, rows, verdicts, step):
        """Counts a series; rows are (label, ambiguous, type)."""
        known = [v is not None for v in verdicts]
        flagged = [bool(v) for v in verdicts]
        for (label, ambiguous, _), flag, judged in zip(rows, flagged, known):
            if judged and not ambiguous:
                self.right += flag and label
                self.false += flag and not label
                self.missed += label and not flag
        self.months += sum(known) * step / SECONDS_A_MONTH
        for run in runs([label and judged for (label, _, _), judged in zip(rows, known)]):
            self.incidents += 1
            self.found += any(flagged[i] for i in run)
        for run in runs(flagged):
            self.false_alarms += not any(rows[i][0] or rows[i][1] for i in run)

    @staticmethod
    def f1(right, false, missed):
        """Gives the harmonic mean of precision and recall."""
        return 2 * right / max(2 * right + false + missed, 1)

    def points_f1(self):
        """F1 of points."""
        return self.f1(self.right, self.false, self.missed)

    def incidents_f1(self):
        """F1 of incidents."""
        return self.f1(self.found, self.false_alarms, self.incidents - self.found)

    def line(self, what):
        """Prints all of it."""
        print(f"{what:32} {self.points_f1():.3f}  {self.right / max(self.right + self.false, 1):.3f}  "
              f"{self.right / max(self.right + self.missed, 1):.3f}  {self.false / self.months:6.3f}   "
              f"{self.incidents_f1():.3f}  {self.found / max(self.incidents, 1):.3f}  {self.false_alarms / self.months:6.3f}")


def by_type(series):
    """Prints the share of points and of incidents found by kind of incident."""
    counts = {}
    for rows, verdicts in series:
        for run in runs([label and v is not None for (label, _, _), v in zip(rows, verdicts)]):
            count = counts.setdefault(rows[run[0]][2], [0, 0, 0, 0])
            hits = sum(bool(verdicts[i]) for i in run)
            for place, more in enumerate((len(run), hits, 1, hits > 0)):
                count[place] += more
    for kind, (points, hits, incidents, found) in sorted(counts.items()):
        print(f"    {kind:12} points {hits:4} of {points:4}   incidents {found:4} of {incidents:4}")


def result(name, value, unit, baseline="", ratio="", goal="", met=True):
    """Prints a result line."""
    print(f"RESULT|{name}|{value}|{unit}|{baseline}|{ratio}|{goal}|{'ok' if met else 'MISS'}")


def judge(cursor, cadence):
    """Judges one set, prints its tables, gives the peer beside."""
    step = 86400 if cadence == "daily" else 3600
    load(cursor, cadence)
    cursor.execute(f"SELECT b.series, b.ts, b.value, b.label, b.ambiguous, coalesce(b.type, ''), d.state"
                   f" FROM bench.{cadence} b JOIN aipipe.series_detect('bench.{cadence}', 'value', 'ts', 'series') d"
                   f" ON d.series = b.series AND d.ts = b.ts AT TIME ZONE 'UTC' ORDER BY b.series, b.ts")
    series = {}
    for name, moment, value, label, ambiguous, kind, state in cursor.fetchall():
        entry = series.setdefault(name, ([], [], []))
        entry[0].append((moment, value))
        entry[1].append((label == 1, ambiguous == 1, kind))
        entry[2].append(None if state == "learning" else state == "anomaly")
    names = sorted(series)
    print(f"{cadence:32} F1     precis. recall  false/month  incid. F1  found  false alarms/month")
    tallies = {}
    for group, chosen in (("all", names), ("chosen on", names[::2]), ("held out", names[1::2])):
        ours, peer = Tally(), Tally()
        for name in chosen:
            points, rows, verdicts = series[name]
            ours.add(rows, verdicts, step)
            peer.add(rows, rule_of_weekday(points, cadence == "hourly"), step)
        ours.line(f"  aipipe, {group}")
        peer.line(f"  rule of the weekday, {group}")
        tallies[group] = (ours, peer)
    by_type((rows, verdicts) for _, rows, verdicts in series.values())
    ours, peer = tallies["all"]
    f1, alarms = GOALS[cadence]
    result(f"series {cadence}: F1 of points", f"{ours.points_f1():.3f}", "", f"{peer.points_f1():.3f}",
           f"{ours.points_f1() / max(peer.points_f1(), 1e-9):.2f}", f">= {f1}", ours.points_f1() >= f1)
    result(f"series {cadence}: false points a month", f"{ours.false / ours.months:.3f}", "", f"{peer.false / peer.months:.3f}",
           "", f"<= {alarms}", ours.false / ours.months <= alarms)
    result(f"series {cadence}: F1 of incidents", f"{ours.incidents_f1():.3f}", "", f"{peer.incidents_f1():.3f}")
    result(f"series {cadence}: F1 of points, held out", f"{tallies['held out'][0].points_f1():.3f}", "",
           f"{tallies['held out'][1].points_f1():.3f}", "", f">= {f1}", tallies["held out"][0].points_f1() >= f1)


def speed(cursor):
    """Times 2,000 series of a year of days."""
    cursor.execute("CREATE TABLE bench.many AS SELECT s AS series, date '2023-01-01' + i AS day,"
                   " round((CASE WHEN i % 7 > 4 THEN 400 ELSE 1000 END) * (1 + ((i * i * 37 + i * 11 + s * 7) % 101 - 50) / 500.0)) AS n"
                   " FROM generate_series(1, 2000) s, generate_series(0, 364) i")
    for what, statement in (
            ("detect", "SELECT count(*) FROM aipipe.series_detect('bench.many', 'n', 'day', 'series')"),
            ("backtest", "SELECT count(*) FROM aipipe.series_backtest('bench.many', 'n', 'day', 'series')"),
            ("train", "SELECT aipipe.series_train('bench', 'bench.many', 'n', 'day', 'series')")):
        started = time.monotonic()
        cursor.execute(statement)
        seconds = time.monotonic() - started
        result(f"series {what}: 2,000 series x 365 points", f"{seconds:.1f}", "s", "", "", "<= 15", seconds <= 15)
    cursor.execute("SELECT length(artifact) / 2000 FROM aipipe.model_version_data v JOIN aipipe.model_data m ON m.id = v.model_id WHERE m.name = 'bench'")
    result("series artifact: a series of a year", cursor.fetchone()[0], "bytes")
    started = time.monotonic()
    cursor.execute("SELECT count(aipipe.series_score('bench', '2024-01-01', 1000, (s % 2000 + 1)::text)) FROM generate_series(1, 100000) s")
    result("series score: another series each call", f"{(time.monotonic() - started) * 10:.1f}", "us")
    cursor.execute("SELECT aipipe.model_drop('bench')")


def main():
    """Judges, times, prints."""
    print(f"aipipe.series_detect() on made metrics, {datetime.date.today()}")
    connection = psycopg2.connect("")
    cursor = connection.cursor()
    cursor.execute("SET timezone = 'UTC'")
    for cadence in ("daily", "hourly"):
        judge(cursor, cadence)
    speed(cursor)
    cursor.execute("DROP SCHEMA bench CASCADE")
    connection.commit()


main()
