"""Time of full fine-tuning steps by PyTorch and transformers, for ./slayer train --time-steps --peer PYTHON.

    python clients/python/training_steps.py CHECKPOINT ROWS LENGTH STEPS THREADS

Float32, AdamW (betas 0.9/0.95, decay 0.1), gradients clipped to 1, random tokens: what the Java side does. Prints
median seconds a step, and the peak of resident memory in MiB. Needs torch and transformers.
"""

import resource
import statistics
import sys
import time

import torch
import transformers

WARMUP = 2


def main():
    checkpoint = sys.argv[1]
    rows, length, steps, threads = map(int, sys.argv[2:6])
    if threads:
        torch.set_num_threads(threads)
    model = transformers.AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, betas=(0.9, 0.95), weight_decay=0.1)
    seconds = []
    for _ in range(WARMUP + steps):
        tokens = torch.randint(0, model.config.vocab_size, (rows, length))
        begun = time.perf_counter()
        model(tokens, labels=tokens, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{statistics.median(seconds[WARMUP:]):.4f} {peak}")


if __name__ == "__main__":
    main()
