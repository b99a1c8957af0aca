"""Writes what transformers says of conversations as training data: golden/learned.json.

    python make_golden_learned.py

For the checkpoints with chat templates: conversations, their tokens, and 1 for each token that an assistant's turn consists of, told by
character offsets: the rendering up to the turn, opened for it, and the rendering with it. For slayer-tiny also by transformers' own
assistant mask, from the template with {% generation %} written around the turn; both must be the same.
"""

import json
from pathlib import Path

import jinja2
from transformers import AutoTokenizer

TEST_DATA = Path(__file__).parent.parent
MARKED = (
    "{{ bos_token }}{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] | trim + '<|im_end|>\n' }}{% endgeneration %}{% else %}"
    "{{ message['content'] | trim + '<|im_end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CONVERSATIONS = [
    [("user", "What is 2+2?"), ("assistant", "4")],
    [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello!")],
    [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d e f")],
    [("system", "You know Java."), ("user", "Sum?\n\n1, 2"), ("assistant", "3\n"), ("user", "caf\u00e9 \U0001f984"), ("assistant", "\u65e5\u672c\u8a9e")],
    [("user", "Write code"), ("assistant", "def f(x):\n    return x + 1\n"), ("user", "Thanks")],
    [("user", " x "), ("assistant", "  spaces around  ")],
    [("user", "a"), ("user", "b"), ("assistant", "c")],
]


def learned(tokenizer, messages):
    whole = tokenizer.apply_chat_template(messages, tokenize=False, date_string="26 Jul 2024")
    encoding = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    spans = []
    for i, message in enumerate(messages):
        if message["role"] == "assistant":
            before = tokenizer.apply_chat_template(messages[:i], tokenize=False, add_generation_prompt=True, date_string="26 Jul 2024")
            with_it = tokenizer.apply_chat_template(messages[: i + 1], tokenize=False, date_string="26 Jul 2024")
            if not whole.startswith(before) or not whole.startswith(with_it):
                return None
            spans.append((len(before), len(with_it)))
    mask = [int(any(a <= start and end <= b for a, b in spans)) for start, end in encoding.offset_mapping]
    return {"text": whole, "ids": encoding.input_ids, "learned": mask}


def cases(name):
    tokenizer = AutoTokenizer.from_pretrained(TEST_DATA / name)
    for turns in CONVERSATIONS:
        messages = [{"role": role, "content": content} for role, content in turns]
        try:
            result = learned(tokenizer, messages)
        except jinja2.exceptions.TemplateError as e:
            yield {"messages": messages, "refused": str(e)}
            continue
        if result is None:
            yield {"messages": messages, "not_told": True}
            continue
        if name == "slayer-tiny":
            own = tokenizer.apply_chat_template(
                messages, chat_template=MARKED, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
            assert own["input_ids"] == result["ids"], messages
            assert own["assistant_masks"] == result["learned"], (own["assistant_masks"], result["learned"])
        yield {"messages": messages} | result


def main():
    out = {name: list(cases(name)) for name in ["slayer-tiny", "random-llama2", "random-llama3", "random-mistral"]}
    text = json.dumps(out, ensure_ascii=False).replace('{"messages"', '\n{"messages"')
    (TEST_DATA / "golden/learned.json").write_text(text + "\n", encoding="utf-8")


main()
