"""Draws the questions of root_verbs.jsonl: distinct ones, by seed, of three sources. Labels already given stay.

    python3 tests/data/root_verbs.py ../shared/data > drawn.jsonl

The labels `verb` and `noun` are written by hand, by the rule in docs/diversity.md, and not by a parser. The rules were written with the
first sample at hand; the second was drawn and labelled after them, and no rule was changed for it.
"""

import json
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).parent
SAMPLES = {
    "first": (3407, {"seeds": 130, "history": 80, "coco128": 20}),
    "second": (2409, {"seeds": 80, "history": 40}),
}


def questions(path, versions):
    samples = json.loads(path.read_text(encoding="utf-8"))
    return [item["question"] for sample in samples for version in versions for item in sample.get(version, [])]


def main(data):
    sources = {
        "seeds": questions(data / "mmevol_demo/seeds.json", ["conversations_v0"]),
        "history": questions(data / "mmevol_demo/history.json", ["conversations_v1", "conversations_v2", "conversations_v3"]),
        "coco128": questions(data / "coco128/seed.json", ["conversations_v0"]),
    }
    labels_path = HERE / "root_verbs.jsonl"
    lines = labels_path.read_text(encoding="utf-8").splitlines() if labels_path.exists() else []
    labels = {line["question"]: line for line in map(json.loads, lines)}
    drawn = set()
    for sample, (seed, sizes) in SAMPLES.items():
        for source, size in sizes.items():
            distinct = sorted(set(sources[source]) - drawn)
            for question in random.Random(seed).sample(distinct, size):
                drawn.add(question)
                label = labels.get(question, {})
                line = {"sample": sample, "source": source, "question": question, "verb": label.get("verb"), "noun": label.get("noun")}
                print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
