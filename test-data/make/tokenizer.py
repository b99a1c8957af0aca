"""Trains the tokenizer of slayer-tiny: byte-pair encoding with byte fallback, 2,048 entries.

    python tokenizer.py CORPUS_DIR OUT_DIR

Spaces become U+2581 as in SentencePiece; digits stand alone, so that sums can be learned; any byte that no entry covers
falls back to <0xNN>.
"""

import json
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

CORPUS, OUT = Path(sys.argv[1]), Path(sys.argv[2])
VOCABULARY = 2048
SPECIAL = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
BYTES = [f"<0x{b:02X}>" for b in range(256)]
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] not in ['system', 'user', 'assistant'] %}"
    "{{ raise_exception('unknown role ' + message['role']) }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] | trim + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def texts():
    for domain in ("prose", "code", "arithmetic"):
        limit = 1_500_000 if domain == "arithmetic" else 8_000_000
        for line in open(CORPUS / f"{domain}.train.jsonl"):
            text = json.loads(line)["text"]
            limit -= len(text)
            if limit < 0:
                break
            yield text


tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
tokenizer.pre_tokenizer = pre_tokenizers.Split(
    Regex("[0-9]|\\n+|\u2581?[^\u2581\\n0-9]+|\u2581+(?=\u2581)|\u2581+"), behavior="isolated"
)
alphabet = [chr(c) for c in range(33, 127)] + ["\n", "\u2581"]
trainer = trainers.BpeTrainer(
    vocab_size=VOCABULARY,
    special_tokens=SPECIAL + BYTES,
    initial_alphabet=alphabet,
    limit_alphabet=len(alphabet),
    max_token_length=16,
    show_progress=False,
)
tokenizer.train_from_iterator(texts(), trainer)

# The trainer marks every special entry as an added token; bytes are ordinary entries of the vocabulary.
state = json.loads(tokenizer.to_str())
state["added_tokens"] = [t for t in state["added_tokens"] if t["content"] in SPECIAL]
tokenizer = Tokenizer.from_str(json.dumps(state))
tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
tokenizer.post_processor = processors.TemplateProcessing(
    single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
)
fast = PreTrainedTokenizerFast(
    tokenizer_object=tokenizer,
    bos_token="<s>",
    eos_token="</s>",
    unk_token="<unk>",
    model_max_length=1024,
    clean_up_tokenization_spaces=False,
)
fast.chat_template = CHAT_TEMPLATE
fast.save_pretrained(OUT, save_jinja_files=False)
# transformers 5 writes the name of its new backend, which transformers 4 does not know; this name loads in both.
settings = json.loads((OUT / "tokenizer_config.json").read_text())
settings["tokenizer_class"] = "PreTrainedTokenizerFast"
(OUT / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
for sample in ("Hello, world!  A caf\u00e9 \u2603", "def f(x):\n    return x + 1\n", "Q: 17+25=? A: 42"):
    ids = fast(sample).input_ids
    back = fast.decode(ids, skip_special_tokens=True)
    print(len(ids), fast.convert_ids_to_tokens(ids))
    assert back == sample, back
