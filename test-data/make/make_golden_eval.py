"""Computes what transformers says about the first items of the offline evaluation tasks: what lm-evaluation-harness has to get from a server.

    python make_golden_eval.py

Writes golden/eval-slayer-tiny.json. Prompts are put together here, from the rows of clients/lm-eval/tasks/data, without the harness and
without its task files, so that those are checked too. For the base and two edited stacks, with and without BOS: of every item of a task that
scores answers the sum of log-probabilities of each answer (float32, full passes, no cache), of every item of a task that generates the greedy
text up to the stop string, with the smallest gap between best and second-best token on the way.
"""

import json
from pathlib import Path

import torch
from transformers import AutoTokenizer

from make_golden import logprobs, shortest
from make_golden_layouts import TEST_DATA, Checkpoint, edited, load

NAME = "slayer-tiny"
ITEMS = 8
ROWS = TEST_DATA.parent / "clients" / "lm-eval" / "tasks" / "data"
VARIANTS = {"base": "0-11", "remove=5": "0-4,6-11", "insert=5:average": "0-5,avg(5:6),6-11"}


def rows(name, count):
    lines = (ROWS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[:count]]


def lettered(row):
    options = "".join(f"\n{letter}. {text}" for letter, text in zip("ABCD", row["choices"]))
    return f"{row['question']}{options}\nAnswer:"


def labels(row):
    return ", ".join(row["labels"]) or "none"


def scored_tasks():
    """task: for each item (pairs of context and continuation, index of the right one)"""
    shots = rows("choice_shots", 5)
    as_text = "".join(f"{row['question']} A: {row['choices'][row['answer']]}\n" for row in shots)
    as_letter = "".join(f"{lettered(row)} {'ABCD'[row['answer']]}\n\n" for row in shots)
    return {
        "slayer_cloze": [([(row["context"], " " + end) for end in row["endings"]], row["answer"]) for row in rows("cloze", ITEMS)],
        "slayer_choice": [
            ([(f"{as_text}{row['question']} A:", " " + choice) for choice in row["choices"]], row["answer"])
            for row in rows("choice", ITEMS)
        ],
        "slayer_letters": [
            ([(as_letter + lettered(row), " " + letter) for letter in "ABCD"], row["answer"]) for row in rows("choice", ITEMS)
        ],
        "slayer_partial": [
            ([(context, " " + row["continuation"]) for context in row["contexts"]], row["answer"]) for row in rows("partial", ITEMS)
        ],
    }


def generated_tasks():
    """task: (most tokens, stops, prompts)"""
    sums = "".join(f"{row['question']} {row['solution']}\n" for row in rows("arithmetic_shots", 5))
    clauses = "".join(f"Clause: {row['clause']} Labels: {labels(row)}\n" for row in rows("clauses_shots", 6))
    return {
        "slayer_arithmetic": (48, ("\n", "Q:"), [sums + row["question"] for row in rows("arithmetic", ITEMS)]),
        "slayer_code": (24, ("\n",), [row["prompt"] for row in rows("code", ITEMS)]),
        "slayer_clauses": (48, ("\n",), [f"{clauses}Clause: {row['clause']} Labels:" for row in rows("clauses", ITEMS)]),
    }


def encoded(tokenizer, text, bos):
    ids = tokenizer(text, add_special_tokens=False).input_ids
    return [tokenizer.bos_token_id] + ids if bos else ids


def loglikelihood(model, tokenizer, context, continuation, bos):
    whole = encoded(tokenizer, context + continuation, bos)
    start = len(encoded(tokenizer, context, bos))
    taken = logprobs(model, whole)[:-1].gather(1, torch.tensor(whole[1:])[:, None])[:, 0]
    return taken[start - 1 :].sum()


def generated(model, tokenizer, prompt, most, stops, bos):
    ids, gap = encoded(tokenizer, prompt, bos), float("inf")
    before = tokenizer.decode(ids, skip_special_tokens=True)
    for _ in range(most):
        top = logprobs(model, ids)[-1].topk(2)
        gap = min(gap, (top.values[0] - top.values[1]).item())
        ids.append(top.indices[0].item())
        text = tokenizer.decode(ids, skip_special_tokens=True)[len(before) :]
        ends = [text.index(stop) for stop in stops if stop in text]
        if ends or ids[-1] == tokenizer.eos_token_id:
            text = text[: min(ends, default=len(text))]
            break
    return {"text": text, "gap": round(gap, 6)}


def answers(model, tokenizer, bos):
    found = {}
    for task, items in scored_tasks().items():
        found[task] = [
            {"answer": answer, "loglikelihoods": shortest(torch.stack([loglikelihood(model, tokenizer, *pair, bos) for pair in pairs]))}
            for pairs, answer in items
        ]
        right = [max(range(len(item["loglikelihoods"])), key=item["loglikelihoods"].__getitem__) == item["answer"] for item in found[task]]
        print(f"  {task:<18} right {sum(right)} of {len(right)}", flush=True)
    for task, (most, stops, prompts) in generated_tasks().items():
        found[task] = [generated(model, tokenizer, prompt, most, stops, bos) for prompt in prompts]
        print(f"  {task:<18} smallest gap {min(item['gap'] for item in found[task]):.5f}", flush=True)
    return found


@torch.no_grad()
def main():
    model, tokenizer = load(TEST_DATA / NAME), AutoTokenizer.from_pretrained(TEST_DATA / NAME)
    checkpoints = {"": Checkpoint(TEST_DATA / NAME)}
    variants = []
    for variant, layout in VARIANTS.items():
        stack, _ = edited(model, layout, checkpoints)
        for bos in (True, False):
            print(variant, "with BOS" if bos else "without BOS", flush=True)
            variants.append({"variant": variant, "bos": bos, "tasks": answers(stack, tokenizer, bos)})
    text = json.dumps({"model": NAME, "items": ITEMS, "runs": variants}, ensure_ascii=False, separators=(",", ":"))
    text = text.replace('{"variant":', '\n{"variant":').replace('"slayer_', '\n"slayer_')
    (TEST_DATA / "golden" / f"eval-{NAME}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
