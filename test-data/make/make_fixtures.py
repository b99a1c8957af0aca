"""Makes the checkpoints with random weights, and the transformers 4 form of every config.

    python make_fixtures.py CORPUS_DIR [TEST_DATA_DIR]

CORPUS_DIR is what corpus.py wrote; only the tokenizers are trained on it. Writes TEST_DATA_DIR/random-{llama2,llama2-b,llama3,mistral}
as save_pretrained does, and beside every config.json (transformers 5 form) a config.transformers4.json that says the same in the
words of transformers 4 (`torch_dtype`, `rope_theta`, `rope_scaling`). Weights are drawn wide enough that the logits are far
from flat; norms are drawn too, so that a forgotten norm weight shows.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForCausalLM, GenerationConfig, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM,
    PreTrainedTokenizerFast,
)

CORPUS = Path(sys.argv[1])
TEST_DATA = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent.parent
TEMPLATES = Path(__file__).parent / "templates"
SPACE = "\u2581"
WINDOW = 1024
LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def texts():
    for domain in ("prose", "code", "arithmetic"):
        left = 60_000 if domain == "arithmetic" else 400_000
        for line in open(CORPUS / f"{domain}.train.jsonl"):
            text = json.loads(line)["text"]
            left -= len(text)
            if left < 0:
                break
            yield text


def sentencepiece_like(vocabulary, prepend):
    """Pieces with U+2581 for the space, bytes to fall back on, BOS in front.

    prepend "normalizer": as Llama-2's converted file does, a space before every stretch of text. "first": as newer Mistral files
    do (Metaspace), a space before the first stretch only.
    """
    special = ["<unk>", "<s>", "</s>"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", SPACE)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(f"{SPACE}*[^{SPACE}\\n]*|\\n"), behavior="isolated")
    alphabet = [chr(c) for c in range(33, 127)] + [SPACE, "\u00e9", "\u00fc", "\u2014"]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=special + [f"<0x{b:02X}>" for b in range(256)], initial_alphabet=alphabet,
        limit_alphabet=len(alphabet), max_token_length=12, show_progress=False,
    )
    tokenizer.train_from_iterator(texts(), trainer)
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = [t for t in state["added_tokens"] if t["content"] in special]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    if prepend == "normalizer":
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
        tokenizer.pre_tokenizer = None
    else:
        tokenizer.normalizer = None
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)]
    )
    return tokenizer


def byte_level(vocabulary):
    """Byte-level BPE with Llama-3's way to split, special tokens behind the vocabulary, BOS in front."""
    special = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3_SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=False),
    ])
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(special), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(texts(), trainer)
    tokenizer.add_special_tokens(special)
    tokenizer.decoder = decoders.ByteLevel()
    bos = tokenizer.token_to_id(special[0])
    template = processors.TemplateProcessing(
        single=f"{special[0]} $A", pair=f"{special[0]} $A {special[0]}:1 $B:1", special_tokens=[(special[0], bos)]
    )
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True), template])
    return tokenizer


def save_tokenizer(tokenizer, directory, template, jinja_file, **special):
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=WINDOW, clean_up_tokenization_spaces=False, **special
    )
    fast.chat_template = (TEMPLATES / template).read_text().rstrip("\n")
    fast.save_pretrained(directory, save_jinja_files=jinja_file)
    # transformers 5 writes the name of its new backend, which transformers 4 does not know; this name loads in both.
    file = directory / "tokenizer_config.json"
    settings = json.loads(file.read_text())
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    file.write_text(json.dumps(settings, indent=2) + "\n")
    return fast


@torch.no_grad()
def randomize(model, seed, embedding, matrix, head):
    """Normal weights with these standard deviations; norm weights around one."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if "norm" in name:
            parameter.copy_(1 + 0.2 * torch.randn(parameter.shape, generator=generator))
        else:
            deviation = embedding if "embed_tokens" in name else head if "lm_head" in name else matrix
            parameter.copy_(deviation * torch.randn(parameter.shape, generator=generator))
    return model.to(torch.bfloat16)


def transformers4(config):
    """The same settings as transformers 4 writes them."""
    old = dict(config)
    old["torch_dtype"] = old.pop("dtype")
    rope = dict(old.pop("rope_parameters"))
    old["rope_theta"] = rope.pop("rope_theta")
    old["rope_scaling"] = None if rope["rope_type"] == "default" else rope
    old["transformers_version"] = "4.46.3"
    if old["pad_token_id"] is None:
        del old["pad_token_id"]
    if old["model_type"] == "llama" and old["head_dim"] * old["num_attention_heads"] == old["hidden_size"]:
        del old["head_dim"]  # early Llama configs do not have it
    return dict(sorted(old.items()))


def write_transformers4(directory):
    config = json.loads((directory / "config.json").read_text())
    text = json.dumps(transformers4(config), indent=2) + "\n"
    (directory / "config.transformers4.json").write_text(text)


def save(name, model, stops, shard="50MB"):
    directory = TEST_DATA / name
    model.config.dtype = model.dtype
    model.generation_config = GenerationConfig(bos_token_id=model.config.bos_token_id, eos_token_id=stops)
    model.save_pretrained(directory, max_shard_size=shard)
    write_transformers4(directory)
    size = sum(f.stat().st_size for f in directory.iterdir())
    print(f"{name:<15} {sum(p.numel() for p in model.parameters()):>8} parameters {size / 1000:7.1f} kB")
    assert size < 600_000, f"{name} has {size} bytes"


def llama2():
    tokenizer = save_tokenizer(
        sentencepiece_like(640, "normalizer"), TEST_DATA / "random-llama2", "llama2.jinja", False,
        bos_token="<s>", eos_token="</s>", unk_token="<unk>",
    )
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=176, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=WINDOW, rms_norm_eps=1e-5, tie_word_embeddings=False,
        bos_token_id=1, eos_token_id=2,
    )
    save("random-llama2", randomize(LlamaForCausalLM(config), 2, 0.3, 0.15, 0.3), 2, shard="150KB")


@torch.no_grad()
def llama2_b():
    """What merges take from: random-llama2 moved a little, as if it had been trained further, in float16."""
    base = TEST_DATA / "random-llama2"
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    generator = torch.Generator().manual_seed(22)
    for parameter in model.parameters():
        parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    save("random-llama2-b", model.to(torch.float16), 2)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(base / name, TEST_DATA / "random-llama2-b" / name)


def llama3():
    tokenizer = save_tokenizer(
        byte_level(768), TEST_DATA / "random-llama3", "llama3.jinja", True,
        bos_token="<|begin_of_text|>", eos_token="<|eot_id|>",
    )
    end = tokenizer.convert_tokens_to_ids("<|end_of_text|>")
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=160, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=WINDOW, rms_norm_eps=1e-5, tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=[end, tokenizer.eos_token_id],
        # Wavelengths beyond 128 tokens are stretched eightfold; that is all but the first two of the eight.
        rope_parameters={
            "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 128,
        },
    )
    save("random-llama3", randomize(LlamaForCausalLM(config), 3, 0.2, 0.2, 0.2), [end, tokenizer.eos_token_id])


def mistral():
    tokenizer = save_tokenizer(
        sentencepiece_like(640, "first"), TEST_DATA / "random-mistral", "mistral.jinja", True,
        bos_token="<s>", eos_token="</s>", unk_token="<unk>",
    )
    config = MistralConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=32, sliding_window=48, max_position_embeddings=WINDOW, rms_norm_eps=1e-6,
        tie_word_embeddings=False, bos_token_id=1, eos_token_id=2,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
    )
    save("random-mistral", randomize(MistralForCausalLM(config), 4, 0.3, 0.15, 0.3), 2)


def both_forms_agree(directory):
    """transformers itself must read the same model from either form."""
    ids = torch.arange(5, 205)[None]
    logits = []
    for form in ("config.json", "config.transformers4.json"):
        kind = {"LlamaForCausalLM": LlamaConfig, "MistralForCausalLM": MistralConfig}
        settings = json.loads((directory / form).read_text())
        config = kind[settings["architectures"][0]](**settings)
        model = AutoModelForCausalLM.from_pretrained(directory, config=config, dtype=torch.float32)
        logits.append(model(ids).logits)
    assert torch.equal(*logits), directory


if __name__ == "__main__":
    llama2()
    llama2_b()
    llama3()
    mistral()
    write_transformers4(TEST_DATA / "slayer-tiny")
    for name in ("random-llama2", "random-llama2-b", "random-llama3", "random-mistral"):
        both_forms_agree(TEST_DATA / name)
