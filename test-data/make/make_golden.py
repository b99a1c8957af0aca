"""Computes what transformers says about the checkpoints: the numbers that Slayer has to reproduce.

    python make_golden.py [CHECKPOINT_DIR...]

Without arguments: slayer-tiny and the three random checkpoints beside this folder. Writes golden/NAME.json for each: eight prompts
with token ids, log-probabilities of the prompt (float32 weights and arithmetic, eager attention, every number from a full pass
without a cache), the five best tokens per position for two of the prompts, and 24 greedy tokens that run on through EOS, with the
gap in log-probability between the best and the second-best token at each step. Prints the smallest gap: where it is larger than
the tolerance of a test, the argmax is safe.
"""

import json
import sys
from pathlib import Path

import numpy
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

TEST_DATA = Path(__file__).parent.parent
NAMES = ["slayer-tiny", "random-llama2", "random-llama3", "random-mistral"]
GREEDY, TOP = 24, 5
LONG = """A loop is a list of commands that a machine does again and again until something tells it to stop. The first machines
that could do this were looms: a chain of punched cards told them which threads to lift, and when the last card was tied to the
first, the pattern began again. Nobody had to watch. The weaver looked after the colours, and the chain looked after the order.

What makes a loop useful is the part that changes. If every turn did the same thing with the same threads, the result would be a
single line. So there is a counter, or a list that gets shorter, or a sum that grows: 1, 3, 6, 10, 15, 21. And there is a test. It
asks, before each turn or after it, whether the work is done. When the test is wrong by one, the last item is forgotten or the
first one is done twice; this is such a common mistake that it has a name of its own.

A function may also call itself. That is a loop too, only written in another way, and each call has to remember where it came
from. If the calls never end, the memory does. "Why did it stop?" asked the student. "Because 2 + 2 is 4, and 4 is where you told
it to stop," said the teacher; "a machine does what you say, not what you mean." They counted the cards again: 12 on the first
chain, 17 on the second and 25 on the third, so 54 in all. The loom went on."""
PROMPTS = {
    "english": "The module provides functions that convert a string into a list of tokens, and returns",
    "code": "def area(width, height):\n    \"\"\"Return the area.\"\"\"\n    if width < 0 or height < 0:\n        raise ValueError",
    "arithmetic": "Q: 3+4=? A: 7\nQ: 17+25=? A: 42\nQ: 28+31=? A:",
    "unicode": "Caf\u00e9 cr\u00e8me, na\u00efve \u00fcber-stra\u00dfe \u2014 \u65e5\u672c\u8a9e \u0417\u0434\u0440\u0430\u0432\u0441\u0442\u0432\u0443\u0439 \u2603 \U0001f984\U0001f469\u200d\U0001f4bb e\u0301 is",
    "leading spaces": "   three spaces first,  then two",
    "newlines": "\n\nTitle\n\n\n- one\n- two\n\t- tab\r\n",
    "long": LONG.replace("\n\n", "\0").replace("\n", " ").replace("\0", "\n\n"),
    "short": "A",
}
WITH_TOP = ("english", "unicode")


def shortest(values):
    """float32 values as the shortest decimals that read back as the same float32."""
    return [float(str(v)) for v in values.to(torch.float32).numpy().astype(numpy.float32)]


@torch.no_grad()
def logprobs(model, ids):
    """Row i predicts token i + 1: [tokens, vocabulary]."""
    return torch.log_softmax(model(torch.tensor([ids]), use_cache=False).logits[0].float(), dim=-1)


def score(model, ids, with_top):
    rows = logprobs(model, ids)[:-1]
    taken = rows.gather(1, torch.tensor(ids[1:])[:, None])[:, 0] if len(ids) > 1 else torch.empty(0)
    out = {"logprobs": [None] + shortest(taken)}
    if with_top:
        top = rows.topk(TOP)
        out["top"] = [None] + [
            {"ids": i.tolist(), "logprobs": shortest(v)} for i, v in zip(top.indices, top.values)
        ]
    return out


def greedy(model, prompt):
    """Argmax tokens, EOS or not: what a server gives with ignore_eos."""
    ids, best, gaps = list(prompt), [], []
    for _ in range(GREEDY):
        top = logprobs(model, ids)[-1].topk(2)
        ids.append(top.indices[0].item())
        best.append(top.values[0])
        gaps.append(top.values[0] - top.values[1])
    return {"ids": ids[len(prompt) :], "logprobs": shortest(torch.stack(best)), "gaps": shortest(torch.stack(gaps))}


def golden(directory):
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager").eval()
    window = getattr(model.config, "sliding_window", None)
    prompts = []
    for name, text in PROMPTS.items():
        ids = tokenizer(text).input_ids
        prompt = {"name": name, "text": text, "ids": ids} | score(model, ids, name in WITH_TOP)
        prompt["greedy"] = greedy(model, ids)
        whole = tokenizer.decode(ids + prompt["greedy"]["ids"], skip_special_tokens=True)
        before = tokenizer.decode(ids, skip_special_tokens=True)
        assert whole.startswith(before), f"{name}: the answer changes what the prompt's last bytes mean; end it with a letter"
        prompt["greedy"]["text"] = whole[len(before) :]
        prompts.append(prompt)
    lengths = {p["name"]: len(p["ids"]) for p in prompts}
    assert lengths["long"] > 300 and (window is None or lengths["long"] > window > lengths["short"]), lengths
    gap = min(min(p["greedy"]["gaps"]) for p in prompts)
    distinct = [len(set(p["greedy"]["ids"])) for p in prompts]
    print(f"{directory.name:<15} smallest greedy gap {gap:.5f}  distinct greedy tokens {distinct}  prompt tokens {lengths}")
    return {
        "model": directory.name, "dtype": "float32", "ignore_eos": True, "min_gap": gap, "prompts": prompts,
    }


def write(file, value):
    """JSON with one line for each innermost list or object of plain values."""
    text = json.dumps(value, ensure_ascii=False, indent=None, separators=(", ", ": "))
    for mark in ('{"name": ', '"logprobs": [null', '"top": ', '"greedy": '):
        text = text.replace(mark, "\n" + mark)
    file.write_text(text + "\n", encoding="utf-8")
    assert file.stat().st_size < 400_000, file


if __name__ == "__main__":
    torch.manual_seed(0)
    (TEST_DATA / "golden").mkdir(exist_ok=True)
    for directory in [Path(a) for a in sys.argv[1:]] or [TEST_DATA / name for name in NAMES]:
        write(TEST_DATA / "golden" / f"{directory.name}.json", golden(directory))
