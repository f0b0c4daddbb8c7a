"""Makes the data beside this script and ../../slt/diversity/independent.slt: what the aggregates must give, computed by other programs.

    pip install numpy scipy scikit-learn nltk lexical-diversity regex vendi-score
    python make.py PATH/TO/mmevol_demo/seeds.json

Questions are an excerpt of the MMEvol authors' demo seeds (AlibabaResearch/DAMO-ConvAI, MIT). The rest is drawn with a fixed seed.
"""

import json
import sys
from collections import Counter
from pathlib import Path

import numpy
import regex
from lexical_diversity import lex_div
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from scipy.spatial.distance import pdist
from scipy.stats import entropy
from sklearn.metrics import cohen_kappa_score
from vendi_score import vendi

HERE = Path(__file__).parent
RANDOM = numpy.random.default_rng(3407)
DIGITS = 8


def texts(seeds):
    questions = [item["question"] for sample in seeds for item in sample["conversations_v0"]]
    real = [questions[place] for place in RANDOM.choice(len(questions), 250, replace=False)]
    vocabulary = [f"w{place}" for place in range(80)]
    shares = 1 / numpy.arange(1, 81)
    draw = lambda: list(RANDOM.choice(vocabulary, RANDOM.integers(0, 90), p=shares / shares.sum()))
    ends = lambda word: word + RANDOM.choice(["", "", "", ",", ".", "?", " -"])
    drawn = [" ".join(ends(word.capitalize() if RANDOM.random() < 0.1 else word) for word in draw()) for _ in range(120)]
    scripts = ["Straße", "ÉCOLE", "図", "书", "мир", "МИР", "γάλα", "don't", "3.14", "x_y", "U.S.", "naïve", "…", "—", "١٢٣"]
    mixed = [" ".join(RANDOM.choice(scripts, RANDOM.integers(1, 15))) for _ in range(60)]
    return {"drawn": drawn, "mixed": mixed, "real": real}


def words(text):
    """Words of UAX #29, in lower case."""
    pieces = regex.split(r"(?w)\b", text.lower(), flags=regex.V1)
    return [piece for piece in pieces if regex.search(r"[\p{Alphabetic}\p{N}]", piece)]


def distinct_n(tokenized, n):
    ngrams = [tuple(text[place : place + n]) for text in tokenized for place in range(len(text) - n + 1)]
    return len(set(ngrams)) / len(ngrams)


def mattr(tokenized, window):
    return numpy.mean([lex_div.mattr(text, window_length=window) for text in tokenized if text])


def self_bleu(tokenized):
    tokenized = [text for text in tokenized if text]
    smoothing = SmoothingFunction().method1
    others = lambda place: tokenized[:place] + tokenized[place + 1 :]
    return numpy.mean(
        [sentence_bleu(others(place), text, smoothing_function=smoothing, auto_reweigh=True) for place, text in enumerate(tokenized)]
    )


def categories():
    few = RANDOM.zipf(1.6, 700)
    columns = {
        "even": RANDOM.integers(0, 12, 700),
        "skewed": numpy.minimum(few, 60),
        "single": RANDOM.permutation(700),
    }
    rows = []
    for kind, labels in columns.items():
        for label in labels:
            second = label if RANDOM.random() < 0.6 else RANDOM.choice(labels)
            number = round(float(RANDOM.lognormal(1, 1.2)), 3)
            rows.append({"kind": kind, "label": f"c{label}", "second": f"c{second}", "number": number})
    return rows


def hill(shares, order):
    if order == 0:
        return len(shares)
    if order == 1:
        return numpy.exp(entropy(shares))
    return (shares**order).sum() ** (1 / (1 - order))


def gini(numbers):
    numbers = numpy.asarray(numbers, dtype=float)
    return numpy.abs(numbers[:, None] - numbers[None, :]).mean() / (2 * numbers.mean())


def vectors(real):
    words_of = [Counter(words(text)) for text in real]
    vocabulary = sorted(set().union(*words_of))
    counts = numpy.array([[text[word] for word in vocabulary] for text in words_of], dtype=float)
    left, values, _ = numpy.linalg.svd(counts, full_matrices=False)
    centres = RANDOM.normal(size=(4, 8))
    return {
        "clustered": centres[RANDOM.integers(0, 4, 90)] + 0.2 * RANDOM.normal(size=(90, 8)),
        "gaussian": RANDOM.normal(size=(70, 8)),
        "real": (left * values)[:120, :12],
        "wide": RANDOM.normal(size=(18, 40)),
    }


def query(columns, table, rows):
    types = "T" + "R" * len(columns)
    rounded = ",\n    ".join(f"round({column}, {DIGITS})" for column in columns)
    lines = [" ".join([kind, *(repr(round(float(value), DIGITS)) for value in values)]) for kind, values in sorted(rows.items())]
    source = f"'tests/data/diversity/{table}.jsonl'"
    return f"query {types}\nSELECT kind, {rounded}\nFROM {source} GROUP BY kind ORDER BY kind\n----\n" + "\n".join(lines) + "\n\n"


def write(name, rows):
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in RANDOM.permutation(numpy.array(rows, dtype=object))]
    (HERE / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


def main(seeds):
    of_texts = texts(json.loads(Path(seeds).read_text(encoding="utf-8")))
    write("texts", [{"kind": kind, "text": text} for kind, all in of_texts.items() for text in all])
    tokenized = {kind: [words(text) for text in all] for kind, all in of_texts.items()}
    of_text_columns = {
        kind: [distinct_n(all, 1), distinct_n(all, 2), distinct_n(all, 3), mattr(all, 10), mattr(all, 50), self_bleu(all)]
        for kind, all in tokenized.items()
    }
    of_texts_sql = ["distinct_n(text, 1)", "distinct_n(text, 2)", "distinct_n(text, 3)", "mattr(text, 10)", "mattr(text)", "self_bleu(text)"]

    rows = categories()
    write("categories", rows)
    of_categories = {}
    for kind in sorted({row["kind"] for row in rows}):
        own = [row for row in rows if row["kind"] == kind]
        counts = numpy.array(list(Counter(row["label"] for row in own).values()))
        shares = counts / counts.sum()
        bits = entropy(shares, base=2)
        of_categories[kind] = [
            bits, bits / numpy.log2(len(shares)), *(hill(shares, order) for order in (0, 0.3, 1, 1.2, 2, 7)), 1 / shares.max(), gini(counts),
            gini([row["number"] for row in own]), cohen_kappa_score([row["label"] for row in own], [row["second"] for row in own]),
        ]
    of_categories_sql = [
        "shannon_entropy(label)", "normalized_entropy(label)", *(f"effective_number(label, {order})" for order in (0, 0.3)),
        "effective_number(label)", *(f"effective_number(label, {order})" for order in (1.2, 2, 7)),
        "effective_number(label, CAST('Infinity' AS DOUBLE))", "gini(label)", "gini_of_numbers(number)", "cohen_kappa(label, second)",
    ]

    of_vectors = {kind: numpy.round(all, 4) for kind, all in vectors(of_texts["real"]).items()}
    write("vectors", [{"kind": kind, "vector": vector.tolist()} for kind, all in of_vectors.items() for vector in all])
    of_vector_columns = {}
    for kind, all in of_vectors.items():
        units = all / numpy.linalg.norm(all, axis=1, keepdims=True)
        of_vector_columns[kind] = [pdist(all, "cosine").mean(), vendi.score_K(units @ units.T)]

    queries = (
        query(of_texts_sql, "texts", of_text_columns)
        + query(of_categories_sql, "categories", of_categories)
        + query(["mean_pairwise_distance(vector)", "vendi_score(vector)"], "vectors", of_vector_columns)
    )
    setting = lambda name, value: f"statement ok\nSET datafusion.execution.{name} = {value}\n\n"
    text = (
        "# session: nothing\n\n# Made by tests/data/diversity/make.py: the values are those of numpy, scipy, scikit-learn, nltk, lexical-diversity and\n"
        "# vendi-score. Here in one partition.\n\n" + setting("target_partitions", 1) + queries
        + "# In many small batches over eight partitions the values are the same.\n\n"
        + setting("target_partitions", 8) + setting("batch_size", 16) + queries
    )
    target = HERE.parents[1] / "slt" / "diversity"
    target.mkdir(exist_ok=True)
    (target / "independent.slt").write_text(text.rstrip() + "\n", encoding="utf-8")


main(sys.argv[1])
