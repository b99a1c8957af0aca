"""Writes the Parquet files that the tests of the training data read, and the same rows as JSON Lines.

    python make_parquet.py      (needs pyarrow only; these files were made with 26.0.1)

text.NAME.parquet hold one table in all page codecs and versions; chat.parquet has lists of structs; broken-codec.parquet is packed with a
codec that is not supported.
"""

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet

OUT = Path(__file__).parent.parent.parent / "training/src/test/resources/dev/slayer/training/data"
WORDS = ["layer", "block", "slot", "caf\u00e9", "\u65e5\u672c\u8a9e", "\U0001f984", "recipe", ""]


def main():
    texts = [{"text": f"row {i} " + " ".join(WORDS[(i * k) % len(WORDS)] for k in range(1, 6)), "other": i} for i in range(100)]
    texts[17]["text"] = texts[18]["text"]  # so that a dictionary has something to share
    write_rows("text", texts)
    table = pyarrow.Table.from_pylist(texts)
    ways = {
        "plain": {"compression": "none", "use_dictionary": False},
        "snappy": {"compression": "snappy"},
        "gzip": {"compression": "gzip", "data_page_version": "2.0"},
        "zstd": {"compression": "zstd", "data_page_version": "2.0", "use_dictionary": False},
        "delta": {"compression": "snappy", "use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY", "other": "PLAIN"}},
    }
    for name, way in ways.items():
        pyarrow.parquet.write_table(table, OUT / f"text.{name}.parquet", row_group_size=40, data_page_size=512, write_batch_size=7, **way)
    pyarrow.parquet.write_table(table.slice(0, 3), OUT / "broken-codec.parquet", compression="brotli")
    chats = [
        {
            "conversations": [
                {"from": "system", "value": "Be brief.", "weight": None},
                {"from": "human", "value": f"What is {i}+{i}?", "weight": 0.0},
                {"from": "gpt", "value": f"{2 * i}", "weight": 1.0},
            ][i % 2 :]
        }
        for i in range(30)
    ]
    write_rows("chat", chats)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(chats), OUT / "chat.parquet", compression="snappy", row_group_size=12)
    flawed = [b"good", b"\xff\xfe bad", b"good again", None]
    table = pyarrow.table({"text": pyarrow.array(flawed, pyarrow.binary())})
    pyarrow.parquet.write_table(table, OUT / "flawed.parquet", compression="none")


def write_rows(name, rows):
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    (OUT / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


main()
