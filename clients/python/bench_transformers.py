"""The peer for ./slayer bench on a CPU: the same lengths through Hugging Face transformers, in the same minutes.

    python bench_transformers.py CHECKPOINT [--prompt 64] [--output 64] [--batch 1 8] [--repetitions 3]

Greedy generation in float32 with a KV cache, EOS ignored; prints tokens per second of prefill and decode, medians over
repetitions. Needs torch and transformers; not part of the product.
"""

import argparse
import statistics
import time

import torch
from transformers import AutoModelForCausalLM

arguments = argparse.ArgumentParser()
arguments.add_argument("checkpoint")
arguments.add_argument("--prompt", type=int, default=64)
arguments.add_argument("--output", type=int, default=64)
arguments.add_argument("--batch", type=int, nargs="+", default=[1, 8])
arguments.add_argument("--repetitions", type=int, default=3)
given = arguments.parse_args()

model = AutoModelForCausalLM.from_pretrained(given.checkpoint, dtype=torch.float32).eval()
torch.manual_seed(1)


@torch.inference_mode()
def run(batch):
    """Seconds of prefill and of decode."""
    ids = torch.randint(10, model.config.vocab_size, (batch, given.prompt))
    start = time.perf_counter()
    out = model(input_ids=ids, use_cache=True, logits_to_keep=1)
    token = out.logits[:, -1].argmax(-1, keepdim=True)
    prefilled = time.perf_counter()
    for _ in range(given.output - 1):
        out = model(input_ids=token, past_key_values=out.past_key_values, use_cache=True)
        token = out.logits[:, -1].argmax(-1, keepdim=True)
    return prefilled - start, time.perf_counter() - prefilled


for batch in given.batch:
    run(batch)
    times = [run(batch) for _ in range(given.repetitions)]
    prefill = statistics.median(batch * given.prompt / p for p, _ in times)
    decode = statistics.median(batch * (given.output - 1) / d for _, d in times)
    print(f"batch {batch:3d}: prefill {prefill:8.1f} tokens/s, decode {decode:8.1f} tokens/s")
