"""Acceptance: the real openai client against a running server.

Environment:
  SLAYER_BASE_URL       the server, for example http://127.0.0.1:8000/v1
  SLAYER_API_KEY        a key of the server, if it asks for one
  SLAYER_BUSY_BASE_URL  a server that is busy for good and answers every completion with 429 (optional)

Prints one line per check and ends with status 0 if all of them hold. The checks know nothing of what the model says, so they hold
for any model with a chat template.
"""

import json
import os
import sys
import traceback
import urllib.parse

import openai

BASE_URL = os.environ["SLAYER_BASE_URL"]
API_KEY = os.environ.get("SLAYER_API_KEY", "")
BUSY_BASE_URL = os.environ.get("SLAYER_BUSY_BASE_URL", "")

client = openai.OpenAI(base_url=BASE_URL, api_key=API_KEY or "none", max_retries=0, timeout=60)
model = client.models.list().data[0].id
question = [{"role": "user", "content": "Q: 17+25=? A:"}]


def models_are_listed_and_retrieved():
    listed = client.models.list().data
    assert listed, "no model"
    one = client.models.retrieve(model)
    assert one.id == model and one.object == "model" and one.created > 0
    assert one.max_model_len > 0


def completion_has_text_usage_and_reason():
    answer = client.completions.create(model=model, prompt="Hello", max_tokens=5, temperature=0)
    choice = answer.choices[0]
    assert answer.object == "text_completion" and answer.id.startswith("cmpl-")
    assert isinstance(choice.text, str) and choice.finish_reason in ("stop", "length")
    assert answer.usage.completion_tokens <= 5
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer._request_id


def completion_scores_the_prompt():
    answer = client.completions.create(
        model=model, prompt=[[65, 66, 67, 68]], max_tokens=1, logprobs=1, echo=True, temperature=0, seed=1234
    )
    scores = answer.choices[0].logprobs
    assert len(scores.token_logprobs) == len(scores.top_logprobs) == len(scores.tokens) == len(scores.text_offset) == 5
    assert scores.token_logprobs[0] is None
    for logprob, top in zip(scores.token_logprobs[1:], scores.top_logprobs[1:]):
        assert logprob <= max(top.values()) <= 0.001


def completions_come_in_batches():
    answer = client.completions.create(model=model, prompt=["a", "b", "c"], n=2, max_tokens=2, stop=["\n"])
    assert [choice.index for choice in answer.choices] == list(range(6))


def completion_streams_what_it_answers_whole():
    fields = dict(model=model, prompt="Hello", max_tokens=8, temperature=0)
    whole = client.completions.create(**fields)
    text, usage, reason = "", None, None
    for chunk in client.completions.create(**fields, stream=True, stream_options={"include_usage": True}):
        if chunk.choices:
            assert usage is None and chunk.usage is None
            text += chunk.choices[0].text
            reason = chunk.choices[0].finish_reason or reason
        else:
            usage = chunk.usage
    assert text == whole.choices[0].text and reason == whole.choices[0].finish_reason
    assert usage.completion_tokens == whole.usage.completion_tokens


def chat_answers_with_a_message():
    answer = client.chat.completions.create(
        model=model, messages=question, max_completion_tokens=6, temperature=0, logprobs=True, top_logprobs=2
    )
    choice = answer.choices[0]
    assert answer.object == "chat.completion" and answer.id.startswith("chatcmpl-")
    assert choice.message.role == "assistant" and isinstance(choice.message.content, str)
    assert len(choice.logprobs.content) == answer.usage.completion_tokens
    assert all(len(token.top_logprobs) == 2 for token in choice.logprobs.content)


def chat_streams_what_it_answers_whole():
    fields = dict(model=model, messages=question, max_tokens=8, temperature=0)
    whole = client.chat.completions.create(**fields)
    chunks = list(client.chat.completions.create(**fields, stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == whole.choices[0].message.content
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert chunks[-1].choices == [] and chunks[-1].usage == whole.usage


def continuations_are_scored():
    answer = client.post(
        "/score", cast_to=object, body={"model": model, "context": "Q: 1+1=? A:", "continuations": [" 2", " no"]}
    )
    continuations = answer["data"][0]["continuations"]
    assert [entry["index"] for entry in continuations] == [0, 1]
    for entry in continuations:
        assert len(entry["tokens"]) == len(entry["token_logprobs"]) >= 1
        assert abs(sum(entry["token_logprobs"]) - entry["logprob"]) < 1e-4
    assert answer["usage"]["completion_tokens"] == 0
    text = client.post("/perplexity", cast_to=object, body={"model": model, "text": "Once upon a time"})["data"][0]
    assert text["scored_tokens"] > 0 and text["bytes"] == 16 and text["perplexity"] > 1


def embeddings_are_read_in_both_encodings():
    # Unless told otherwise the client asks for base64 and decodes it.
    packed = client.embeddings.create(model=model, input=["Once upon a time", "Hello"])
    plain = client.embeddings.create(model=model, input=["Once upon a time", "Hello"], encoding_format="float")
    assert packed.object == "list" and [entry.index for entry in packed.data] == [0, 1]
    assert packed.usage.total_tokens == packed.usage.prompt_tokens > 0
    for one, other in zip(packed.data, plain.data):
        assert one.object == "embedding" and len(one.embedding) == len(other.embedding) > 1
        assert abs(sum(value * value for value in one.embedding) - 1) < 1e-4
        assert all(abs(a - b) < 1e-6 for a, b in zip(one.embedding, other.embedding))
    assert packed.data[0].embedding != packed.data[1].embedding
    few = client.embeddings.create(model=f"{model}@remove=1", input=[65, 66], dimensions=2, extra_body={"pooling": "last"})
    assert len(few.data[0].embedding) == 2 and few.usage.prompt_tokens == 2
    error = expect(openai.BadRequestError, lambda: client.embeddings.create(model=model, input=[]))
    assert error.param == "input"


def an_answer_follows_a_json_schema():
    schema = {
        "type": "object",
        "properties": {
            "mood": {"enum": ["good", "bad"]},
            "count": {"type": "integer", "minimum": 10, "maximum": 99},
            "tags": {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 2},
        },
        "required": ["mood", "count", "tags"],
        "additionalProperties": False,
    }
    response_format = {"type": "json_schema", "json_schema": {"name": "report", "strict": True, "schema": schema}}
    fields = dict(model=model, messages=question, max_tokens=200, temperature=0, response_format=response_format)
    whole = client.chat.completions.create(**fields).choices[0]
    assert whole.finish_reason == "stop"
    report = json.loads(whole.message.content)
    assert list(report) == ["mood", "count", "tags"]
    assert report["mood"] in ("good", "bad") and 10 <= report["count"] <= 99 and 1 <= len(report["tags"]) <= 2
    streamed = client.chat.completions.create(**fields, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed) == whole.message.content
    chosen = client.completions.create(
        model=model, prompt="Hello", max_tokens=20, extra_body={"guided_choice": ["first", "second"]}
    )
    assert chosen.choices[0].text in ("first", "second")
    error = expect(
        openai.BadRequestError,
        lambda: client.chat.completions.create(
            model=model,
            messages=question,
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"multipleOf": 2}}},
        ),
    )
    assert "multipleOf" in error.message


def stream_can_be_left():
    with client.completions.create(model=model, prompt="Hello", max_tokens=200, stream=True) as stream:
        next(iter(stream))
    client.completions.create(model=model, prompt="Hello", max_tokens=1)


def a_stack_of_layers_is_named_in_three_ways():
    request = dict(prompt="Hello", max_tokens=5, temperature=0, logprobs=1)
    by_field = client.completions.create(model=f"{model}@remove=1;skip=attn:0", **request)
    by_query = client.completions.create(
        model=model, extra_query={"remove": "1", "skip": "attn:0"}, **request
    )
    stack = client.completions.with_raw_response.create(model=f"{model}@remove=1;skip=attn:0", **request)
    path = urllib.parse.quote(f"{model}@remove=1;skip=attn:0", safe="")
    base_url = BASE_URL.removesuffix("/v1") + f"/m/{path}/v1"
    with openai.OpenAI(base_url=base_url, api_key=API_KEY or "none", max_retries=0, timeout=60) as by_path_client:
        by_path = by_path_client.completions.create(model="anything", **request)
    answers = [by_field, by_query, by_path]
    assert len({answer.choices[0].text for answer in answers}) == 1
    assert len({answer.system_fingerprint for answer in answers}) == 1
    assert stack.headers["x-slayer-layout"].startswith("0-attn")
    base = client.completions.create(model=model, **request)
    assert base.system_fingerprint != by_field.system_fingerprint


def a_stack_that_cannot_be_is_a_bad_request():
    error = expect(
        openai.BadRequestError,
        lambda: client.completions.create(model=f"{model}@0,avg(0:99999)", prompt="a"),
    )
    assert "99999" in error.message
    error = expect(
        openai.BadRequestError,
        lambda: client.completions.create(model=model, prompt="a", extra_query={"romove": "1"}),
    )
    assert error.code == "unknown_parameter" and "'remove'" in error.message


def unknown_model_is_not_found():
    error = expect(openai.NotFoundError, lambda: client.completions.create(model="no-such-model", prompt="a"))
    assert error.code == "model_not_found" and error.param == "model" and model in error.message
    expect(openai.NotFoundError, lambda: client.models.retrieve("no/such"))


def wrong_values_are_bad_requests():
    error = expect(
        openai.BadRequestError, lambda: client.completions.create(model=model, prompt="a", temperature=9)
    )
    assert error.param == "temperature" and error.type == "invalid_request_error"
    error = expect(
        openai.BadRequestError,
        lambda: client.chat.completions.create(model=model, messages=[{"role": "user", "content": 5}]),
    )
    assert error.param == "messages[0].content"
    window = client.models.retrieve(model).max_model_len
    error = expect(
        openai.BadRequestError, lambda: client.completions.create(model=model, prompt="a", max_tokens=window)
    )
    assert error.code == "context_length_exceeded"


def wrong_key_is_an_authentication_error():
    if not API_KEY:
        return "the server asks for no key (set SLAYER_API_KEY)"
    stranger = client.with_options(api_key="wrong")
    error = expect(openai.AuthenticationError, lambda: stranger.completions.create(model=model, prompt="a"))
    assert error.code == "invalid_api_key"


def busy_server_is_a_rate_limit_error():
    if not BUSY_BASE_URL:
        return "there is no busy server (set SLAYER_BUSY_BASE_URL)"
    busy = client.with_options(base_url=BUSY_BASE_URL)
    error = expect(openai.RateLimitError, lambda: busy.completions.create(model=model, prompt="a"))
    assert error.response.headers["retry-after"]


def expect(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


CHECKS = [
    models_are_listed_and_retrieved,
    completion_has_text_usage_and_reason,
    completion_scores_the_prompt,
    completions_come_in_batches,
    completion_streams_what_it_answers_whole,
    chat_answers_with_a_message,
    chat_streams_what_it_answers_whole,
    continuations_are_scored,
    embeddings_are_read_in_both_encodings,
    an_answer_follows_a_json_schema,
    stream_can_be_left,
    a_stack_of_layers_is_named_in_three_ways,
    a_stack_that_cannot_be_is_a_bad_request,
    unknown_model_is_not_found,
    wrong_values_are_bad_requests,
    wrong_key_is_an_authentication_error,
    busy_server_is_a_rate_limit_error,
]

failures = 0
for check in CHECKS:
    name = check.__name__.replace("_", " ")
    try:
        skipped = check()
        print(f"{'skipped: ' + skipped if skipped else 'ok':8} {name}")
    except Exception:
        failures += 1
        print(f"FAILED   {name}")
        traceback.print_exc(file=sys.stdout)
print(f"openai {openai.__version__}: {len(CHECKS) - failures} of {len(CHECKS)} checks without failure")
sys.exit(1 if failures else 0)
