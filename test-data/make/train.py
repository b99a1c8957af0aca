"""Trains slayer-tiny.

    python train.py CORPUS_DIR TOKENIZER_DIR OUT_DIR [minutes]

A Llama of 12 layers, 5.7 M parameters; documents of four domains are packed into rows, of 256 tokens for the first three quarters
of the time (attention over short rows is three times cheaper on a CPU), then of 1,024. Matrices are trained by Muon, the rest by
AdamW, with a trapezoid schedule that ends when the given minutes have passed. Writes OUT_DIR as
save_pretrained does (bf16) and OUT_DIR/../log.jsonl with train and held-out losses per domain.
"""

import json
import math
import random
import shutil
import sys
import time
from pathlib import Path

import torch
from transformers import AttentionInterface, AutoTokenizer, GenerationConfig, LlamaConfig, LlamaForCausalLM

CORPUS, TOKENIZER, OUT = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
MINUTES = float(sys.argv[4]) if len(sys.argv) > 4 else 90
WINDOW, BATCH = 1024, 8  # BATCH * WINDOW tokens a step, however long the rows are
SHORT, SHORT_SHARE = 256, 0.75
SHARES = {"prose": 0.42, "code": 0.33, "arithmetic": 0.19, "chat": 0.06}  # of the rows of a batch, in expectation
torch.manual_seed(20261121)
rng = random.Random(20261121)



def attend(module, q, k, v, mask, scaling, **_):
    """Causal attention, q [rows, heads, tokens, 32]. Two matrix products beat the fused kernel on short rows on a CPU."""
    groups = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
    if q.shape[2] > SHORT:
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2), None
    future = torch.full((q.shape[2], q.shape[2]), float("-inf"), dtype=q.dtype).triu(1)
    scores = torch.baddbmm(future, q.flatten(0, 1), k.flatten(0, 1).transpose(1, 2), alpha=scaling)
    return scores.softmax(-1).bmm(v.flatten(0, 1)).view_as(q).transpose(1, 2), None


AttentionInterface.register("short_rows", attend)
tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
config = LlamaConfig(
    vocab_size=len(tokenizer), hidden_size=192, intermediate_size=512, num_hidden_layers=12, num_attention_heads=6,
    num_key_value_heads=3, max_position_embeddings=WINDOW, rms_norm_eps=1e-5, tie_word_embeddings=False,
    bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, attn_implementation="short_rows",
)


def render(domain, text):
    """Token ids of one document, BOS and EOS included."""
    if domain == "chat":
        question, answer = json.loads(text)
        messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        text = tokenizer.apply_chat_template(messages, tokenize=False)
        return tokenizer(text, add_special_tokens=False).input_ids + [tokenizer.eos_token_id]
    return tokenizer(text).input_ids + [tokenizer.eos_token_id]


def stream(domain, side):
    """All tokens of a domain, documents in a fixed random order: [tokens]."""
    documents = [json.loads(line)["text"] for line in open(CORPUS / f"{domain}.{side}.jsonl")]
    rng.shuffle(documents)
    ids = []
    for text in documents:
        ids.extend(render(domain, text))
    return torch.tensor(ids, dtype=torch.long)


train = {d: stream(d, "train") for d in SHARES}
held = {d: stream(d, "heldout")[: 24 * WINDOW] for d in SHARES}
print({d: (len(train[d]), len(held[d])) for d in SHARES}, flush=True)
cursor = {d: 0 for d in SHARES}


def next_row(domain, tokens):
    """One row [tokens + 1]; the stream starts again when it is used up, at another offset."""
    at = cursor[domain]
    if at + tokens + 1 > len(train[domain]):
        at = rng.randrange(tokens)
    cursor[domain] = at + tokens
    return train[domain][at : at + tokens + 1]


def batch(tokens):
    rows = BATCH * WINDOW // tokens
    domains = rng.choices(list(SHARES), weights=list(SHARES.values()), k=rows)
    return torch.stack([next_row(d, tokens) for d in domains])


model = LlamaForCausalLM(config)
print("parameters", sum(p.numel() for p in model.parameters()), flush=True)
matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "layers" in n]
others = [p for n, p in model.named_parameters() if not (p.ndim == 2 and "layers" in n)]
optimizers = [
    torch.optim.Muon(matrices, lr=0.02, momentum=0.95, weight_decay=0.01),
    torch.optim.AdamW(others, lr=3e-3, betas=(0.9, 0.95), weight_decay=0.0),
]
peaks = [group["lr"] for o in optimizers for group in o.param_groups]


def rate(progress, step):
    """Warm-up over 50 steps, flat, then linear to zero over the last 45 percent of the time."""
    return min(1.0, (step + 1) / 50) * min(1.0, max(0.0, (1 - progress) / 0.45))


def loss_of(rows):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = model.model(input_ids=rows[:, :-1], use_cache=False).last_hidden_state
        logits = model.lm_head(hidden)
    return torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), rows[:, 1:].flatten())


@torch.no_grad()
def evaluate(streams):
    model.eval()
    out = {}
    for domain, ids in streams.items():
        rows = ids[: (len(ids) - 1) // WINDOW * WINDOW + 1]
        rows = torch.stack([rows[i : i + WINDOW + 1] for i in range(0, len(rows) - 1, WINDOW)])
        out[domain] = round(sum(loss_of(r).item() * len(r) for r in rows.split(8)) / len(rows), 4)
    model.train()
    return out


OUT.mkdir(parents=True, exist_ok=True)
log = open(OUT.parent / "log.jsonl", "a")
start, step, smooth = time.time(), 0, None
while (progress := (time.time() - start) / (MINUTES * 60)) < 1:
    for (optimizer, group), peak in zip([(o, g) for o in optimizers for g in o.param_groups], peaks):
        group["lr"] = peak * rate(progress, step)
    loss = loss_of(batch(SHORT if progress < SHORT_SHARE else WINDOW))
    if not math.isfinite(loss.item()):
        raise SystemExit(f"loss is {loss.item()} at step {step}")
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    smooth = loss.item() if smooth is None else 0.98 * smooth + 0.02 * loss.item()
    step += 1
    if step % 250 == 0 or step == 20:
        row = {"step": step, "tokens": step * BATCH * WINDOW, "minutes": round((time.time() - start) / 60, 2),
               "train": round(smooth, 4), "heldout": evaluate(held) if step % 500 == 0 else None}
        print(json.dumps(row), flush=True)
        log.write(json.dumps(row) + "\n")
        log.flush()

final = {"steps": step, "tokens": step * BATCH * WINDOW, "minutes": round((time.time() - start) / 60, 1)}
model.to(torch.bfloat16)  # the losses below are those of the weights that are saved
model.config.dtype = torch.bfloat16
final["train"] = evaluate({d: train[d][: 24 * WINDOW] for d in SHARES})
final["heldout"] = evaluate(held)
stops = [config.eos_token_id, tokenizer.convert_tokens_to_ids("<|im_end|>")]
model.generation_config = GenerationConfig(bos_token_id=config.bos_token_id, eos_token_id=stops)
model.save_pretrained(OUT)
for name in ("tokenizer.json", "tokenizer_config.json"):
    shutil.copy(TOKENIZER / name, OUT / name)
print(json.dumps(final, indent=2))
(OUT.parent / "final.json").write_text(json.dumps(final, indent=2))
