#!/usr/bin/python3
"""Scoring a table of 1M rows x 20 columns and writing (id, score) back, 100 trees x depth 6, one thread.

In the database: one INSERT ... SELECT.  Peers: Python pulling the table by binary COPY, predicting and copying
back in binary; the same by CSV and pandas; one library call a row inside the server, as PostgresML's predict
does; a PL/Python function that reads the table, predicts and writes, as MADlib's does (when PL/Python is there).
CPU time of the client and of its server process together.
"""
import io
import json
import os
import time

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy
import pandas
import psycopg2
import xgboost

COLUMNS = [f"f{i + 1}" for i in range(20)]
LIBRARY_ROWS = 5_000     # one library call a row: scaled up
PYTHON_ROWS = 100_000    # rows in PL/Python: scaled up
NAMES = ", ".join(COLUMNS)


def cpu(pid):
    """Gives the CPU seconds of this process and of a server process."""
    time.sleep(0.002)
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as stat:
        return time.process_time() + int(stat.read().split()[0]) / 1e9


def binary(cursor, booster):
    """Pulls in binary, predicts in place, copies back in binary."""
    out = io.BytesIO()
    values = ", ".join(f"coalesce({c}::float4, 'NaN')" for c in COLUMNS)
    cursor.copy_expert(f"COPY (SELECT id::int8, {values} FROM bench.wide) TO STDOUT (FORMAT binary)", out)
    fields = [("count", ">i2"), ("idl", ">i4"), ("id", ">i8")]
    for i in range(len(COLUMNS)):
        fields += [(f"l{i}", ">i4"), (f"v{i}", ">f4")]
    rows = numpy.frombuffer(out.getbuffer(), dtype=fields, offset=19, count=(out.getbuffer().nbytes - 21) // numpy.dtype(fields).itemsize)
    matrix = numpy.empty((len(rows), len(COLUMNS)), dtype=numpy.float32)
    for i in range(len(COLUMNS)):
        matrix[:, i] = rows[f"v{i}"]
    back = numpy.empty(len(rows), dtype=[("count", ">i2"), ("idl", ">i4"), ("id", ">i8"), ("sl", ">i4"), ("score", ">f8")])
    back["count"], back["idl"], back["id"], back["sl"], back["score"] = 2, 8, rows["id"], 8, booster.inplace_predict(matrix)
    cursor.copy_expert("COPY bench.scores FROM STDIN (FORMAT binary)",
                       io.BytesIO(b"PGCOPY\n\xff\r\n\0" + bytes(8) + back.tobytes() + b"\xff\xff"))


def by_pandas(cursor, booster):
    """Pulls CSV into a data frame, predicts, copies CSV back."""
    out = io.StringIO()
    cursor.copy_expert(f"COPY (SELECT id, {NAMES} FROM bench.wide) TO STDOUT (FORMAT csv, HEADER)", out)
    out.seek(0)
    frame = pandas.read_csv(out)
    frame["score"] = booster.inplace_predict(frame[COLUMNS].to_numpy(dtype=numpy.float32))
    back = io.StringIO()
    frame[["id", "score"]].to_csv(back, index=False, header=False)
    back.seek(0)
    cursor.copy_expert("COPY bench.scores FROM STDIN (FORMAT csv)", back)


PLPYTHON = """
CREATE OR REPLACE FUNCTION bench.python_predict(model text, query text) RETURNS bigint LANGUAGE plpython3u AS $$
    import numpy, pandas, xgboost
    if "booster" not in SD:
        SD["booster"] = xgboost.Booster({"nthread": 1})
        SD["booster"].load_model(bytearray(model, "utf-8"))
    frame = pandas.DataFrame.from_records(plpy.execute(query))
    score = SD["booster"].inplace_predict(frame.drop(columns="id").to_numpy(dtype=numpy.float32))
    plan = plpy.prepare("INSERT INTO bench.scores SELECT * FROM unnest($1::int8[], $2::float8[])", ["int8[]", "float8[]"])
    plpy.execute(plan, [frame["id"].tolist(), score.astype(float).tolist()])
    return len(frame)
$$"""


def statement(text, *values):
    """Makes an action of a statement."""
    return lambda cursor, booster: cursor.execute(text, values or None)


def median_cost(cursor, pid, booster, actions, rounds):
    """Gives the median CPU seconds of each action, run in turns; the table of scores is empty before each."""
    costs = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            cursor.execute("TRUNCATE bench.scores")
            before = cpu(pid)
            action(cursor, booster)
            costs[name].append(cpu(pid) - before)
    return {name: sorted(values)[len(values) // 2] for name, values in costs.items()}


def report(name, ours, peer, goal):
    """Prints one line for the harness."""
    print(f"RESULT|{name}|{ours:.2f}|s CPU|{peer:.2f}|{peer / ours:.2f}|>= {goal}|{'ok' if peer / ours >= goal else 'MISS'}", flush=True)


def main():
    """Measures and reports."""
    here = os.path.dirname(os.path.abspath(__file__))
    os.system(f"psql -X -q -At -f {here}/common.sql >/dev/null")
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    pid = connection.info.backend_pid
    cursor.execute("DROP TABLE IF EXISTS bench.scores; CREATE TABLE bench.scores (id bigint, score float8); SET client_min_messages = warning")
    cursor.execute("SELECT convert_from(aipipe.model_export('bench_100x6'), 'UTF8')")
    artifact = cursor.fetchone()[0]
    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(artifact, "utf-8"))

    ours = {"scalar": statement("INSERT INTO bench.scores SELECT id, aipipe.model_predict('bench_100x6', t) FROM bench.wide t"),
            "batch": statement("INSERT INTO bench.scores SELECT key::bigint, prediction FROM aipipe.model_predict_batch('bench_100x6', 'bench.wide', 'id')")}
    cost = median_cost(cursor, pid, booster, {**ours, "binary": binary, "pandas": by_pandas}, 3)
    print(json.dumps({name: round(seconds, 2) for name, seconds in cost.items()}), flush=True)
    best = min(cost["scalar"], cost["batch"])
    report("score 1M rows and write back, against Python by binary COPY", best, cost["binary"], 2.5)
    report("the same against Python by CSV and pandas", best, cost["pandas"], 4.5)

    cursor.execute("SELECT to_regprocedure('aipipe_test.xgb_predict_row(bytea, record)') IS NOT NULL")
    if cursor.fetchone()[0]:
        # the function takes rows of the model's features alone
        library = {"library": statement("INSERT INTO bench.scores SELECT 0, aipipe_test.xgb_predict_row(%s::bytea, s) FROM"
                                       f" (SELECT {NAMES} FROM bench.wide LIMIT {LIBRARY_ROWS}) AS s", psycopg2.Binary(artifact.encode("utf-8")))}
        per_row = median_cost(cursor, pid, booster, library, 3)["library"] * 1_000_000 / LIBRARY_ROWS
        report("the same against one library call a row in the server (PostgresML's way)", best, per_row, 8)
    try:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS plpython3u")
        cursor.execute(PLPYTHON)
    except psycopg2.Error as error:
        print(f"PL/Python is not there, so MADlib's way was not measured: {error.pgerror.splitlines()[0]}")
        return
    madlib = statement("SELECT bench.python_predict(%s, %s)", artifact, f"SELECT id, {NAMES} FROM bench.wide WHERE id <= {PYTHON_ROWS}")
    madlib(cursor, booster)  # starts the interpreter and imports
    seconds = median_cost(cursor, pid, booster, {"madlib": madlib}, 3)["madlib"] * 1_000_000 / PYTHON_ROWS
    report("the same against a PL/Python function in the server (MADlib's way)", best, seconds, 5)


main()
