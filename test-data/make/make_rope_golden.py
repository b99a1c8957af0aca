"""Writes test-data/golden/rope.json: rotary frequencies, cosines and sines as transformers computes them.

    python make_rope_golden.py OUT.json

Each case holds a config.json as a user may have it (in the form of transformers 4 or 5), the length of the sequence that the
model is asked about, and the inverse frequencies, the factor on cos and sin, and some rows of the two tables in float32.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import LlamaConfig, MistralConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding
from transformers.models.mistral.modeling_mistral import MistralRotaryEmbedding

ROWS = [0, 1, 2, 17, 100, 511, 1023]
BASE = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "num_hidden_layers": 1,
    "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 96, "vocab_size": 128,
    "max_position_embeddings": 1024,
}
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}


def v4(scaling=None, theta=10000.0, **more):
    return {**BASE, "torch_dtype": "bfloat16", "rope_theta": theta, "rope_scaling": scaling, **more}


def v5(parameters, **more):
    return {**BASE, "dtype": "bfloat16", "rope_parameters": parameters, **more}


def mistral(**more):
    return {**BASE, "architectures": ["MistralForCausalLM"], "model_type": "mistral", "sliding_window": 16, **more}


CASES = {
    "default, transformers 4": (v4(), 1024),
    "default, transformers 5, head_dim given": (v5({"rope_type": "default", "rope_theta": 500000.0}, head_dim=128), 1024),
    "default, no rope key at all": (dict(BASE), 1024),
    "default, rope_scaling without theta": (v4({"rope_type": "default"}, theta=1e6), 1024),
    "default, theta inside wins": (v5({"rope_type": "default", "rope_theta": 250000.0}, rope_theta=1e4), 1024),
    "default, head_dim null": (v4(theta=75000.5, head_dim=None), 1024),
    "default, mistral": (mistral(head_dim=32, rope_theta=1e6), 1024),
    "linear, type": (v4({"type": "linear", "factor": 2.5}), 1024),
    "linear, rope_type": (v5({"rope_type": "linear", "factor": 8, "rope_theta": 10000.0}, head_dim=64), 1024),
    "linear, both forms, rope_scaling wins": (
        v5({"rope_type": "default", "rope_theta": 20000.0}, rope_scaling={"type": "linear", "factor": 3.0}), 1024),
    "dynamic, within the context": (v4({"type": "dynamic", "factor": 2.0}), 700),
    "dynamic, twice the context": (v4({"type": "dynamic", "factor": 2.0}), 2048),
    "dynamic, just beyond": (v5({"rope_type": "dynamic", "factor": 4.0, "rope_theta": 1e6}, head_dim=64), 1025),
    "dynamic, mistral": (mistral(rope_scaling={"type": "dynamic", "factor": 3.0}, rope_theta=1e5), 3000),
    "llama3, 3.1": (v4({"rope_type": "llama3", **LLAMA3, "original_max_position_embeddings": 256},
                       theta=500000.0, head_dim=128), 1024),
    "llama3, 3.2": (v5({"rope_type": "llama3", **LLAMA3, "factor": 32.0, "original_max_position_embeddings": 512,
                        "rope_theta": 500000.0}, head_dim=64), 1024),
    "llama3, original length left out": (v5({"rope_type": "llama3", **LLAMA3, "rope_theta": 10000.0}), 1024),
    "yarn, plain": (v4({"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 256}), 1024),
    "yarn, wide heads": (v5({"rope_type": "yarn", "factor": 16.0, "original_max_position_embeddings": 64,
                             "rope_theta": 10000.0}, head_dim=128), 1024),
    "yarn, attention factor": (v5({"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 512,
                                   "rope_theta": 1e6, "attention_factor": 0.75}, head_dim=64), 1024),
    "yarn, mscale": (v5({"rope_type": "yarn", "factor": 40.0, "original_max_position_embeddings": 512, "mscale": 0.707,
                         "mscale_all_dim": 1.0, "beta_fast": 16, "beta_slow": 2, "rope_theta": 1e4}, head_dim=64), 1024),
    "yarn, not truncated": (v5({"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 128,
                                "truncate": False, "rope_theta": 150000.0}, head_dim=64), 1024),
    "yarn, truncate null": (v5({"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 128,
                                "truncate": None, "rope_theta": 150000.0}, head_dim=64), 1024),
    "yarn, factor null": (v5({"rope_type": "yarn", "factor": None, "original_max_position_embeddings": 256,
                              "rope_theta": 1e4}, head_dim=64), 1024),
    "yarn, original length outside": (v4({"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128},
                                         original_max_position_embeddings=256), 1024),
    "yarn, original length left out": (v4({"type": "yarn", "factor": 4.0}), 1024),
}


def case(name, config, length):
    kinds = {"llama": (LlamaConfig, LlamaRotaryEmbedding), "mistral": (MistralConfig, MistralRotaryEmbedding)}
    config_class, rope_class = kinds[config["model_type"]]
    rope = rope_class(config_class.from_dict(json.loads(json.dumps(config))))
    rope(torch.zeros(1), torch.arange(length)[None])  # lets a dynamic one grow
    positions = torch.tensor([row for row in ROWS if row < length])
    angles = positions[:, None].float() * rope.inv_freq
    cos, sin = (angles.cos() * rope.attention_scaling, angles.sin() * rope.attention_scaling)
    return {
        "name": name, "config": config, "sequence_length": length, "inv_freq": rope.inv_freq.tolist(),
        "attention_scaling": float(rope.attention_scaling), "rows": positions.tolist(), "cos": cos.tolist(), "sin": sin.tolist(),
    }


def main():
    cases = [case(name, *settings) for name, settings in CASES.items()]
    lines = ",\n".join(json.dumps(one) for one in cases)
    Path(sys.argv[1]).write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
