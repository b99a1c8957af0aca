"""Gradients and losses of a few training steps by PyTorch, for TrainingGoldenTest: test-data/golden/training-NAME.json.

    pip install -r test-data/make/requirements.txt
    python test-data/make/make_golden_training.py

For each checkpoint and each method (whole weights of some slots, all weights, LoRA, AdaLoRA, adapters): the layout is built by editing
model.layers, parameters that the method adds get first values from a formula that the test knows too, then STEPS steps of
torch.optim.AdamW are made in float32. Written down are the loss of each step, the norm of each parameter's first gradient, some
of its entries, and some entries of the parameter after the last step.
"""

import copy
import json
import math
import pathlib
import sys

import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHECKPOINTS = {"slayer-tiny": "0-3,avg(3:4),4-9,avg(10:11)", "random-llama2": "0-1,avg(1:2),2", "random-llama3": "0,avg(0:1),1", "random-mistral": "0-1,avg(1:2),2"}
TRAINED = {"slayer-tiny": [4, 11], "random-llama2": [2], "random-llama3": [1], "random-mistral": [2]}
MATRICES = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
STEPS, RATE, BETAS, DECAY, CLIP = 4, 1e-3, (0.9, 0.95), 0.1, 1.0
RANK, ALPHA, TARGET, WARMUP, SETTLED, INTERVAL, ORTHOGONALITY, SIZE = 4, 8.0, 2, 1, 1, 1, 0.5, 8
ENTRIES = 4


def formula(shape, number, size):
    """The same numbers in Java: size * sin(0.7 * i + number)."""
    count = math.prod(shape)
    values = torch.arange(count, dtype=torch.float64)
    return (size * torch.sin(0.7 * values + number)).reshape(shape).float()


def tokens(vocabulary):
    """Two rows of 24 tokens, by a formula that the test knows too."""
    return torch.tensor([[(row * 131 + place * place * 7 + place * 31) % (vocabulary - 4) + 4 for place in range(24)] for row in range(2)])


def expand(model, layout):
    layers = []
    old = model.model.layers
    kind = transformers.AutoConfig.from_pretrained(model.config._name_or_path).dtype
    for item in layout.split(","):
        if item.startswith("avg("):
            numbers = [int(number) for number in item[4:-1].split(":")]
            made = copy.deepcopy(old[numbers[0]])
            for name, value in made.named_parameters():
                mean = sum(dict(old[number].named_parameters())[name].data.double() for number in numbers) / len(numbers)
                value.data.copy_(mean.float().to(kind).float())
            layers.append(made)
        else:
            first, _, last = item.partition("-")
            layers += [copy.deepcopy(old[number]) for number in range(int(first), int(last or first) + 1)]
    for number, layer in enumerate(layers):
        layer.self_attn.layer_idx = number
    model.model.layers = torch.nn.ModuleList(layers)
    model.config.num_hidden_layers = len(layers)
    return model


class LowRank(torch.nn.Module):
    def __init__(self, inner, name, adaptive, number, parameters):
        super().__init__()
        self.inner, self.adaptive = inner, adaptive
        out, into = inner.weight.shape
        self.a = torch.nn.Parameter(formula((RANK, into), number, 0.1))
        self.b = torch.nn.Parameter(formula((out, RANK), number + 1, 0.1))
        parameters[name + ".lora_A.weight"] = self.a
        parameters[name + ".lora_B.weight"] = self.b
        if adaptive:
            self.e = torch.nn.Parameter(formula((RANK,), number + 2, 0.1))
            parameters[name + ".lora_E.weight"] = self.e

    def forward(self, x):
        low = x @ self.a.T
        if self.adaptive:
            low = low * self.e
        return self.inner(x) + ALPHA / RANK * (low @ self.b.T)


class Adapted(torch.nn.Module):
    def __init__(self, inner, prefix, hidden, number, parameters):
        super().__init__()
        self.inner = inner
        self.down, self.up = torch.nn.Linear(hidden, SIZE), torch.nn.Linear(SIZE, hidden)
        for offset, (name, value) in enumerate([*self.down.named_parameters("down"), *self.up.named_parameters("up")]):
            value.data.copy_(formula(tuple(value.shape), number + offset, 0.1))
            parameters[f"{prefix}.adapter.{name}"] = value

    def forward(self, *args, **kwargs):
        y = self.inner(*args, **kwargs)
        return y + self.up(torch.nn.functional.gelu(self.down(y)))


def parameters_of(model, method, slots):
    if method == "weights":
        # A head that is trained alone is no longer the embedding.
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.data.clone())
    for value in model.parameters():
        value.requires_grad_(False)
    layers = model.model.layers
    named = {name: value for name, value in model.named_parameters()}
    parameters = {}
    if method == "weights":
        chosen = [name for name in named if any(name.startswith(f"model.layers.{slot}.") for slot in slots)]
        parameters = {name: named[name] for name in [*chosen, "lm_head.weight"]}
    elif method == "full":
        parameters = named
    elif method in ("lora", "adalora"):
        number = 0
        for slot in slots:
            for matrix in MATRICES:
                part, name = matrix.split(".")
                parent = getattr(layers[slot], part)
                low = LowRank(getattr(parent, name), f"model.layers.{slot}.{matrix}", method == "adalora", number, parameters)
                setattr(parent, name, low)
                number += 3
    else:
        number, hidden = 0, model.config.hidden_size
        for slot in slots:
            attention, mlp = layers[slot].self_attn, layers[slot].mlp
            attention.o_proj = Adapted(attention.o_proj, f"model.layers.{slot}.self_attn", hidden, number, parameters)
            layers[slot].mlp = Adapted(mlp, f"model.layers.{slot}.mlp", hidden, number + 4, parameters)
            number += 8
    for value in parameters.values():
        value.requires_grad_(True)
    return parameters


def orthogonality(parameters):
    norms = []
    for name, value in parameters.items():
        if "lora_A" in name:
            norms.append(torch.norm(value @ value.T - torch.eye(RANK)))
        elif "lora_B" in name:
            norms.append(torch.norm(value.T @ value - torch.eye(RANK)))
    return ORTHOGONALITY * sum(norms) / len(norms)


class Ranks:
    """AdaLoRA's allocator, as its paper describes it."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.mean = {name: torch.zeros_like(value) for name, value in parameters.items()}
        self.spread = {name: torch.zeros_like(value) for name, value in parameters.items()}
        self.names = [name[: -len(".lora_A.weight")] for name in parameters if "lora_A" in name]
        self.left = {name: torch.ones(RANK) for name in self.names}

    def update(self, step):
        end = STEPS - SETTLED
        if step < end:
            for name, value in self.parameters.items():
                now = (value.data * value.grad).abs()
                self.mean[name] = 0.85 * self.mean[name] + 0.15 * now
                self.spread[name] = 0.85 * self.spread[name] + 0.15 * (now - self.mean[name]).abs()
        if WARMUP < step <= end and (step == end or step % INTERVAL == 0):
            rest = max(0.0, 1 - (step - WARMUP) / (end - WARMUP))
            budget = len(self.names) * TARGET + int((RANK - TARGET) * len(self.names) * rest**3)
            scores = torch.cat([self.score(name) for name in self.names])
            kept = set(torch.sort(scores, descending=True, stable=True).indices[:budget].tolist())
            for number, name in enumerate(self.names):
                self.left[name] = torch.tensor([float(number * RANK + entry in kept) for entry in range(RANK)])
        for name in self.names:
            self.parameters[name + ".lora_E.weight"].data.mul_(self.left[name])

    def score(self, name):
        def of(factor):
            return self.mean[f"{name}.{factor}.weight"] * self.spread[f"{name}.{factor}.weight"]

        return of("lora_E") + of("lora_A").mean(dim=1) + of("lora_B").mean(dim=0)


def run(checkpoint, method):
    model = transformers.AutoModelForCausalLM.from_pretrained(ROOT / "test-data" / checkpoint, dtype=torch.float32)
    model = expand(model, CHECKPOINTS[checkpoint])
    parameters = parameters_of(model, method, TRAINED[checkpoint])
    decays = [value for name, value in parameters.items() if value.dim() == 2 or name.endswith("lora_E.weight")]
    rest = [value for name, value in parameters.items() if value.dim() < 2 and not name.endswith("lora_E.weight")]
    groups = [{"params": decays, "weight_decay": DECAY}] + ([{"params": rest, "weight_decay": 0.0}] if rest else [])
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=BETAS, eps=1e-8)
    ids = tokens(model.config.vocab_size)
    ranks = Ranks(parameters) if method == "adalora" else None
    losses, gradients = [], {}
    for step in range(1, STEPS + 1):
        loss = model(ids, labels=ids, use_cache=False).loss
        losses.append(loss.item())
        (loss + orthogonality(parameters) if ranks else loss).backward()
        if step == 1:
            gradients = {
                name: {"norm": value.grad.norm().item(), "entries": value.grad.flatten()[:ENTRIES].tolist()} for name, value in parameters.items()
            }
        torch.nn.utils.clip_grad_norm_(parameters.values(), CLIP)
        optimizer.step()
        if ranks:
            ranks.update(step)
        optimizer.zero_grad()
    after = {name: value.data.flatten()[:ENTRIES].tolist() for name, value in parameters.items()}
    answer = {"losses": losses, "gradients": gradients, "after": after}
    if ranks:
        answer["ranks"] = {name: int(ranks.left[name].sum()) for name in ranks.names}
    return answer


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.8g}")
    if isinstance(value, list):
        return [rounded(one) for one in value]
    if isinstance(value, dict):
        return {name: rounded(one) for name, one in value.items()}
    return value


def main():
    torch.set_num_threads(1)
    for checkpoint in sys.argv[1:] or CHECKPOINTS:
        methods = ["weights", "full", "lora", "adalora", "adapters"]
        answer = {
            "layout": CHECKPOINTS[checkpoint],
            "slots": TRAINED[checkpoint],
            "methods": {method: run(checkpoint, method) for method in methods},
        }
        for method, numbers in answer["methods"].items():
            print(checkpoint, method, [round(loss, 5) for loss in numbers["losses"]], numbers.get("ranks", ""))
        path = ROOT / "test-data" / "golden" / f"training-{checkpoint}.json"
        path.write_text(json.dumps(rounded(answer), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
