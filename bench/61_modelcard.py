#!/usr/bin/python3
"""Model cards against the published schema of the Model Card Toolkit.

needs: AIPIPE_DATA
A card of every kind of model, bare and described, must be valid, and so must what jsonb makes of hostile texts.
"""
import json
import os

import jsonschema
import psycopg2

SCHEMA = os.path.join(os.environ["AIPIPE_DATA"], "modelcard", "v0.0.2_model_card.schema.json")
HOSTILE = "a \"quote\", a | bar,\na line, a \\ and \u00e4\u4e2d"


def make_models(cursor):
    """Trains and imports one model of each kind."""
    cursor.execute("CREATE SCHEMA IF NOT EXISTS bench")
    cursor.execute("DROP TABLE IF EXISTS bench.card")
    cursor.execute("CREATE TABLE bench.card AS SELECT i % 9 AS a, (ARRAY['x', 'y', 'z'])[1 + i % 3] AS k, i * 0.5 AS value,"
                   " i % 2 AS label FROM generate_series(1, 600) i")
    few = '{"n_estimators": 3}'
    for name, task, target in (("card binary", "classification", "label"), ("card classes", "classification", "k"),
                               ("card number", "regression", "value"), (HOSTILE, "classification", "label")):
        cursor.execute("SELECT aipipe.model_train(%s, %s, 'bench.card', %s, params => %s)", (name, task, target, few))
    cursor.execute("SELECT aipipe.anomaly_train('card detector', 'bench.card', params => %s)", (few,))
    cursor.execute("SELECT aipipe.model_import('card import', aipipe.model_export('card number'),"
                   " (SELECT array_agg(feature ORDER BY number) FROM aipipe.model_feature WHERE model = 'card number'), 'regression')")


def describe(cursor):
    """Says everything that can be said about each of them, in texts that try to break out."""
    lists = ("limitations", "references", "risks", "sensitive", "tradeoffs", "use_cases", "users")
    texts = ("contact", "documentation", "license", "overview")
    said = {key: [HOSTILE, "second"] for key in lists} | {key: HOSTILE for key in texts}
    said["references"] = ["https://example.org/card"]
    cursor.execute("SELECT aipipe.model_describe(name, %s) FROM aipipe.model", (json.dumps(said),))


def validate(cursor, schema):
    """Gives how many cards there are and how many are valid, and names what is wrong with the others."""
    validator = jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())
    cursor.execute("SELECT model, version, aipipe.model_card(model, version), aipipe.model_card_markdown(model, version) FROM aipipe.model_version")
    valid = total = 0
    for model, version, card, markdown in cursor.fetchall():
        errors = [error.message for error in validator.iter_errors(card)]
        total += 1
        valid += not errors and markdown.startswith("# ")
        for error in errors:
            print(f"{model!r} version {version}: {error}")
    return valid, total


def main():
    """Measures and reports."""
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET client_min_messages = warning")
    with open(SCHEMA, encoding="utf-8") as source:
        schema = json.load(source)
    make_models(cursor)
    valid, total = validate(cursor, schema)
    describe(cursor)
    again, more = validate(cursor, schema)
    valid, total = valid + again, total + more
    cursor.execute("SELECT count(aipipe.model_drop(name)) FROM aipipe.model")
    cursor.execute("DROP TABLE bench.card")
    print(f"RESULT|model cards valid by the Model Card Toolkit's schema 0.0.2|{valid}|of {total}|||all|{'ok' if valid == total else 'MISS'}")


main()
