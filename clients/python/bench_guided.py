"""What constraints cost: decode speed of a running server, constrained and not, one request at a time.

    python bench_guided.py [URL] [--repetitions 5] [--tokens 256]

Each kind is asked for in turns with the unconstrained request, so that a busy machine troubles all of them alike. Prints tokens per
second (median) and the milliseconds that a token takes more than without a constraint. "First" is the first request of a constraint
that the server has not seen: it compiles it and finds its masks. Needs nothing but Python.
"""

import argparse
import json
import statistics
import time
import urllib.request

parser = argparse.ArgumentParser()
parser.add_argument("url", nargs="?", default="http://127.0.0.1:8000")
parser.add_argument("--repetitions", type=int, default=5)
parser.add_argument("--tokens", type=int, default=256)
arguments = parser.parse_args()


def schema(name):
    person = {
        "type": "object",
        "properties": {name: {"type": "string"}, "age": {"type": "integer"}, "friend": {"type": ["boolean", "null"]}},
        "required": [name, "age", "friend"],
    }
    return {"guided_json": {"type": "array", "items": person, "minItems": 200}}


KINDS = {
    "json_schema": lambda fresh: schema(f"name{fresh}"),
    "regex, a state per character": lambda fresh: {"guided_regex": f"[a-z ,.]{{{2000 + fresh}}}"},
    "regex, few states": lambda fresh: {"guided_regex": f"([a-z]+ )*x{{{1 + fresh}}}"},
}


def seconds_per_token(constraint):
    fields = {"prompt": "Once upon a time", "max_tokens": arguments.tokens, "temperature": 1, "seed": 7, "ignore_eos": True}
    body = json.dumps(fields | constraint).encode()
    begin = time.perf_counter()
    with urllib.request.urlopen(urllib.request.Request(arguments.url + "/v1/completions", body)) as response:
        answer = json.load(response)
    return (time.perf_counter() - begin) / answer["usage"]["completion_tokens"]


for _ in range(5):
    seconds_per_token({})
for kind, make in KINDS.items():
    plain, first, again = [], [], []
    for repetition in range(arguments.repetitions):
        constraint = make(repetition)
        plain.append(seconds_per_token({}))
        first.append(seconds_per_token(constraint))
        again.append(seconds_per_token(constraint))
    base = statistics.median(plain)
    print(f"{kind}: without {1 / base:.0f} tokens/s", end="")
    for name, times in (("first", first), ("again", again)):
        median = statistics.median(times)
        print(f"; {name} {1 / median:.0f} tokens/s, {1000 * (median - base):+.3f} ms a token", end="")
    print()
