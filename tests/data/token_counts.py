"""Prints token_counts.jsonl: how many tokens Python's tiktoken makes of each text.

    pip install tiktoken && python3 tests/data/token_counts.py > tests/data/token_counts.jsonl
"""

import json

import tiktoken

ENCODINGS = ["o200k_base", "cl100k_base", "p50k_base", "r50k_base"]
TEXTS = [
    "",
    " ",
    "What is the man holding?",
    "Describe the image in detail.\nThen count the dogs.",
    "\n\n\n  a  \r\n\t\tb",
    "It’s 12,345.67€! [0.23, 0.37, 0.49, 0.71]",
    "foo(); // https://example.com/?q=1&r=[2]\n/usr/bin\n/",
    "これは犬です。猫はいますか？",
    "नमस्ते दुनिया, مرحبا بالعالم",
    "😀👩‍👩‍👧‍👧 e\u0301",
    "<|endoftext|>",
    "AAAAaaaa BBBBbbbb iPhone McDonald's I'LL WE'RE",
    "a" * 1000,
    " " * 1000,
    "ab1 " * 500,
]

for text in TEXTS:
    counts = {name: len(tiktoken.get_encoding(name).encode_ordinary(text)) for name in ENCODINGS}
    print(json.dumps({"text": text, **counts}, ensure_ascii=False))
