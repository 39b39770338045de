#!/usr/bin/python3
"""Training on a table of 1M rows x 20 columns, 100 rounds, depth 6, hist, one thread, against Python's xgboost.

Three peers, all with the Python package of Debian and the same parameters: a float32 matrix that is at hand
already (the better of DMatrix and QuantileDMatrix); the table pulled by binary COPY into numpy; the table
pulled as CSV into pandas, as most people do it.  CPU time of the client and of its server process together;
the best of three runs each, in turns: what is above it is other people's work on the machine.
Then: reading alone (a baseline model, so everything but the boosting) against binary COPY, and the memory
that a training takes against what model_train_estimate() says beforehand.
"""
import io
import os
import threading
import time

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy
import pandas
import psycopg2
import xgboost

COLUMNS = [f"f{i + 1}" for i in range(20)]
ROUNDS = 100
ROUNDS_OF_TURNS = 3
PARAMS = {"objective": "binary:logistic", "max_depth": 6, "tree_method": "hist", "nthread": 1, "seed": 0, "verbosity": 0}


class Clock:
    """CPU seconds of this process and of the server process of a connection."""

    def __init__(self, pid):
        self.schedstat = f"/proc/{pid}/schedstat"

    def server(self):
        """Gives the seconds of the server process."""
        time.sleep(0.002)  # the kernel accounts when a process leaves the CPU
        with open(self.schedstat, encoding="ascii") as stat:
            return int(stat.read().split()[0]) / 1e9

    def both(self):
        """Gives the seconds of both."""
        return time.process_time() + self.server()


class Peak(threading.Thread):
    """Follows the anonymous memory of a process."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.status, self.kb, self.done = f"/proc/{pid}/status", 0, False
        self.before = self.now()

    def now(self):
        """Gives the kilobytes that the process holds."""
        with open(self.status, encoding="ascii") as status:
            return int(next(line for line in status if line.startswith("RssAnon")).split()[1])

    def run(self):
        while not self.done:
            self.kb = max(self.kb, self.now())
            time.sleep(0.01)

    def stop(self):
        """Gives the bytes above what it held at the start."""
        self.done = True
        self.join()
        return (self.kb - self.before) * 1024


def pull_binary(cursor):
    """Pulls the table by binary COPY; missing values travel as NaN, so that every row has the same length."""
    out = io.BytesIO()
    values = ", ".join(f"coalesce({c}::float4, 'NaN')" for c in COLUMNS)
    cursor.copy_expert(f"COPY (SELECT {values}, label::int::float4 FROM bench.wide) TO STDOUT (FORMAT binary)", out)
    fields = [("count", ">i2")]
    for i in range(len(COLUMNS) + 1):
        fields += [(f"l{i}", ">i4"), (f"v{i}", ">f4")]
    rows = numpy.frombuffer(out.getbuffer(), dtype=fields, offset=19, count=(out.getbuffer().nbytes - 21) // numpy.dtype(fields).itemsize)
    matrix = numpy.empty((len(rows), len(COLUMNS)), dtype=numpy.float32)
    for i in range(len(COLUMNS)):
        matrix[:, i] = rows[f"v{i}"]
    return matrix, rows[f"v{len(COLUMNS)}"].astype(numpy.float32)


def pull_pandas(cursor):
    """Pulls the table as CSV into a data frame."""
    out = io.StringIO()
    cursor.copy_expert(f"COPY (SELECT {', '.join(COLUMNS)}, label::int AS label FROM bench.wide) TO STDOUT (FORMAT csv, HEADER)", out)
    out.seek(0)
    frame = pandas.read_csv(out)
    return frame[COLUMNS], frame["label"]


def fit(rows, labels, quantile):
    """Trains from a matrix or data frame."""
    data = xgboost.QuantileDMatrix(rows, labels, nthread=1) if quantile else xgboost.DMatrix(rows, labels, nthread=1)
    return xgboost.train(PARAMS, data, ROUNDS)


def timed(clock, action):
    """Gives the CPU seconds of an action and its result."""
    before = clock.both()
    result = action()
    return clock.both() - before, result


def report(name, value, unit, peer, ratio, goal, good):
    """Prints one line for the harness."""
    print(f"RESULT|{name}|{value}|{unit}|{peer}|{ratio:.2f}|{goal}|{'ok' if good else 'MISS'}", flush=True)


def main():
    """Measures and reports."""
    here = os.path.dirname(os.path.abspath(__file__))
    os.system(f"psql -X -q -At -f {here}/common.sql >/dev/null")
    # one connection for the peers, one for the training: memory that the allocator keeps belongs to neither other
    connection, trainer = psycopg2.connect(""), psycopg2.connect("")
    connection.autocommit = trainer.autocommit = True
    cursor, train = connection.cursor(), trainer.cursor()
    clock, server = Clock(connection.info.backend_pid), Clock(trainer.info.backend_pid)
    call = ("SELECT aipipe.model_train('bench_train', 'classification', 'bench.wide', 'label', features => %s::text[], algorithm => %s,"
            " params => %s)")

    train.execute("SET client_min_messages = warning")
    train.execute("SELECT aipipe.model_train_estimate('classification', 'bench.wide', 'label', features => %s::text[],"
                  " params => %s)", (COLUMNS, f'{{"n_estimators": {ROUNDS}, "max_depth": 6, "holdout": 0}}'))
    train.execute("SELECT peak_bytes FROM aipipe.model_train_estimate('classification', 'bench.wide', 'label', features => %s::text[],"
                  " params => %s)", (COLUMNS, f'{{"n_estimators": {ROUNDS}, "max_depth": 6, "holdout": 0}}'))
    estimate = train.fetchone()[0]
    read, binary = [], []
    for _ in range(3):
        before = server.server()
        train.execute(call, (COLUMNS, "baseline", '{"holdout": 0}'))
        read.append(server.server() - before)
        seconds, (matrix, labels) = timed(clock, lambda: pull_binary(cursor))
        binary.append(seconds)
    read, binary = min(read), min(binary)

    peak = Peak(trainer.info.backend_pid)
    peak.start()
    cost = {"ours": [], "DMatrix": [], "QuantileDMatrix": [], "pandas": []}
    for _ in range(ROUNDS_OF_TURNS):
        before = server.server()
        train.execute(call, (COLUMNS, "xgboost", f'{{"n_estimators": {ROUNDS}, "max_depth": 6, "holdout": 0}}'))
        cost["ours"].append(server.server() - before)
        cost["DMatrix"].append(timed(clock, lambda: fit(matrix, labels, False))[0])
        cost["QuantileDMatrix"].append(timed(clock, lambda: fit(matrix, labels, True))[0])
        cost["pandas"].append(timed(clock, lambda: fit(*pull_pandas(cursor), False))[0])
        print(", ".join(f"{who} {seconds[-1]:.2f} s" for who, seconds in cost.items()), flush=True)
    taken = peak.stop()
    ours, frame = min(cost["ours"]), min(cost["pandas"])
    memory = min(cost["DMatrix"] + cost["QuantileDMatrix"])
    print(f"binary COPY before a matrix is in memory: {binary:.2f} s", flush=True)

    report("training on 1M rows x 20, 100 rounds, against Python on a matrix in memory", f"{ours:.2f}", "s CPU", f"{memory:.2f}", ours / memory, "<= 1.1", ours / memory <= 1.1)
    report("the same against Python pulling the table by binary COPY", f"{ours:.2f}", "s CPU", f"{memory + binary:.2f}", ours / (memory + binary), "<= 0.9", ours / (memory + binary) <= 0.9)
    report("the same against Python reading CSV with pandas", f"{ours:.2f}", "s CPU", f"{frame:.2f}", ours / frame, "<= 0.75", ours / frame <= 0.75)
    report("from table to matrix and all but the boosting, against binary COPY to numpy", f"{read:.2f}", "s CPU", f"{binary:.2f}", binary / read, ">= 4", binary / read >= 4)
    report("memory of that training against model_train_estimate", f"{taken / 2**20:.0f}", "MB", f"{estimate / 2**20:.0f}", taken / estimate, "<= 1.2", taken / estimate <= 1.2)
    train.execute("SELECT aipipe.model_drop('bench_train')")


main()
