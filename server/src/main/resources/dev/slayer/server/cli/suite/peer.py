"""transformers and PyTorch beside Slayer: decode, prefill and training steps of a model of random weights, given by its config.

    python3 peer.py CONFIG_FOLDER DEVICE SECONDS SETTINGS

SETTINGS is a JSON object: batches, decode_prompt, decode_tokens, prefill_prompts, prefill_length, train_rows, train_length.
Prints a JSON object a line: what was measured, or {"absent": why nothing can be}. Stops when the seconds are over. Decoding
and prefill in bfloat16 on CUDA, else in float32; trained weights are float32, products bfloat16 on CUDA.
"""

import json
import statistics
import sys
import time

STARTED = time.perf_counter()


def say(**fields):
    print(json.dumps(fields), flush=True)


try:
    import torch
    import transformers
except ImportError as missing:
    say(absent=f"python3 has no {missing.name}")
    sys.exit(0)

folder, device, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
given = json.loads(sys.argv[4])
cuda = device.startswith("cuda")
if cuda and not torch.cuda.is_available():
    say(absent=f"torch {torch.__version__} of python3 finds no CUDA")
    sys.exit(0)

versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
config = transformers.AutoConfig.from_pretrained(folder)
dtype = torch.bfloat16 if cuda else torch.float32
torch.manual_seed(1)


def left():
    return seconds - (time.perf_counter() - STARTED)


def synchronize():
    if cuda:
        torch.cuda.synchronize()


def build(type_, layers=None):
    if layers:
        config.num_hidden_layers = layers
    with torch.device(device):
        return transformers.AutoModelForCausalLM.from_config(config).to(type_)


def random_tokens(rows, length):
    return torch.randint(0, config.vocab_size, (rows, length), device=device)


@torch.inference_mode()
def decode(model, batch):
    out = model(input_ids=random_tokens(batch, given["decode_prompt"]), use_cache=True, logits_to_keep=1)
    token = out.logits[:, -1].argmax(-1, keepdim=True)
    times = []
    for _ in range(given["decode_tokens"]):
        synchronize()
        begun = time.perf_counter()
        out = model(input_ids=token, past_key_values=out.past_key_values, use_cache=True)
        token = out.logits[:, -1].argmax(-1, keepdim=True)
        synchronize()
        times.append(time.perf_counter() - begun)
        if left() < 0:
            break
    step = statistics.median(times[len(times) // 4 :])  # the first ones load kernels
    rows = given["decode_prompt"] + len(times) / 2
    say(kind="decode", batch=batch, rows=rows, rate=batch / step, note=f"{step * 1e3:.3f} ms a step, {versions}")


@torch.inference_mode()
def prefill(model):
    prompts = [random_tokens(1, given["prefill_length"]) for _ in range(given["prefill_prompts"])]
    model(input_ids=prompts[0], logits_to_keep=1)
    synchronize()
    begun = time.perf_counter()
    done = 0
    for prompt in prompts:
        model(input_ids=prompt, logits_to_keep=1)
        synchronize()
        done += 1
        if left() < 0:
            break
    rate = done * given["prefill_length"] / (time.perf_counter() - begun)
    say(kind="prefill", prompts=done, rate=rate, note=f"{done} prompts one by one, {versions}")


def train(layers):
    model = build(torch.float32, layers)
    model.gradient_checkpointing_enable()
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, betas=(0.9, 0.95), weight_decay=0.1)
    times = []
    for step in range(5):
        tokens = random_tokens(given["train_rows"], given["train_length"])
        synchronize()
        begun = time.perf_counter()
        with torch.autocast(device.split(":")[0], dtype=torch.bfloat16, enabled=cuda):
            loss = model(tokens, labels=tokens, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        synchronize()
        if step > 1:
            times.append(time.perf_counter() - begun)
        if left() < 0 and times:
            break
    rate = given["train_rows"] * given["train_length"] / statistics.median(times)
    say(kind="training", layers=layers, rate=rate, note=f"{layers} layers, checkpointing, {versions}")


def training():
    for layers in given["train_layers"]:
        try:
            train(layers)
            return
        except torch.cuda.OutOfMemoryError:
            torch.cuda.empty_cache()
        if left() < 0:
            return


model = build(dtype).eval()
for size in given["batches"]:
    if left() > 0:
        try:
            decode(model, size)
        except torch.cuda.OutOfMemoryError:
            say(failed=f"decode, batch {size}: out of memory")
if left() > 0:
    prefill(model)
del model
if cuda:
    torch.cuda.empty_cache()
if left() > 0:
    training()
