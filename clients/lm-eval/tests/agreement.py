"""Acceptance: the real lm_eval against a running server that serves slayer-tiny.

    python agreement.py URL

For the base and two edited stacks it runs every offline task over its first items: tokenizer backends huggingface and remote, one request at a
time and eight, one prompt in a request and four (for the edited stacks four of these eight combinations). All ways must give the same scores, and those that transformers computed: test-data/golden,
made by test-data/make/make_golden_eval.py.

The remote backend sends no BOS and has no argument for it, so it is compared with the huggingface backend without add_bos_token: the same
ids. With BOS, as a Llama model wants it, the huggingface backend is compared with the third way, the server's tokenizer endpoints plus a
tokenizer folder, which sends BOS on its own.

Prints one line per way and ends with status 0 if all of them agree.
"""

import json
import sys
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "clients" / "lm-eval"))

from run_evaluations import evaluate, task_manager  # noqa: E402

URL = sys.argv[1].rstrip("/")
GOLDEN = json.loads((ROOT / "test-data" / "golden" / "eval-slayer-tiny.json").read_text(encoding="utf-8"))
TOKENIZER = str(ROOT / "test-data" / GOLDEN["model"])
SCORED = ["slayer_cloze", "slayer_choice", "slayer_letters", "slayer_partial"]
TASKS = [*SCORED, "slayer_arithmetic", "slayer_code", "slayer_clauses"]
# The same request alone or among others: float32 sums in another order.
AMONG_WAYS = 1e-4
TO_TRANSFORMERS = 1e-3

MANAGER = task_manager(TASKS)


def ways(variant, bos):
    """(model_args, concurrency, batch size): every combination; with BOS two of them"""
    hugging_face = {"tokenizer": TOKENIZER, "tokenizer_backend": "huggingface", "add_bos_token": bos}
    if bos:
        return [(hugging_face, 8, 4), ({"tokenizer": TOKENIZER, "tokenizer_backend": "auto"}, 8, 1)]
    remote = {"tokenizer_backend": "remote"}
    return [(args, concurrency, batch) for args in (hugging_face, remote) for concurrency in (1, 8) for batch in (1, 4)]


def run(variant, args, concurrency, batch):
    """task: for each item what the harness got, and its scores"""
    model = GOLDEN["model"] if variant == "base" else f"{GOLDEN['model']}@{variant}"
    # The remote backend names no model when it tokenizes, so the path does; others name it in the request.
    prefix = "" if args["tokenizer_backend"] == "huggingface" else "/m/" + urllib.parse.quote(model, safe="")
    model_args = {
        **args,
        "model": model,
        "base_url": f"{URL}{prefix}/v1/completions",
        "num_concurrent": concurrency,
        "max_length": 1024,
        "max_retries": 1,
    }
    job = {"tasks": TASKS, "limit": GOLDEN["items"], "code": True, "bootstrap": 0}
    results = evaluate(job, {"model_args": model_args, "batch_size": batch}, MANAGER)
    got = {}
    for task in TASKS:
        samples = sorted(results["samples"][task], key=lambda sample: sample["doc_id"])
        got[task] = [reply(task, sample) for sample in samples if sample["filter"] in ("none", "strict", "every_sample")]
    scores = {task: {name: value for name, value in results["results"][task].items() if name.split(",")[0] in NAMES} for task in TASKS}
    return got, scores


NAMES = ("acc", "acc_norm", "exact_match", "pass@1", "f1", "f1_micro")


def reply(task, sample):
    if task in SCORED:
        pairs = [answer[0] for answer in sample["resps"]]
        return [float(pair[0]) for pair in pairs], [str(pair[1]) for pair in pairs]
    return sample["resps"][0][0]


def distance(one, other):
    """Largest difference of log-likelihoods; texts and greedy flags must be the same."""
    far = 0.0
    for task in TASKS:
        for item, (a, b) in enumerate(zip(one[task], other[task], strict=True)):
            if task in SCORED:
                far = max([far] + [abs(x - y) for x, y in zip(a[0], b[0], strict=True)])
                assert a[1] == b[1], (task, item, a, b)
            else:
                assert a == b, (task, item, a, b)
    return far


def distance_to_transformers(got, scores, expected):
    far = 0.0
    for task in SCORED:
        right = 0
        for item, (found, wanted) in enumerate(zip(got[task], expected[task], strict=True)):
            values = wanted["loglikelihoods"]
            far = max([far] + [abs(x - y) for x, y in zip(found[0], values, strict=True)])
            assert far <= TO_TRANSFORMERS, (task, item, found, values)
            right += values.index(max(values)) == wanted["answer"]
        assert scores[task]["acc,none"] == right / len(expected[task]), (task, scores[task], right)
    for task in TASKS:
        if task not in SCORED:
            for item, (found, wanted) in enumerate(zip(got[task], expected[task], strict=True)):
                assert wanted["gap"] > 2 * TO_TRANSFORMERS, (task, item, "the reference is undecided: choose other items")
                assert found == wanted["text"], (task, item, found, wanted)
    return far


count = 0
for reference in GOLDEN["runs"]:
    first = None
    for args, concurrency, batch in ways(reference["variant"], reference["bos"]):
        begun = time.monotonic()
        got, scores = run(reference["variant"], args, concurrency, batch)
        first = first or (got, scores)
        among = distance(first[0], got)
        assert among <= AMONG_WAYS, among
        assert scores == first[1], (scores, first[1])
        off = distance_to_transformers(got, scores, reference["tasks"])
        count += 1
        print(
            f"ok {reference['variant']:<16} {'BOS' if reference['bos'] else 'no BOS':<6} {args['tokenizer_backend']:<11} concurrency {concurrency} batch {batch}"
            f" among ways {among:.1e} to transformers {off:.1e} {time.monotonic() - begun:.1f} s",
            flush=True,
        )
print(f"all {count} ways agree")
