#!/usr/bin/env python3
"""Figures of the MMEvol authors' demo run, computed without mmevol: plain loops over their files.

    python3 tests/data/report/figures.py ../shared/data/mmevol_demo > tests/data/report/figures.json

tests/it/report/real_figures.rs compares them with what the statements of sql/report/ say.
"""

import json
import sys
from pathlib import Path

OPERATORS = {"bf_in_breath": "fine_grained_perception", "df_cot": "cognitive_reasoning", "df_format": "interaction"}


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else None


def fenced_json(text):
    """The list in a model's answer: everything in its one fenced block."""
    start = text.rindex("```json") + len("```json")
    value = json.loads(text[start : text.index("```", start)])
    return value if isinstance(value, list) else [value]


def history_rounds(samples):
    for number in range(4):
        items = [item for sample in samples for item in sample.get(f"conversations_v{number}", [])]
        yield {
            "round": number,
            "items": len(items),
            "samples": sum(1 for sample in samples if sample.get(f"conversations_v{number}")),
            "skills": mean(len(item["skills"]) for item in items),
            "steps": mean(len(item["steps"]) for item in items),
            "mean_score": mean(item["score"] for item in items if item.get("score") is not None),
        }


def verdicts(records):
    """Verdicts by position, as the authors read them: (operator, whether it is an improvement, score)."""
    for record in records:
        items, scores = fenced_json(record["raw_generation"]), fenced_json(record["raw_scoring"])
        assert len(items) == len(scores), record["hash_id"]
        for score in scores:
            yield OPERATORS[record["direction"]], score["improved"] == "yes", score["score"]


def round_one(records):
    told = list(verdicts(records))
    return {
        "items": len(told),
        "yes_rate": mean(yes for _, yes, _ in told),
        "mean_score": mean(score for _, _, score in told),
        "mean_kept": mean(score for _, yes, score in told if yes),
        "mean_score_in_filtered": mean(item["score"] for record in records for item in record["filtered"]),
        "yes_rate_by_operator": {
            operator: mean(yes for name, yes, _ in told if name == operator) for operator in sorted(OPERATORS.values())
        },
    }


def main():
    folder = Path(sys.argv[1])
    history = json.loads((folder / "history.json").read_text())
    with open(folder / "round1.jsonl") as file:
        records = [json.loads(line) for line in file]
    print(json.dumps({"history": list(history_rounds(history)), "round1": round_one(records)}, indent=2))


if __name__ == "__main__":
    main()
