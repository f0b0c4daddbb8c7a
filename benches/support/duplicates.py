"""Near duplicates by a MinHash LSH library of PyPI: duplicates.py rensa|datasketch TEXTS THRESHOLD.

TEXTS has one text a line. Runs of three words, lowercased, 128 values. A text is a duplicate if the index has an earlier one with an estimated
similarity of the threshold, as `duplicate_groups` counts them. Prints {"duplicates": n, "seconds": s}; reading the file is not counted.
"""

import json
import re
import sys
import time

library, path, threshold = sys.argv[1], sys.argv[2], float(sys.argv[3])
with open(path, encoding="utf-8") as file:
    texts = file.read().splitlines()

WORD = re.compile(r"\w+|[^\w\s]")


def runs(text):
    words = WORD.findall(text.lower())
    return {" ".join(words[start : start + 3]) for start in range(max(len(words) - 2, 1))}


def with_rensa():
    from rensa import RMinHash, RMinHashLSH

    # Bands of 8 values: the nearest to those of 0.8 that divides 128.
    index = RMinHashLSH(threshold=threshold, num_perm=128, num_bands=16)
    signatures, duplicates = [], 0
    for number, text in enumerate(texts):
        signature = RMinHash(num_perm=128, seed=42)
        signature.update(list(runs(text)))
        if any(signature.jaccard(signatures[other]) >= threshold for other in index.query(signature)):
            duplicates += 1
        index.insert(number, signature)
        signatures.append(signature)
    return duplicates


def with_datasketch():
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=threshold, num_perm=128)
    signatures, duplicates = [], 0
    for number, text in enumerate(texts):
        signature = MinHash(num_perm=128, seed=42)
        signature.update_batch([run.encode() for run in runs(text)])
        if any(signature.jaccard(signatures[other]) >= threshold for other in index.query(signature)):
            duplicates += 1
        index.insert(number, signature)
        signatures.append(signature)
    return duplicates


started = time.perf_counter()
duplicates = {"rensa": with_rensa, "datasketch": with_datasketch}[library]()
print(json.dumps({"duplicates": duplicates, "seconds": time.perf_counter() - started}))
