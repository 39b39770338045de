"""What the pieces on real tables share: CSV files into tables, severities out of them."""
import csv
import glob
import os

import psycopg2


def connect():
    """Connects to the bench's database."""
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET client_min_messages = warning")
    cursor.execute("CREATE SCHEMA IF NOT EXISTS bench")
    return cursor


def folder(*parts):
    """Gives a place in AIPIPE_DATA."""
    return os.path.join(os.environ["AIPIPE_DATA"], *parts)


def files(*parts):
    """Gives the CSV files of a folder in AIPIPE_DATA, by name."""
    for path in sorted(glob.glob(folder(*parts, "*.csv"))):
        yield os.path.splitext(os.path.basename(path))[0], path


def load(cursor, table, path, type_of, limit=None):
    """Makes a table of a CSV file (of at most so many rows, evenly taken), with the row number as id; gives its columns."""
    with open(path, encoding="utf-8", newline="") as source:
        columns = next(csv.reader(source))
    names = ", ".join(f'"{c}"' for c in columns)
    cursor.execute(f"DROP TABLE IF EXISTS {table}")
    cursor.execute(f"CREATE TABLE {table} (" + ", ".join(f'"{c}" {type_of(c)}' for c in columns) + ", id serial)")
    with open(path, encoding="utf-8", newline="") as source:
        cursor.copy_expert(f"COPY {table} ({names}) FROM STDIN (FORMAT csv, HEADER)", source)
    if limit is not None:
        cursor.execute(f"DELETE FROM {table} WHERE id %% (SELECT ceil(count(*) / %s::float8)::int FROM {table}) <> 0", (limit,))
    return columns


def severities(cursor, detector, table, label, version=None):
    """Gives the labels and severities of a table's rows, by id."""
    cursor.execute(f"SELECT t.{label}, p.prediction FROM {table} t"
                   " JOIN aipipe.model_predict_batch(%s, %s, 'id', %s) p ON p.key::int = t.id ORDER BY t.id",
                   (detector, table, version))
    labels, scores = zip(*cursor.fetchall())
    return [float(v) for v in labels], list(scores)
