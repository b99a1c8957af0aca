"""Mixed load on a running server for a while, watching what must not change: scores, memory, KV.

    ./slayer serve --port 8000 &
    python clients/python/soak.py --url http://127.0.0.1:8000 --minutes 30 --warmup 5 --pid PID_OF_THE_SERVER

Scores the same prompts again and again under the base and three variants, and meanwhile streams, leaves streams half-way, creates and
deletes named variants, asks for layouts that the server has never seen, and compares variants. Every minute a line; at the end a
verdict, and exit status 1 if there was an error, a score that changed, KV that nobody gave back, or memory that grows. A key for the
server stands in SLAYER_API_KEY. Needs what requirements.txt names; a model with at least four layers and 512 tokens of context.
"""

import argparse
import collections
import itertools
import os
import pathlib
import random
import re
import statistics
import sys
import threading
import time
import urllib.request

import openai

# How often each kind of request comes in a round.
ROUND = {"score": 12, "stream": 4, "leave": 2, "layout": 2, "variant": 1, "compare": 1}


class Scores:
    """Compares each score with its first value, and scores from the server's cache with those that it computed."""

    def __init__(self, tolerance):
        self.tolerance = tolerance
        self.first_values = self.cached_tokens = 0
        self.prompts, self.next_tokens = collections.Counter(), collections.Counter()
        self.mismatches = []
        self._first = {}
        self._computed = collections.defaultdict(set)
        self._cached = collections.defaultdict(set)
        self._lock = threading.Lock()

    def add(self, model, prompt, logprobs, cached_tokens):
        """Takes the scores of a prompt's tokens, of which the first has none, and of the generated one."""
        with self._lock:
            first = self._first.setdefault((model, prompt), logprobs)
            if logprobs is first:
                self.first_values += 1
            else:
                self._compare(model, prompt, logprobs, first)
            self.cached_tokens += cached_tokens
            for place in range(1, len(prompt)):
                kind = self._cached if place < cached_tokens else self._computed
                kind[model, prompt[: place + 1]].add(logprobs[place])

    def _compare(self, model, prompt, logprobs, first):
        """The prompt's scores, which the server's cache may keep, and that of the generated token, which it always computes."""
        size = len(prompt)
        for verdicts, now, then in (
            (self.prompts, logprobs[1:size], first[1:size]),
            (self.next_tokens, logprobs[size:], first[size:]),
        ):
            distances = [abs(one - other) for one, other in zip(now, then, strict=True)]
            off = [f"{distance:.3g}" for distance in distances if not distance <= self.tolerance]
            verdicts["changed" if off else "identical" if now == then else "close"] += 1
            if off:
                self.mismatches.append(f"{model}, prompt of {size} tokens: off by {', '.join(off)}"[:300])

    def strangers(self):
        """Cached scores that are not the very floats of a computation; to be asked when nothing runs."""
        return sum(len(floats - self._computed[key]) for key, floats in self._cached.items())


class Load:
    """The requests. Each kind is a method without arguments that raises if the server does not do what it should."""

    def __init__(self, url, scores, seed):
        self.scores = scores
        self.random = random.Random(seed)
        self.numbers = itertools.count()
        self.client = openai.OpenAI(
            base_url=url + "/v1", api_key=os.environ.get("SLAYER_API_KEY", "none"), max_retries=0, timeout=120
        )
        self.base = self.client.models.list().data[0].id
        probe = self.client.completions.with_raw_response.create(model=f"{self.base}@scale=0:1", prompt="a", max_tokens=1)
        self.last = int(re.findall(r"\d+", probe.headers["x-slayer-layout"])[-1])
        middle = self.last // 2
        self.variants = [f"{self.base}@remove={middle}", f"{self.base}@insert=1:average", f"{self.base}@skip=attn:{middle}"]
        self.prompts = [tuple(self._tokens(url, text)) for text in self._items()]

    def _tokens(self, url, text):
        return self.client.post(f"{url}/tokenize", body={"model": self.base, "prompt": text}, cast_to=object)["tokens"]

    def _items(self):
        for subject, question in itertools.product(range(2), range(3)):
            shots = "".join(f"Q: {20 + subject}+{shot}=? A: {20 + subject + shot}\n" for shot in range(10))
            for choice in range(4):
                yield f"{shots}Q: {20 + subject}+{30 + question}=? A: {50 + subject + question + choice}"

    def score(self):
        model, prompt = self.random.choice([self.base, *self.variants]), self.random.choice(self.prompts)
        answer = self.client.completions.create(
            model=model, prompt=[list(prompt)], max_tokens=1, temperature=0, logprobs=1, echo=True
        )
        logprobs = answer.choices[0].logprobs.token_logprobs
        assert len(logprobs) == len(prompt) + 1 and logprobs[0] is None, "not a score for each token"
        self.scores.add(model, prompt, logprobs, answer.usage.prompt_tokens_details.cached_tokens)

    def stream(self):
        pieces = list(self._open(24))
        assert pieces[-1].usage.completion_tokens <= 24, "too many tokens"
        assert any(piece.choices and piece.choices[0].finish_reason for piece in pieces), "a stream without an end"

    def leave(self):
        with self._open(200) as stream:
            next(itertools.islice(stream, self.random.randrange(5), None))

    def _open(self, tokens):
        number = next(self.numbers)
        return self.client.completions.create(
            model=self.base,
            prompt=f"{number}. Once upon a time",
            max_tokens=tokens,
            seed=number,
            extra_body={"ignore_eos": True},
            stream=True,
            stream_options={"include_usage": True},
        )

    def layout(self):
        """A layout never seen before: with a block of its own, or only with another scale."""
        layer, part = self.random.randrange(self.last), f"{self.random.randrange(1, 10**8) / 10**8:.8f}"
        edit = f"scale={layer}:{part}"
        if self.random.random() < 0.5:
            edit = f"0-{layer},lerp({layer}:{layer + 1}:{part}),{layer + 1}-{self.last}"
        self.client.completions.create(model=f"{self.base}@{edit}", prompt="Once upon a time", max_tokens=4)

    def variant(self):
        name = f"soak-{os.getpid()}-{next(self.numbers)}"
        removed = str(self.random.randrange(self.last))
        self.client.post("/variants", body={"name": name, "base": self.base, "remove": removed}, cast_to=object)
        self.client.completions.create(model=name, prompt="Once upon a time", max_tokens=4)
        self.client.delete(f"/variants/{name}", cast_to=object)
        try:
            self.client.completions.create(model=name, prompt="Once upon a time", max_tokens=1)
        except openai.NotFoundError:
            return
        raise AssertionError("a deleted variant still answers")

    def compare(self):
        body = {
            "prompts": f"{next(self.numbers)}. Once upon a time",
            "variants": [self.base, self.random.choice(self.variants)],
            "sampling": {"temperature": 0, "max_tokens": 4},
            "stream": False,
        }
        self.client.post("/ab", body=body, cast_to=object)


class Workers:
    """Threads that draw requests from shuffled rounds until the time is up or as many have been made as were wanted."""

    def __init__(self, load, count, deadline, requests):
        self.load = load
        self.deadline = deadline
        self.left = requests
        self.done = collections.Counter()
        self.errors = collections.Counter()
        self._round = []
        self._lock = threading.Lock()
        self.threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def _next(self):
        with self._lock:
            if self.left == 0 or time.monotonic() > self.deadline:
                return None
            if not self._round:
                self._round = [kind for kind, times in ROUND.items() for _ in range(times)]
                self.load.random.shuffle(self._round)
            self.left -= 1
            return self._round.pop()

    def _work(self):
        while kind := self._next():
            try:
                getattr(self.load, kind)()
                error = None
            except Exception as failure:
                error = f"{kind}: {type(failure).__name__}: {failure}"[:300]
            with self._lock:
                self.done[kind] += 1
                if error:
                    self.errors[error] += 1

    def alive(self):
        return any(thread.is_alive() for thread in self.threads)


def metric(url, name):
    """The value of a gauge without labels."""
    with urllib.request.urlopen(url + "/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[-1]) for line in lines if line.split(" ")[0] == name)


def resident_mib(pid):
    """Memory of a process in RAM, as Linux tells it."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024


def kv_left(url):
    """Share of the KV memory that running sequences hold when all requests have ended."""
    deadline = time.monotonic() + 30
    while True:
        busy = metric(url, "slayer_num_requests_running") + metric(url, "slayer_num_requests_waiting")
        usage = metric(url, "slayer_kv_cache_usage_perc")
        if busy == usage == 0 or time.monotonic() > deadline:
            return usage
        time.sleep(0.1)


def watch(arguments, workers, scores):
    """Prints a line a minute for as long as requests are made; [(minutes, MiB)], one a second."""
    begun, minute, memory = time.monotonic(), 0, []
    while workers.alive():
        time.sleep(1)
        minutes = (time.monotonic() - begun) / 60
        if arguments.pid:
            memory.append((minutes, resident_mib(arguments.pid)))
        if minutes >= minute + 1 or not workers.alive():
            minute = int(minutes)
            print(
                f"{minutes:6.1f} min",
                f"RSS {memory[-1][1]:.0f} MiB" if memory else "RSS not told",
                " ".join(f"{kind} {workers.done[kind]}" for kind in ROUND),
                f"errors {workers.errors.total()}",
                f"prompts identical {scores.prompts['identical']} close {scores.prompts['close']}",
                f"next tokens identical {scores.next_tokens['identical']} close {scores.next_tokens['close']}",
                f"changed {len(scores.mismatches)}",
                f"cached tokens {scores.cached_tokens}",
                f"KV {100 * metric(arguments.url, 'slayer_kv_cache_usage_perc'):.2f} %",
                sep=" | ",
                flush=True,
            )
    return memory


def judge_memory(memory, arguments):
    """Whether memory is flat after the warm-up, and a sentence."""
    settled = [sample for sample in memory if sample[0] >= arguments.warmup]
    if len(settled) < 60:
        return True, "not judged: that takes --pid, and a minute after the warm-up"
    growth, _ = statistics.linear_regression(*zip(*settled))
    sentence = f"{settled[0][1]:.0f} MiB after the warm-up, {settled[-1][1]:.0f} at the end, {growth:+.2f} MiB a minute"
    return growth <= arguments.max_growth, f"{sentence} (allowed: {arguments.max_growth:g})"


def verdict(arguments, workers, scores, memory):
    for error, times in workers.errors.most_common(20):
        print(f"error, {times} times: {error}")
    for mismatch in scores.mismatches[:20]:
        print(f"score changed: {mismatch}")
    strangers, left = scores.strangers(), kv_left(arguments.url)
    flat, sentence = judge_memory(memory, arguments)
    print(f"requests: {workers.done.total()}, errors: {workers.errors.total()}")
    print(f"scores: {scores.first_values} first values; {strangers} cached ones that nobody computed")
    for what, verdicts in (("prompts", scores.prompts), ("next tokens", scores.next_tokens)):
        print(
            f"{what}: {verdicts['identical']} identical to their first values, {verdicts['close']} within"
            f" {arguments.tolerance:g}, {verdicts['changed']} changed"
        )
    print(f"memory: {sentence}")
    print(f"KV in use at the end: {100 * left:.2f} %")
    return not workers.errors and not scores.mismatches and not strangers and left == 0 and flat


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="the server, without /v1")
    parser.add_argument("--minutes", type=float, default=30, help="how long")
    parser.add_argument("--requests", type=int, default=-1, help="end after so many requests, if that is sooner")
    parser.add_argument("--warmup", type=float, default=5, help="minutes whose memory is not judged")
    parser.add_argument("--workers", type=int, default=8, help="requests at once")
    parser.add_argument("--pid", type=int, help="the server's process, to watch its memory (Linux)")
    parser.add_argument("--max-growth", type=float, default=1, help="MiB a minute that memory may grow after the warm-up")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="how far a score that is computed again may be off")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of requests")
    arguments = parser.parse_args()
    scores = Scores(arguments.tolerance)
    load = Load(arguments.url, scores, arguments.seed)
    workers = Workers(load, arguments.workers, time.monotonic() + 60 * arguments.minutes, arguments.requests)
    memory = watch(arguments, workers, scores)
    held = verdict(arguments, workers, scores, memory)
    print("soak: held" if held else "soak: FAILED")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
