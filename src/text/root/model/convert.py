"""Makes tags.txt and patches.txt of the tagger model that the crate harper-brill carries (Apache-2.0, Automattic).

    python3 convert.py harper-brill-0.54.0/trained_tagger_model.json

The model is the same in every version up to 3.0.0. It is kept here as data because the crate brings an argument parser, and since 0.55 a
neural network library, to read it.
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
SOURCE = "# From harper-brill 0.54.0, trained_tagger_model.json, Apache-2.0, by convert.py.\n"


def condition(criteria):
    (kind, of), = criteria.items()
    if kind == "Combined":
        return condition(of["a"]) + " & " + condition(of["b"])
    if kind == "WordIs":
        return f"word {of['relative']} {of['word'].lower()}"
    if kind == "WordIsTaggedWith":
        return f"tag {of['relative']} {of['is_tagged']}"
    if kind == "AnyWordIsTaggedWith":
        return f"any {of['max_relative']} {of['is_tagged']}"
    if kind == "SandwichTaggedWith":
        return f"between {of['prev_word_tagged']} {of['post_word_tagged']}"
    raise ValueError(kind)


def main(path):
    model = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    by_tag = {}
    for word, tag in model["base"]["mapping"].items():
        if not any(character.isspace() for character in word):
            by_tag.setdefault(tag, []).append(word)
    lines = [" ".join([tag, *sorted(words)]) for tag, words in sorted(by_tag.items())]
    header = "# The commonest tag of each word: a tag, then its words.\n"
    (HERE / "tags.txt").write_text(SOURCE + header + "\n".join(lines) + "\n", encoding="utf-8")
    lines = [f"{patch['from']} {patch['to']} {condition(patch['criteria'])}" for patch in model["patches"]]
    header = "# In this order: a tag, what it becomes, and where. Places count from the word itself.\n"
    (HERE / "patches.txt").write_text(SOURCE + header + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
