"""Picks a small part of the held-out text, to be kept with the sources.

    python make_heldout.py CORPUS_DIR [TEST_DATA_DIR]

CORPUS_DIR is what corpus.py wrote. Writes TEST_DATA_DIR/corpus/{prose,code,arithmetic,chat}.jsonl, at most 120 kB each, of whole
documents {"text", "source"} in an order that the hash of the text decides, so that every source has its share.
"""

import hashlib
import json
import sys
from pathlib import Path

CORPUS = Path(sys.argv[1])
OUT = (Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent.parent) / "corpus"
LIMIT = 120_000

OUT.mkdir(parents=True, exist_ok=True)
for domain in ("prose", "code", "arithmetic", "chat"):
    lines = open(CORPUS / f"{domain}.heldout.jsonl", encoding="utf-8").read().splitlines()
    lines.sort(key=lambda line: hashlib.sha256(json.loads(line)["text"].encode()).hexdigest())
    kept, size = [], 0
    for line in lines:
        length = len(line.encode()) + 1
        if size + length <= LIMIT:
            kept.append(line)
            size += length
    (OUT / f"{domain}.jsonl").write_text("\n".join(kept) + "\n", encoding="utf-8")
    print(f"{domain:<11} {len(kept):>4} of {len(lines)} documents, {size / 1000:6.1f} kB")
