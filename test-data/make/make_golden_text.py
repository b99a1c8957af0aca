"""Writes what transformers makes of texts: golden/tokenizer.NAME.json and golden/chat.json.

    python make_golden_text.py

tokenizer.NAME.json: strings with their ids, with and without special tokens, the decoded text both ways, and streaming cases: a
prompt, the tokens that follow, and all of it decoded at once. chat.json: conversations rendered by the chat templates of the four
checkpoints and by those in make/templates, or the words with which a template refuses them.
"""

import json
import random
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import jinja2
import transformers.utils.chat_template_utils as chat_template_utils
from transformers import AutoTokenizer

TEST_DATA = Path(__file__).parent.parent
TEMPLATES = Path(__file__).parent / "templates"
NAMES = ["slayer-tiny", "random-llama2", "random-llama3", "random-mistral"]
NOW = datetime(2026, 7, 4, 9, 5, 3)
STRINGS = [
    "", " ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", "a", " a", "a ", "  a  b  ", "Hello", " Hello", "Hello, world!", "hello\nworld",
    "The quick brown fox jumps over the lazy dog.", "It's we're you'll I'd they've I'm", "IT'S", "1234567890", "3.14159", "17+25=42",
    "def f(x):\n    return x + 1\n", "if a <= b and c != d: pass", "{\"key\": [1, 2, null]}", "<html>&nbsp;</html>", "C:\\temp\\x",
    "caf\u00e9", "cafe\u0301", "na\u00efve \u00fcber Stra\u00dfe", "\u2014 dash \u2013", "\u201cquoted\u201d", "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8",
    "\u0417\u0434\u0440\u0430\u0432\u0441\u0442\u0432\u0443\u0439", "\u0645\u0631\u062d\u0628\u0627", "\u05e9\u05dc\u05d5\u05dd", "\u0939\u093f\u0928\u094d\u0926\u0940", "\ud55c\uad6d\uc5b4", "\u2603", "\U0001f984",
    "\U0001f469\u200d\U0001f4bb \U0001f1eb\U0001f1f7", "a\U0001f984b", "\U0001f984\U0001f984 x", "\u00a0nbsp\u00a0", "\u3000wide", "\u2028line", "zero\u200bwidth",
    "\ufeffbom", "\ufffd", "\u2581", "a\u2581b", "\u2581\u2581 x", "nul\0byte", "\x07bell\x1b[0m", "\x7f", "<0x41>", "<0x0A>\n", "<s>", "</s>", "<unk>",
    "<s>text</s>", " <s> text </s> ", "<|im_start|>user\nhi<|im_end|>\n", "<|begin_of_text|>hi<|eot_id|>", "x<|eot_id|>y", "< s >", "<|eot_id",
    "[INST] hi [/INST]", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "    four\n        eight\n\ttab", "trailing spaces   ", "\n leading newline",
    "https://example.org/a?b=c&d=%20e", "user@example.org", "\u00bd \u00b2 \u2168 \u0663", "\U00010348\U0001d11e", "\u0000", "a\u0300\u0301\u0302", "\ud7ff\ue000",
]
CONTINUATIONS = [
    ("", "Hello there"), ("Hello", " there, friend"), ("Hello ", "there"), ("A caf\u00e9 \u2603", " and \u65e5\u672c\u8a9e \U0001f984!"), ("", " leading"),
    ("\U0001f984", "\U0001f984\U0001f984"), ("line\n", "\nnext\n"), ("", "\u65e5\u672c"), (" ", " "), ("x", "<s>y</s> z"), ("1+1=", "2"),
    ("", "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8\u3067\u3059\u3001\u9577\u3044\u884c"),
]
CONVERSATIONS = {
    "one question": [{"role": "user", "content": "What is 2+2?"}],
    "spaces around": [{"role": "user", "content": "  \n What is this?\t\n"}],
    "system": [{"role": "system", "content": " Be brief.\n"}, {"role": "user", "content": "Hi"}],
    "many turns": [
        {"role": "user", "content": "Hi"}, {"role": "assistant", "content": " Hello! "}, {"role": "user", "content": "Sum 1, 2"},
        {"role": "assistant", "content": "3"}, {"role": "user", "content": "\U0001f984 caf\u00e9 <b>\"quoted\"</b> & 'so'"},
    ],
    "system and turns": [
        {"role": "system", "content": "You know Java."}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c {{ not a template }} {% raw %}"},
    ],
    "ends with assistant": [{"role": "user", "content": "Write a list"}, {"role": "assistant", "content": "1. one\n2."}],
    "assistant ends in space": [{"role": "user", "content": "Go on"}, {"role": "assistant", "content": "The answer is "}],
    "wrong order": [{"role": "assistant", "content": "I begin"}, {"role": "user", "content": "no"}],
    "unknown role": [{"role": "user", "content": "a"}, {"role": "wizard", "content": "b"}],
    "two users": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
    "empty content": [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}, {"role": "user", "content": "?"}],
    "newlines": [{"role": "system", "content": "line 1\n\nline 2\n"}, {"role": "user", "content": "a\n b\n\n"}],
    "named keys": [{"role": "user", "content": "who", "name": "Ann"}, {"role": "assistant", "content": "it is Ann", "name": "bot"}],
}
TOOL = {
    "type": "function",
    "function": {
        "name": "add", "description": "Adds <two> numbers & says \"so\"",
        "parameters": {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": ["number", "null"]}}, "required": ["a"]},
    },
}
CALL = [
    {"role": "user", "content": "Add 1 and 2.5"},
    {"role": "assistant", "content": "", "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": 2.5, "ok": True, "no": None, "l": [1, "\u00e9"]}}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "3.5"},
]

SNIPPETS = [
    "a\n  {% if true %}\n  b\n  {% endif %}\nc\n", "a {% if true %} b {% endif %} c", "a\n  {%- if true -%}\n  b\n  {%- endif -%}\n  c",
    "a\n  {%+ if true +%}\n  b\n  {%+ endif +%}\n  c", "x\n  {# note #}\n  y", "x {# note #} y", "x\n  {#- note -#}\n  y", "{# one #}\n{# two #}\n\nz",
    "  {{ 1 }}\n  {{ 2 }}\n", "  {{- 1 -}}  \n  {{ 2 -}}\n\n3", "\n\n{{ 1 }}\n\n", "{{ 1 }}\n", "{{ 1 }}\n\n", "a\r\nb\rc\r\n", "{% set x = 1 %}\n{% set y = 2 %}\n{{ x + y }}",
    "{% raw %}{{ x }}{% if %}{% endraw %}!", "a {%- raw -%}  {{ x }}  {%- endraw -%} b", "{% raw %}\n x {% endraw %}\ny",
    "{% for i in range(3) %}{{ i }}{% if not loop.last %}, {% endif %}{% endfor %}", "{% for i in [] %}x{% else %}none{% endfor %}",
    "{% for i in [1, 2] if i > 5 %}x{% else %}none{% endfor %}",
    "{% for i in range(9) if i % 2 %}{{ i }}{{ '.' if loop.last else ',' }}{% for j in [1] if j > 0 %}{{ j }}{% endfor %}{% endfor %}",
    "{% for i in ([1, 2] if messages else [3]) %}{{ i }}{% endfor %}", "{% for m in messages if m.role == 'user' %}{{ loop.index }}{{ m.content }}{% endfor %}", "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}{{ v }}{% endfor %}",
    "{{ 'yes' if not 1 > 2 and not 'a' in 'bc' else 'no' }}", "{{ 'yes' if not (1 == 1 or 2 == 3) else 'no' }}", "{{ 'yes' if nothing is not defined else 'no' }}",
    "{{ 'y' if 3 is not none and 1 not in [2] else 'n' }}", "{{ [not false, 1][1] }}", "{{ 'it\\'s }} {% fine %}' }}", "{{ \"a\\\"b\" + 'c\\\\d' }}", "{{ 'tab\\there' }}|{{ 'line\\nend' }}",
    "{{ {'a': {'b': {}}} | tojson }}", "{{ 'a:b:c'.split(':')[1:] | join('-') }}", "{{ messages[-1].content[-3:] }}", "{{ messages[1:][0].content[:2] + 'x'[0:1] }}", "{{ [1, 2, 3][::2] | join }}",
    "{{ 'abc'[1] }}{{ [4, 5][-1] }}", "{% set ns = namespace(a=1) %}{% for i in range(4) %}{% set ns.a = ns.a * 2 %}{% endfor %}{{ ns.a }}",
    "{% macro m(a, b='z') %}{{ a }}{{ b }}{% endmacro %}{{ m('x') }}{{ m('x', 'y') }}{{ m(a='q', b='r') }}", "{% if messages %}{% elif false %}b{% else %}c{% endif %}d",
    "{{ 'A' ~ 1 ~ 'b' }}", "{{ 10 / 4 }} {{ 7 // 2 }} {{ 7 % 3 }}", "{{ (1, 2) | join(',') }}", "{{ 'a,b' | replace(',', ';') | upper }}", 
    "{{ '  x  ' | trim }}{{ '  x'.lstrip() }}", "{{ true }}{{ false }}", "{{ messages | length > 1 }}", "{{ '' is defined }}{{ 'x' is string }}{{ 5 is number }}{{ {} is mapping }}",
    "{{ 'none' if none else 'falsy' }}", "{{ 'ok' if '0' else 'falsy' }}", "{{ 'ok' if [] == [] and {} == {} else 'no' }}",
    "{%- for m in messages -%}\n  {%- if loop.first -%}\n    <{{ m.role }}>\n  {%- else %}\n    [{{ m.role }}]\n  {%- endif %}\n{%- endfor %}\nend",
    "{{ messages | map(attribute='content') | map('upper') | join('+') }}", "{{ [3, 1] | sort | first }}{{ [1, 2] | sum }}", "{{ 'a' < 'b' }}",
    "{{ messages[0].nothing }}|{{ messages[0]['nothing'] }}", "{{ [1, 2] + [3] }}",
    "{{ (messages | selectattr('role', 'eq', 'user') | first).content }}", "{{ 'é'.upper() ~ 'ß'.upper() }}",
]


def tokenizer_cases(name):
    tokenizer = AutoTokenizer.from_pretrained(TEST_DATA / name)
    strings = []
    for text in STRINGS:
        ids = tokenizer(text).input_ids
        bare = tokenizer(text, add_special_tokens=False).input_ids
        strings.append({
            "text": text, "ids": ids, "ids_without_special": bare,
            "decoded": tokenizer.decode(ids, skip_special_tokens=False),
            "decoded_without_special": tokenizer.decode(ids, skip_special_tokens=True),
        })
    rng = random.Random(5)
    size = len(tokenizer)
    pairs = [(tokenizer(p).input_ids, tokenizer(p + t).input_ids[len(tokenizer(p).input_ids) :]) for p, t in CONTINUATIONS]
    pairs += [([], tokenizer(t, add_special_tokens=False).input_ids) for _, t in CONTINUATIONS[:6]]
    golden = json.loads((TEST_DATA / "golden" / f"{name}.json").read_text())
    pairs += [(p["ids"][:40], p["greedy"]["ids"]) for p in golden["prompts"]]
    pairs += [([tokenizer.bos_token_id], [rng.randrange(size) for _ in range(24)]) for _ in range(12)]
    streams = []
    for prompt, tokens in pairs:
        case = {"prompt": prompt, "tokens": tokens}
        for key, skip in (("with_special", False), ("without_special", True)):
            before, whole = (tokenizer.decode(ids, skip_special_tokens=skip) for ids in (prompt, prompt + tokens))
            if whole.startswith(before):  # not if the prompt ends inside a character that the tokens complete
                case[key] = whole[len(before) :]
        streams.append(case)
    return {"vocabulary": size, "strings": strings, "streams": streams}


def freeze_time():
    """strftime_now of transformers reads the clock; the golden file needs one moment."""

    class Frozen(datetime):
        @classmethod
        def now(cls, tz=None):
            return NOW

    chat_template_utils.datetime = Frozen
    chat_template_utils._compile_jinja_template.cache_clear()


def render(tokenizer, template, case):
    arguments = {k: v for k, v in case.items() if k not in ("name", "messages")}
    kwargs = arguments.pop("variables", {})
    try:
        return {"text": tokenizer.apply_chat_template(
            case["messages"], chat_template=template, tokenize=False, **arguments, **kwargs)}
    except jinja2.exceptions.TemplateError as e:
        return {"refused": str(e)}
    except ValueError as e:
        return {"not_continued": str(e).split(".")[0]}


def chat_cases():
    for name, messages in CONVERSATIONS.items():
        for prompt in (False, True):
            yield {"name": name, "messages": messages, "add_generation_prompt": prompt}
        if messages[-1]["role"] == "assistant":
            yield {"name": name, "messages": messages, "continue_final_message": True}
    yield {"name": "tools", "messages": CALL, "add_generation_prompt": True, "variables": {"tools": [TOOL]}}
    twice = [CALL[0], CALL[1] | {"tool_calls": CALL[1]["tool_calls"] * 2}]
    yield {"name": "two calls", "messages": twice, "variables": {"tools": [TOOL]}}
    yield {"name": "no tools", "messages": CALL[:1], "variables": {"date_string": "1 Jan 2025", "enable_thinking": True}}


def chats():
    freeze_time()
    templates = []
    for name in NAMES:
        tokenizer = AutoTokenizer.from_pretrained(TEST_DATA / name)
        templates.append((name, tokenizer, tokenizer.chat_template))
    plain = AutoTokenizer.from_pretrained(TEST_DATA / "random-llama2")
    for file in sorted(TEMPLATES.glob("*.jinja")):
        templates.append((file.stem, plain, file.read_text().rstrip("\n")))
    out, used = [], []
    for name, tokenizer, template in templates:
        cases = []
        for case in chat_cases():
            index = next((i for i, c in enumerate(used) if c == case), None)
            if index is None:
                index = len(used)
                used.append(case)
            cases.append({"case": index} | render(tokenizer, template, case))
        out.append({
            "name": name, "bos_token": tokenizer.bos_token, "eos_token": tokenizer.eos_token, "source": template, "rendered": cases,
        })
    messages = CONVERSATIONS["one question"] + [{"role": "assistant", "content": "four"}]
    snippets = [{"source": t} | render(plain, t, {"messages": messages}) for t in SNIPPETS]
    return {"now": NOW.isoformat(), "cases": used, "templates": out, "snippet_messages": messages, "snippets": snippets}


def write(file, value, marks):
    text = json.dumps(value, ensure_ascii=False)
    for mark in marks:
        text = text.replace(mark, "\n" + mark)
    file.write_text(text + "\n", encoding="utf-8")
    print(f"{file.name:<30} {file.stat().st_size / 1000:6.1f} kB")
    assert file.stat().st_size < 400_000, file


if __name__ == "__main__":
    for name in NAMES:
        write(TEST_DATA / "golden" / f"tokenizer.{name}.json", tokenizer_cases(name), ['{"text": ', '{"prompt": '])
    write(TEST_DATA / "golden" / "chat.json", chats(), ['{"name": ', '{"case": ', '{"source": '])
