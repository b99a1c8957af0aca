"""Computes the embeddings that transformers' hidden states give: the numbers that POST /v1/embeddings has to reproduce.

    python make_golden_embeddings.py

Writes golden/embeddings.json: for slayer-tiny and the three random checkpoints, as they are and with two stacks of
make_golden_layouts.py, the mean over all tokens of the last hidden state (which transformers gives with the final norm applied) and
that of the last token, in float32 with eager attention, not scaled. Means are added up in float64 and rounded once.
"""

import json

import torch
from transformers import AutoTokenizer

from make_golden import NAMES, PROMPTS, TEST_DATA, shortest
from make_golden_layouts import LAYOUTS, OTHERS, Checkpoint, edited, load

PROMPT_NAMES = ("english", "unicode", "long", "short")
AVERAGED, GATED = 3, 8  # which of a checkpoint's layouts: blocks that are means, and slots with sublayers off or scaled


@torch.no_grad()
def pooled(model, ids):
    rows = model.model(torch.tensor([ids]), use_cache=False).last_hidden_state[0]
    return {"mean": shortest(rows.double().mean(0).float()), "last": shortest(rows[-1])}


def stacks(name):
    """Canonical text and model of each stack; no text is the checkpoint as it is."""
    model = load(TEST_DATA / name)
    yield "", model
    checkpoints = {"": Checkpoint(TEST_DATA / name)}
    checkpoints |= {alias: Checkpoint(TEST_DATA / other) for alias, other in OTHERS.get(name, {}).items()}
    for layout in (LAYOUTS[name][AVERAGED], LAYOUTS[name][GATED]):
        yield layout, edited(model, layout, checkpoints)[0]


def golden(name):
    tokenizer = AutoTokenizer.from_pretrained(TEST_DATA / name)
    prompts = [{"name": prompt, "ids": tokenizer(PROMPTS[prompt]).input_ids} for prompt in PROMPT_NAMES]
    layouts = []
    for layout, model in stacks(name):
        layouts.append({"layout": layout, "embeddings": [pooled(model, prompt["ids"]) for prompt in prompts]})
        print(f"{name:<15} {layout or 'as it is'}", flush=True)
    return {"model": name, "others": OTHERS.get(name, {}), "prompts": prompts, "layouts": layouts}


if __name__ == "__main__":
    text = json.dumps([golden(name) for name in NAMES], separators=(",", ":"))
    for mark in ('{"model":', '{"name":', '{"layout":', '{"mean":', '"last":'):
        text = text.replace(mark, "\n" + mark)
    file = TEST_DATA / "golden" / "embeddings.json"
    file.write_text(text + "\n")
    assert file.stat().st_size < 300_000, file.stat().st_size
