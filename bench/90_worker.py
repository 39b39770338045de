#!/usr/bin/python3
"""What the background costs and how punctual it is: 40 jobs of 50 ms, each due every second for five minutes, and processes that rest.

The jobs run once more beside somebody who holds a snapshot from before all of them, so that no dead row can be removed.

A run is late by the time from its slot to the begin of its command's process.  Beside it stands what a process costs on this
machine in the same minutes: a new session that says SELECT 1.  The share of a processor that launcher and scheduler take
at rest is read from the system's accounts.
"""
import os
import threading
import time

import psycopg2

JOBS = 40
SECONDS = int(os.environ.get("WORKER_SECONDS", "300"))
HELD = int(os.environ.get("WORKER_HELD", "120"))
REST = int(os.environ.get("WORKER_REST", "60"))
PROCESSES = ("aipipe launcher", "aipipe scheduler")


def connect():
    """Opens a session that commits each statement."""
    connection = psycopg2.connect("")
    connection.autocommit = True
    return connection.cursor()


def result(name, value, unit, baseline="", ratio=None, goal="", met=None):
    """Prints a result line."""
    verdict = "" if met is None else "ok" if met else "MISS"
    print(f"RESULT|{name}|{value}|{unit}|{baseline}|{'' if ratio is None else round(ratio, 2)}|{goal}|{verdict}", flush=True)


def ask(cursor, text, params=None):
    """Gives the only row of a query."""
    cursor.execute(text, params)
    return cursor.fetchone()


def cpu(cursor):
    """CPU seconds of the resting processes so far, and their number."""
    cursor.execute("SELECT pid FROM pg_stat_activity WHERE backend_type LIKE ANY (%s)", ([kind + "%" for kind in PROCESSES],))
    pids = [row[0] for row in cursor.fetchall()]
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK"), len(pids)


def rest(cursor):
    """Measures launcher and scheduler with nothing to do, then with a job that is due in a year."""
    time.sleep(5)
    before, n = cpu(cursor)
    time.sleep(REST)
    after, _ = cpu(cursor)
    share = (after - before) / REST * 100
    result(f"{n} processes at rest", f"{share:.3f}", "% of a processor", f"{REST} s", None, "<= 0.1", share <= .1 and n >= 2)


def sessions(stop, took):
    """Opens sessions, one a second, and notes how long each takes to its first answer."""
    while not stop.is_set():
        began = time.monotonic()
        connection = psycopg2.connect("")
        connection.cursor().execute("SELECT 1")
        connection.close()
        took.append(time.monotonic() - began)
        stop.wait(1)


def punctuality(cursor, name, seconds, undisturbed=None):
    """Runs the jobs and says what became of their slots; gives the 99th percentile of the lag, which goes beside the undisturbed one."""
    took, stop = [], threading.Event()
    for i in range(JOBS):
        cursor.execute("SELECT aipipe.job_create(%s, 'SELECT pg_sleep(.05)', '* * * * * *', params => '{\"overlap\": \"queue\"}')", (f"{name} {i}",))
    thread = threading.Thread(target=sessions, args=(stop, took))
    thread.start()
    before, _ = cpu(cursor)
    time.sleep(seconds)
    after, _ = cpu(cursor)
    stop.set()
    thread.join()
    for i in range(JOBS):
        cursor.execute("SELECT aipipe.job_alter(%s, schedule => '')", (f"{name} {i}",))
    for _ in range(300):
        if ask(cursor, "SELECT count(*) FROM aipipe.job_run WHERE state IN ('queued', 'starting', 'running')")[0] == 0:
            break
        time.sleep(.1)
    runs, missed, doubled, failed = ask(cursor, """
        SELECT sum(n), sum(slots - n), sum(doubled), sum(failed) FROM (
            SELECT count(*) AS n, extract(epoch FROM max(due_at) - min(due_at)) + 1 AS slots, count(*) - count(DISTINCT due_at) AS doubled,
                   count(*) FILTER (WHERE state <> 'succeeded') AS failed
              FROM aipipe.job_run WHERE job_name LIKE %s GROUP BY job) AS jobs""", (name + " %",))
    lags = ask(cursor, """
        SELECT percentile_cont(ARRAY[.5, .99, 1]) WITHIN GROUP (ORDER BY extract(epoch FROM a.started_at - r.due_at))
          FROM aipipe.job_attempt a JOIN aipipe.job_run r ON r.id = a.run WHERE r.job_name LIKE %s AND a.number = 1""", (name + " %",))[0]
    took.sort()
    session = took[len(took) * 99 // 100]
    result(f"{name}: slots of {JOBS} jobs in {seconds} s", runs, "runs")
    result(f"{name}: slots missed", missed, "", "", None, "0", missed == 0)
    result(f"{name}: slots run twice", doubled, "", "", None, "0", doubled == 0)
    result(f"{name}: runs that did not succeed", failed, "", "", None, "0", failed == 0)
    result(f"{name}: lag, median", f"{lags[0] * 1000:.0f}", "ms")
    if undisturbed is None:
        result(f"{name}: lag, 99th percentile", f"{lags[1] * 1000:.0f}", "ms", f"{session * 1000:.0f} (a session)", lags[1] / session, "<= 1000 ms", lags[1] <= 1)
    else:
        result(f"{name}: lag, 99th percentile", f"{lags[1] * 1000:.0f}", "ms", f"{undisturbed * 1000:.0f} (without)", lags[1] / undisturbed, "<= 2", lags[1] <= 2 * undisturbed)
    result(f"{name}: lag, longest", f"{lags[2] * 1000:.0f}", "ms")
    result(f"{name}: launcher and scheduler", f"{(after - before) / seconds * 100:.0f}", "% of a processor")
    return lags[1]


def main():
    """Runs the measurements with a scheduler of this database, and with autovacuum, which other pieces do without."""
    cursor = connect()
    cursor.execute("ALTER SYSTEM SET autovacuum = on")
    cursor.execute("SELECT pg_reload_conf()")
    cursor.execute("SELECT aipipe.worker_start()")
    rest(cursor)
    undisturbed = punctuality(cursor, "jobs", SECONDS)
    holder = connect()
    holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    holder.execute("SELECT 1")
    punctuality(cursor, "beside an old snapshot", HELD, undisturbed)
    holder.execute("COMMIT")
    cursor.execute("SELECT aipipe.worker_stop()")
    cursor.execute("ALTER SYSTEM RESET autovacuum")
    cursor.execute("SELECT pg_reload_conf()")


main()
