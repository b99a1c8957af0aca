"""Computes what transformers says about edited stacks of layers: the numbers that Slayer's layouts have to reproduce.

    python make_golden_layouts.py
    python make_golden_layouts.py --check NAME LAYOUT EXPORTED_DIR

The first form writes golden/layouts-NAME.json for each checkpoint: twelve layouts, with log-probabilities and greedy tokens of three
prompts (float32, eager attention, full passes without a cache), and for every slot that is no plain layer the SHA-256 of each
of its nine tensors as they lie in memory. The second form loads a checkpoint that Slayer exported and compares it with the numbers
of that layout; it prints the largest difference in log-probability and fails above 1e-3.

The layouts are read by a small parser of this file's own and the recipes are worked out with numpy, so nothing here depends on
the code that is tested. A model is edited by hand: model.layers becomes a list of new layers with copied weights and their place in
the new stack. Weights of recipes are computed in float32, rounded once to the type of the checkpoint's layer 0, and cast up;
then a gate's scale, which acts on what a sublayer adds, multiplies its last matrix in float32.
"""

import copy
import hashlib
import json
import math
import re
import sys
from decimal import Decimal
from pathlib import Path

import numpy
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from make_golden import PROMPTS, greedy, score

TEST_DATA = Path(__file__).parent.parent
PROMPT_NAMES = ("english", "code", "short")
TOLERANCE = 1e-3
SILENCED = ("self_attn.o_proj.weight", "mlp.down_proj.weight")
TENSORS = (
    "input_layernorm.weight", "self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight", SILENCED[0],
    "post_attention_layernorm.weight", "mlp.gate_proj.weight", "mlp.up_proj.weight", SILENCED[1],
)
# Other checkpoints by the name that the layouts give them.
OTHERS = {"random-llama2": {"b": "random-llama2-b"}}
LAYOUTS = {
    "slayer-tiny": [
        "0-2,4-11",
        "0-5,5-11",
        "0-3,5,4,6-11",
        "0-1,avg(1:2),2-3,avg(3:4),4-5,avg(5:6),6-8,avg(9:10:11)",
        "0-2,zero(2),3-5,zero(5),6-8,zero(8),9-11,zero(11)",
        "0-7,4-11",
        "0-4,avg(4:5:6),5-6,avg0(6:7),7-11",
        "0-4,lerp(5:6:0.3),slerp(6:7:0.25),8-11",
        "0-3,4-attn,5-6,7-mlp,8-attn-mlp,9,10*0.5,avg(10:11)*0.7",
        "0-5,linear(6*0.6:7*0.5),task(7:6*0.5:8*-0.25),8-11",
        "0-5,ties(6:5*0.5~0.2:7*0.5~0.4),7-11",
        "0-5,dare(6:5*0.5~0.3:7*0.25~0.5:seed42),7-11",
    ],
    "random-llama2": [
        "0,2",
        "0-1,1-2,b:1",
        "2,1,b:0",
        "0,avg(0:1),1,avg(1:b:1)",
        "0,zero(0),1-2,zero(b:2)",
        "0-1,1-2",
        "0,avg(0:1:b:2),avg0(1:2),2",
        "lerp(0:b:0:0.3),slerp(1:b:1:0.25),2",
        "0-attn,1-mlp,2*0.5,avg(1:2)*0.7,2-attn-mlp,b:0*-0.3",
        "linear(0*0.6:b:0*0.5),task(1:b:1*0.75:b:2*-0.1),2",
        "0,ties(1:2*0.3~0.1:b:1*0.5~0.25),ties(2:b:2~0.5)",
        "dare(0:b:0*0.8~0.3:1*0.1~0.5:seed7),1,dare(2:b:2~0.25:seed9223372036854775807)",
    ],
    "random-llama3": [
        "0-1,3",
        "0-2,2-3,3",
        "3,0,2,1",
        "0-1,avg(1:2),avg(2:3)",
        "0-1,zero(1),2-3,zero(3)",
        "0-2,1-3",
        "0,avg(1:2:3),avg0(0:3),3",
        "0,lerp(1:2:0.125),slerp(2:3:0.6),3",
        "0*0.9,1-attn,2-mlp*0.25,zero(2)*0.5,3-attn-mlp,avg(0:3)*0.7",
        "0,linear(1*1.5:2*-0.4),2,task(3:0*0.2:1*0.3)",
        "0,ties(1:0*0.5~0.3:2*0.4~0.3:3*0.6~0.3),3",
        "0,dare(1:2*0.5~0.1:3*-0.5~0.9:seed0),2-3",
    ],
    "random-mistral": [
        "1-2",
        "0-2,2",
        "0,2,1",
        "0,avg(0:1),1,avg(1:2)",
        "0,zero(0),1,zero(1),2,zero(2)",
        "0-1,0-2",
        "avg(0:1:2),avg0(1:2),2",
        "lerp(0:1:0.9),slerp(1:2:0.5),2",
        "0-mlp,1-attn*1.5,2*0.1,avg(0:2)*0.7",
        "linear(0*0.3:1*0.3:2*0.3),1,task(2:0*0.5:1*-0.5)",
        "0,ties(1:0*0.2~0.5:2*0.8~0.05),2",
        "0-1,dare(2:0*0.5~0.5:1*0.5~0.5:seed123456789)",
    ],
}


class Checkpoint:
    """A checkpoint's layers as float32 and the torch types that its file has."""

    def __init__(self, directory):
        self.tensors = {}
        for file in sorted(directory.glob("*.safetensors")):
            with safe_open(file, "pt") as content:
                self.tensors |= {name: content.get_tensor(name) for name in content.keys()}

    def stored(self, layer, tensor):
        return self.tensors[f"model.layers.{layer}.{tensor}"]

    def values(self, layer, tensor):
        return self.stored(layer, tensor).float().numpy().reshape(-1)


def items(arguments):
    """The parts of a recipe: (checkpoint, layer, weight, density) tuples and, where they are no layers, bare texts."""
    parts = arguments.split(":")
    while parts:
        part = parts.pop(0)
        name = ""
        if re.fullmatch(r"[A-Za-z][\w./-]*", part) and not re.fullmatch(r"seed\d+", part):
            name, part = part, parts.pop(0)
        found = re.fullmatch(r"(\d+)(?:\*(-?[\d.]+))?(?:~([\d.]+))?", part)
        yield (name, int(found[1]), Decimal(found[2] or 1), Decimal(found[3] or 1)) if found else part


def slots(layout):
    """(recipe kind, items, attention scale, MLP scale, text without gates) of each slot."""
    for text in layout.split(","):
        body, gates = re.fullmatch(r"(.*?)((?:-attn)?(?:-mlp)?(?:\*-?[\d.]+)?)", text).groups()
        scale = float(gates.partition("*")[2] or 1)
        factors = tuple(0.0 if off in gates else scale for off in ("-attn", "-mlp"))
        run = re.fullmatch(r"(?:([A-Za-z][\w./-]*):)?(\d+)(?:-(\d+))?", body)
        if run:
            for layer in range(int(run[2]), int(run[3] or run[2]) + 1):
                name = run[1] or ""
                yield "plain", [(name, layer, Decimal(1), Decimal(1))], *factors, f"{name}:{layer}".lstrip(":")
        else:
            kind, arguments = re.fullmatch(r"(\w+)\((.*)\)", body).groups()
            yield kind, list(items(arguments)), *factors, body


F = numpy.float32
GAMMA = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def mix(z):
    """SplitMix64's mixing function, of one number."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def name_hash(text):
    """h = 31 h + c over the characters, as a signed 32-bit number."""
    h = 0
    for c in text:
        h = (31 * h + ord(c)) & 0xFFFFFFFF
    return h - (1 << 32) if h >= 1 << 31 else h


def kept(seed, layer, donor, tensor, count, density):
    """Which entries DARE keeps."""
    key = mix(seed)
    for part in (layer, donor, name_hash(tensor)):
        key = mix((key + part) & MASK)
    z = (numpy.uint64(key) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(GAMMA)).astype(numpy.uint64)
    z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> numpy.uint64(31))) >> numpy.uint64(11)) < numpy.uint64(int(density * (1 << 53)))


def weighted(weights, values):
    out = F(weights[0]) * values[0]
    for weight, value in zip(weights[1:], values[1:]):
        out = out + F(weight) * value
    return out


def trimmed(difference, density):
    keep = max(1, int(density * len(difference)))
    order = numpy.argsort(-numpy.abs(difference), kind="stable")[:keep]
    out = numpy.zeros_like(difference)
    out[order] = difference[order]
    return out


def ties(base, donors, weights, densities):
    parts = numpy.stack([trimmed(d - base, p) * F(w) for d, w, p in zip(donors, weights, densities)])
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    agreeing = numpy.where(numpy.sign(parts) == numpy.sign(total), parts, F(0)) * (total != 0)
    sum_, weight = F(0) * total, F(0) * total
    for part, factor in zip(agreeing, weights):
        sum_ = sum_ + part
        weight = weight + numpy.where(part != 0, F(factor), F(0))
    return base + numpy.divide(sum_, weight, out=numpy.zeros_like(base), where=weight != 0)


def slerp(a, b, t):
    x, y = a.astype(numpy.float64), b.astype(numpy.float64)
    lengths = math.sqrt(x @ x) * math.sqrt(y @ y)
    cosine = (x @ y) / lengths if lengths else math.nan
    if not abs(cosine) <= 0.9995:
        return weighted((1 - t, t), (a, b))
    angle = math.acos(cosine)
    way = float(t)
    return weighted([math.sin((1 - way) * angle) / math.sin(angle), math.sin(way * angle) / math.sin(angle)], (a, b))


def computed(kind, parts, tensor, checkpoints):
    """float32 values of a recipe's tensor."""
    layers = [part for part in parts if isinstance(part, tuple)]
    rest = [part for part in parts if not isinstance(part, tuple)]
    if kind in ("lerp", "slerp") and len(layers) == 3:  # a t of 0 or 1 would look like a layer; the layouts have none
        raise ValueError(parts)
    values = [checkpoints[name].values(layer, tensor) for name, layer, _, _ in layers]
    weights = [part[2] for part in layers]
    densities = [part[3] for part in layers]
    match kind:
        case "avg" | "avg0":
            total = values[0]
            for value in values[1:]:
                total = total + value
            return total / F(len(values))
        case "lerp":
            return weighted((1 - Decimal(rest[0]), Decimal(rest[0])), values)
        case "slerp":
            return slerp(*values, Decimal(rest[0]))
        case "linear":
            return weighted(weights, values)
        case "task":
            return weighted(weights[1:], [value - values[0] for value in values[1:]]) + values[0]
        case "ties":
            return ties(values[0], values[1:], weights[1:], densities[1:])
        case "dare":
            seed = int(rest[0].removeprefix("seed"))
            total = numpy.zeros_like(values[0])
            for donor, value in enumerate(values[1:]):
                factor = F(float(weights[donor + 1]) / float(densities[donor + 1]))
                keep = kept(seed, layers[0][1], donor, tensor, len(value), densities[donor + 1])
                total = numpy.where(keep, total + factor * (value - values[0]), total)
            return total + values[0]
    raise ValueError(kind)


def block(kind, parts, checkpoints):
    """The nine tensors of a slot's block, in the types in which they are kept."""
    tensors = {}
    for tensor in TENSORS:
        home = checkpoints[""].stored(0, tensor)
        if kind in ("zero", "avg0") and tensor in SILENCED:
            tensors[tensor] = torch.zeros_like(home)
        elif kind in ("plain", "zero"):
            name, layer, _, _ = parts[0]
            tensors[tensor] = checkpoints[name].stored(layer, tensor)
        else:
            values = torch.from_numpy(computed(kind, parts, tensor, checkpoints))
            assert values.dtype == torch.float32
            tensors[tensor] = values.to(home.dtype).reshape(home.shape)
    return tensors


def digest(tensor):
    return hashlib.sha256(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()[:16]


@torch.no_grad()
def edited(model, layout, checkpoints):
    """A model with that stack, and the digests of its derived blocks."""
    layers, digests = [], {}
    for place, (kind, parts, attention, mlp, text) in enumerate(slots(layout)):
        tensors = block(kind, parts, checkpoints)
        if kind != "plain":
            digests[text] = {name: digest(tensor) for name, tensor in tensors.items()}
        layer = copy.deepcopy(model.model.layers[0])
        layer.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=True)
        layer.self_attn.layer_idx = place
        layer.self_attn.o_proj.weight.mul_(attention)
        layer.mlp.down_proj.weight.mul_(mlp)
        layers.append(layer)
    other = copy.copy(model)
    other.config = copy.deepcopy(model.config)
    other.config.num_hidden_layers = len(layers)
    if getattr(other.config, "layer_types", None):
        other.config.layer_types = other.config.layer_types[:1] * len(layers)
    other._modules = dict(model._modules)
    other._modules["model"] = copy.copy(model.model)
    other.model._modules = dict(model.model._modules)
    other.model._modules["layers"] = torch.nn.ModuleList(layers)
    other.model.config = other.config
    return other, digests


def load(directory):
    return AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager").eval()


def golden(name):
    directory = TEST_DATA / name
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = load(directory)
    others = OTHERS.get(name, {})
    checkpoints = {"": Checkpoint(directory)} | {alias: Checkpoint(TEST_DATA / other) for alias, other in others.items()}
    prompts = [{"name": prompt, "ids": tokenizer(PROMPTS[prompt]).input_ids} for prompt in PROMPT_NAMES]
    base = [score(model, prompt["ids"], False)["logprobs"] for prompt in prompts]
    layouts = []
    for layout in LAYOUTS[name]:
        stack, digests = edited(model, layout, checkpoints)
        answers = []
        for prompt in prompts:
            found = score(stack, prompt["ids"], False) | {"greedy": greedy(stack, prompt["ids"])}
            answers.append(found)
        moved = max(
            abs(a - b) for one, other in zip(answers, base) for a, b in zip(one["logprobs"][1:], other[1:])
        )
        gap = min(min(answer["greedy"]["gaps"]) for answer in answers)
        print(f"{name:<15} moved {moved:8.4f} gap {gap:.5f} {layout}", flush=True)
        heard = [parts for kind, parts, attention, mlp, _ in slots(layout) if kind not in ("zero", "avg0") and (attention or mlp)]
        same = heard == [[("", layer, Decimal(1), Decimal(1))] for layer in range(model.config.num_hidden_layers)]
        assert moved == 0 if same else moved > 0.01, layout
        layouts.append({"layout": layout, "tensors": digests, "answers": answers})
    lengths = [len(prompt["ids"]) for prompt in prompts]
    assert name != "random-mistral" or max(lengths) > model.config.sliding_window, lengths
    assert len(layouts) == 12
    return {"model": name, "others": others, "prompts": prompts, "layouts": layouts}


def write(file, value):
    text = json.dumps(value, separators=(",", ":"))
    for mark in ('{"name":', '{"layout":', '"answers":', '{"logprobs":'):
        text = text.replace(mark, "\n" + mark)
    file.write_text(text + "\n")
    assert file.stat().st_size < 375_000, file.stat().st_size


def check(name, layout, directory):
    """Whether transformers gets a layout's numbers from an exported checkpoint."""
    value = json.loads((TEST_DATA / "golden" / f"layouts-{name}.json").read_text())
    expected = next(entry for entry in value["layouts"] if entry["layout"] == layout)
    model = load(Path(directory))
    worst = 0
    for prompt, answer in zip(value["prompts"], expected["answers"]):
        found = score(model, prompt["ids"], False)["logprobs"]
        worst = max([worst] + [abs(a - b) for a, b in zip(found[1:], answer["logprobs"][1:])])
        tokens = greedy(model, prompt["ids"])["ids"]
        for token, wanted, gap in zip(tokens, answer["greedy"]["ids"], answer["greedy"]["gaps"]):
            if gap <= 2 * TOLERANCE:
                break
            assert token == wanted, (prompt["name"], tokens, answer["greedy"]["ids"])
    print(f"{worst:.2e} {layout}")
    return worst <= TOLERANCE


if __name__ == "__main__":
    torch.manual_seed(0)
    if sys.argv[1:2] == ["--check"]:
        sys.exit(0 if check(*sys.argv[2:]) else 1)
    for name in sys.argv[1:] or LAYOUTS:
        write(TEST_DATA / "golden" / f"layouts-{name}.json", golden(name))
