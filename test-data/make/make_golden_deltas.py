"""Makes two deltas, and what transformers says about the models that they stand for.

    python make_golden_deltas.py
    python make_golden_deltas.py --check NAME EXPORTED_DIR

The first form writes deltas/NAME, in the format that docs/deltas.md describes, and golden/delta-NAME.json: log-probabilities and greedy
tokens of three prompts, of the base with the delta worked into it by hand. The second form loads a checkpoint that Slayer exported and
compares it with these numbers; it prints the largest difference in log-probability and fails above 1e-3.

Everything is worked out here with torch, the base's hash too: nothing depends on the code that is tested.
"""

import copy
import hashlib
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from make_golden import PROMPTS, greedy, score
from make_golden_layouts import PROMPT_NAMES, TENSORS, TEST_DATA, TOLERANCE, Checkpoint, block, load, slots, write

DTYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
# base, layout, trained slots: whole, or rank and whether there is a diagonal by matrix; tensors outside the slots; type; alpha and rank
DELTAS = {
    "mistral": {
        "base": "random-mistral",
        "layout": "0,avg(0:1),1,2*0.5",
        "whole": [1],
        "factors": {
            2: {"mlp.gate_proj": (3, True), "self_attn.o_proj": (5, True)},
            3: {"self_attn.q_proj": (4, False), "mlp.down_proj": (2, False)},
        },
        "ends": ["model.norm.weight", "lm_head.weight"],
        "dtype": torch.bfloat16,
        "lora": {"alpha": 6.0},
    },
    "llama3": {
        "base": "random-llama3",
        "layout": "0-1,zero(1),avg(1:2),2-3",
        "whole": [2],
        "factors": {3: {"self_attn.k_proj": (4, True), "mlp.up_proj": (7, True)}},
        "ends": ["model.embed_tokens.weight"],
        "dtype": torch.float16,
        "lora": {"alpha": 12.0, "rank": 8},
    },
}


def base_hash(directory, tensors):
    """SHA-256 over config.json and each tensor's name, type, shape and 64 bytes from the middle on."""
    digest = hashlib.sha256((directory / "config.json").read_bytes())
    for name in sorted(tensors):
        tensor = tensors[name]
        shape = "[" + ", ".join(str(n) for n in tensor.shape) + "]"
        digest.update(f"{name}\n{DTYPES[tensor.dtype]}{shape}\n".encode())
        data = tensor.contiguous().reshape(-1).view(torch.uint8)
        middle = len(data) // 2
        digest.update(data[middle : middle + 64].numpy().tobytes())
    return "sha256:" + digest.hexdigest()


def trained(name, recipe, checkpoints):
    """The tensors of a delta: the base's numbers with noise, factors at random."""
    random = torch.Generator().manual_seed(sum(name.encode()))

    def noisy(tensor):
        values = tensor.float()
        return values + 0.3 * values.std() * torch.randn(values.shape, generator=random)

    def small(*shape):
        return 0.25 * torch.randn(shape, generator=random)

    tensors = {}
    stack = list(slots(recipe["layout"]))
    for slot in recipe["whole"]:
        kind, parts, _, _, _ = stack[slot]
        for tensor, values in block(kind, parts, checkpoints).items():
            tensors[f"model.layers.{slot}.{tensor}"] = noisy(values) if values.any() else 0.2 * small(*values.shape)
    for slot, matrices in recipe["factors"].items():
        for matrix, (rank, diagonal) in matrices.items():
            out, in_ = checkpoints[""].stored(0, matrix + ".weight").shape
            at = f"model.layers.{slot}.{matrix}.lora_"
            tensors[at + "A.weight"] = small(rank, in_)
            tensors[at + "B.weight"] = small(out, rank)
            if diagonal:
                tensors[at + "E.weight"] = 4 * small(rank)
    for end in recipe["ends"]:
        tensors[end] = noisy(checkpoints[""].tensors[end])
    return {name: values.to(recipe["dtype"]).contiguous() for name, values in tensors.items()}


def description(recipe, hash_):
    return {
        "format": "slayer-delta",
        "version": 1,
        "layout": recipe["layout"],
        "base": {"name": recipe["base"], "hash": hash_},
        "method": "noise",
        "trained": sorted([*recipe["whole"], *recipe["factors"]]),
        "lora": recipe["lora"],
        "provenance": {
            "data": [{"name": "none.jsonl", "bytes": 0, "sha256": hashlib.sha256(b"").hexdigest()}],
            "recipe": "method: noise\n",
            "seed": 0,
            "tokens": 0,
            "steps": 0,
            "created": "2026-11-21T12:00:00Z",
            "made_by": "make_golden_deltas.py",
        },
    }


@torch.no_grad()
def merged(model, recipe, tensors, checkpoints):
    """The base with the delta in it."""
    layers = []
    for slot, (kind, parts, attention, mlp, _) in enumerate(slots(recipe["layout"])):
        weights = block(kind, parts, checkpoints)
        for tensor in TENSORS:
            name = f"model.layers.{slot}.{tensor}"
            matrix = name.removesuffix("weight")
            if name in tensors:
                weights[tensor] = tensors[name]
            elif matrix + "lora_A.weight" in tensors:
                a = tensors[matrix + "lora_A.weight"].float()
                b = tensors[matrix + "lora_B.weight"].float()
                e = tensors.get(matrix + "lora_E.weight", torch.ones(len(a))).float()
                factor = recipe["lora"]["alpha"] / recipe["lora"].get("rank", len(a))
                whole = weights[tensor].float() + factor * (b @ torch.diag(e) @ a)
                weights[tensor] = whole.to(checkpoints[""].stored(0, tensor).dtype)
        layer = copy.deepcopy(model.model.layers[0])
        layer.load_state_dict({tensor: weights[tensor].float() for tensor in TENSORS}, strict=True)
        layer.self_attn.layer_idx = slot
        layer.self_attn.o_proj.weight.mul_(attention)
        layer.mlp.down_proj.weight.mul_(mlp)
        layers.append(layer)
    model.model.layers = torch.nn.ModuleList(layers)
    model.config.num_hidden_layers = len(layers)
    if getattr(model.config, "layer_types", None):
        model.config.layer_types = model.config.layer_types[:1] * len(layers)
    targets = {"model.embed_tokens.weight": model.model.embed_tokens, "model.norm.weight": model.model.norm, "lm_head.weight": model.lm_head}
    for end in recipe["ends"]:
        targets[end].weight.copy_(tensors[end].float())
    return model


def make(name, recipe):
    directory = TEST_DATA / recipe["base"]
    checkpoints = {"": Checkpoint(directory)}
    tensors = trained(name, recipe, checkpoints)
    folder = TEST_DATA / "deltas" / name
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "delta.safetensors", metadata={"format": "pt"})
    hash_ = base_hash(directory, checkpoints[""].tensors)
    (folder / "delta.json").write_text(json.dumps(description(recipe, hash_), indent=2) + "\n")
    tokenizer = AutoTokenizer.from_pretrained(directory)
    prompts = [{"name": prompt, "ids": tokenizer(PROMPTS[prompt]).input_ids} for prompt in PROMPT_NAMES]
    base = load(directory)
    before = [score(base, prompt["ids"], False)["logprobs"] for prompt in prompts]
    model = merged(base, recipe, load_file(folder / "delta.safetensors"), checkpoints)
    answers = [score(model, prompt["ids"], False) | {"greedy": greedy(model, prompt["ids"])} for prompt in prompts]
    moved = max(abs(a - b) for one, other in zip(answers, before) for a, b in zip(one["logprobs"][1:], other[1:]))
    print(f"{name}: moved {moved:.3f}, gap {min(min(answer['greedy']['gaps']) for answer in answers):.5f}")
    assert moved > 0.1
    value = {"delta": name, "base": recipe["base"], "hash": hash_, "prompts": prompts, "answers": answers}
    write(TEST_DATA / "golden" / f"delta-{name}.json", value)


def check(name, directory):
    """Whether transformers gets a delta's numbers from an exported checkpoint."""
    value = json.loads((TEST_DATA / "golden" / f"delta-{name}.json").read_text())
    model = load(Path(directory))
    worst = 0
    for prompt, answer in zip(value["prompts"], value["answers"]):
        found = score(model, prompt["ids"], False)["logprobs"]
        worst = max(worst, *(abs(a - b) for a, b in zip(found[1:], answer["logprobs"][1:])))
    print(f"{worst:.2e} {name}")
    return worst <= TOLERANCE


if __name__ == "__main__":
    torch.manual_seed(0)
    if sys.argv[1:2] == ["--check"]:
        sys.exit(0 if check(*sys.argv[2:]) else 1)
    for name, recipe in DELTAS.items():
        make(name, recipe)
