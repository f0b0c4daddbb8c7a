"""The figures of benches/diversity.rs by other programs: diversity.py FOLDER.

FOLDER has texts.txt, one text a line, and vectors.f32, vectors of 384 numbers. Prints one JSON object a line: name, program, rows, seconds, value.
Reading the files is not counted. Programs that are slow take a part of the rows, and say how many. What is not installed is named on standard error.
"""

import importlib
import json
import re
import sys
import time
from pathlib import Path

folder = Path(sys.argv[1])
texts = folder.joinpath("texts.txt").read_text(encoding="utf-8").splitlines()
WORD = re.compile(r"\w+(?:['.]\w+)*")


def modules(*names):
    loaded = []
    for name in names:
        try:
            loaded.append(importlib.import_module(name))
        except ImportError:
            print(f"{name} is not installed, not measured", file=sys.stderr)
            return None
    return loaded


def measure(name, program, rows, compute):
    started = time.perf_counter()
    value = compute()
    seconds = time.perf_counter() - started
    print(json.dumps({"name": name, "program": program, "rows": rows, "seconds": seconds, "value": float(value)}), flush=True)


def words(text):
    return WORD.findall(text.lower())


def distinct(n):
    seen, total = set(), 0
    for text in texts:
        tokens = words(text)
        for place in range(len(tokens) - n + 1):
            seen.add(tuple(tokens[place : place + n]))
            total += 1
    return len(seen) / total


for n in (1, 3):
    measure(f"distinct_{n}", "plain Python", len(texts), lambda: distinct(n))

if modules("duckdb", "numpy"):
    import duckdb

    connection = duckdb.connect()
    connection.execute("CREATE TABLE texts AS SELECT column0 AS text FROM read_csv(?, header = false, sep = '\x01', quote = '', columns = {'column0': 'VARCHAR'})", [str(folder / "texts.txt")])
    rows = connection.execute("SELECT count(*) FROM texts").fetchone()[0]
    counts = "(SELECT count(*) AS c FROM texts GROUP BY text)"
    for name, query in {
        "shannon_entropy": "SELECT entropy(text) FROM texts",
        "effective_number_2": f"SELECT sum(c) ^ 2 / sum(c * c) FROM {counts}",
        "gini": f"SELECT sum((2 * i - k - 1) * c) / (max(k) * sum(c)) FROM (SELECT c, row_number() OVER (ORDER BY c) AS i, count(*) OVER () AS k FROM {counts})",
        "distinct_1": r"SELECT count(DISTINCT w) / count(w) FROM (SELECT unnest(regexp_extract_all(lower(text), '\w+(?:[''.]\w+)*')) AS w FROM texts)",
    }.items():
        measure(name, "DuckDB", rows, lambda: connection.execute(query).fetchone()[0])

if modules("lexical_diversity.lex_div"):
    from lexical_diversity import lex_div

    part = texts[:50_000]
    measure("mattr_10", "lexical-diversity", len(part), lambda: sum(lex_div.mattr(words(text), window_length=10) for text in part) / len(part))

if modules("nltk.translate.bleu_score"):
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

    part = [words(text) for text in texts[:200]]
    method = SmoothingFunction().method1
    bleu = lambda place: sentence_bleu(part[:place] + part[place + 1 :], part[place], smoothing_function=method, auto_reweigh=True)
    measure("self_bleu_of_1000", "nltk (sample of 200)", len(part), lambda: sum(map(bleu, range(len(part)))) / len(part))

if modules("numpy"):
    import numpy

    vectors = numpy.fromfile(folder / "vectors.f32", dtype="<f4").reshape(-1, 384)

    def mean_pairwise_distance():
        units = vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)
        total, count = units.sum(axis=0, dtype=numpy.float64), len(units)
        return 1 - (total @ total - count) / (count * (count - 1))

    def vendi_score():
        units = vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)
        shares = numpy.linalg.eigvalsh((units.T @ units).astype(numpy.float64) / len(units))
        shares = shares[shares > 0]
        return numpy.exp(-(shares * numpy.log(shares)).sum())

    measure("mean_pairwise_distance", "numpy", len(vectors), mean_pairwise_distance)
    measure("vendi_score", "numpy", len(vectors), vendi_score)
