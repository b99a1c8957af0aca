"""Writes the data of the offline tasks: tasks/data/*.jsonl. Deterministic; needs nothing beyond Python.

    python make_tasks.py [OUT]

Sums are held out: slayer-tiny's training side holds no sum of these operands (the rule is that of test-data/make/corpus.py). Cloze passages
come from test-data/corpus, which is held out, too, and lists its sources and licences in test-data/README.md. All else was written for
this project.
"""

import hashlib
import json
import random
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "tasks" / "data"
CORPUS = HERE.parent.parent / "test-data" / "corpus"
NAMES = ["Ann", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gina", "Hugo"]
THINGS = ["apples", "books", "coins", "stones", "pens", "eggs", "cards", "shells"]


def write(name, rows):
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (OUT / f"{name}.jsonl").write_text(text, encoding="utf-8")
    print(f"{name:<18} {len(rows):4} rows {len(text):7} bytes")


# --- sums -------------------------------------------------------------------------------------------------------------------------


def held_out(a, op, b):
    name = f"{min(a, b)}{op}{max(a, b)}"
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 40 == 0


def result(a, op, b):
    return a + b if op == "+" else a - b


def sums(rng, count, held):
    """Different sums and differences of numbers of two digits."""
    seen = set()
    while len(seen) < count:
        op, a, b = rng.choice("+-"), rng.randint(10, 99), rng.randint(10, 99)
        a, b = (max(a, b), min(a, b)) if op == "-" else (a, b)
        if held_out(a, op, b) == held and a != b and (a, op, b) not in seen:
            seen.add((a, op, b))
            yield a, op, b


def choice_rows(rng, count, held):
    """Four results to choose from; wrong ones are those of usual slips: a lost carry, one too many, digits swapped."""
    for a, op, b in sums(rng, count, held):
        right = result(a, op, b)
        slips = {right + 10, right - 10, right + 1, right - 1, right + 9, result(a, "-" if op == "+" else "+", b)}
        slips.add(int(str(right)[::-1]))
        wrong = rng.sample(sorted(slip for slip in slips if slip >= 0 and slip != right), 3)
        choices = [right, *wrong]
        rng.shuffle(choices)
        yield {"question": f"Q: {a}{op}{b}=?", "choices": [str(n) for n in choices], "answer": choices.index(right)}


def story(rng, a, op, b):
    name, thing = rng.choice(NAMES), rng.choice(THINGS)
    if op == "+":
        return f"Q: {name} has {a} {thing} and finds {b} more. How many {thing} now?"
    return f"Q: {name} has {a} {thing} and loses {b}. How many {thing} are left?"


def arithmetic_rows(rng, count, held):
    """Every second one is a story, whose answer is worked out first."""
    for i, (a, op, b) in enumerate(sums(rng, count, held)):
        right = result(a, op, b)
        if i % 2:
            yield {"question": story(rng, a, op, b), "solution": f"Work: {a}{op}{b}={right}. A: {right}", "answer": str(right)}
        else:
            yield {"question": f"Q: {a}{op}{b}=?", "solution": f"A: {right}", "answer": str(right)}


def partial_rows(rng, count):
    """Two questions of which one has the answer that follows; they differ in one number or in one word."""
    for i, (a, op, b) in enumerate(sums(rng, count, True)):
        right = result(a, op, b)
        if i % 2:
            other = "-" if op == "+" else "+"
            lower, upper = sorted([a, b])
            thing, name = rng.choice(THINGS), rng.choice(NAMES)
            words = {"+": "finds", "-": "loses"}
            questions = [f"Q: {name} has {upper} {thing} and {words[sign]} {lower}" for sign in (op, other)]
            tails = {"+": f" more. How many {thing} now? Work:", "-": f". How many {thing} are left? Work:"}
            questions = [question + tails[sign] for question, sign in zip(questions, (op, other))]
            continuation = f"{upper}{op}{lower}={result(upper, op, lower)}"
        else:
            wrong = rng.choice([n for n in (b + 10, b - 10, b + 1, b - 1) if 0 < n < 100])
            questions = [f"Q: {a}{op}{b}=? A:", f"Q: {a}{op}{wrong}=? A:"]
            continuation = str(right)
        order = [0, 1]
        rng.shuffle(order)
        yield {"contexts": [questions[j] for j in order], "continuation": continuation, "answer": order.index(0)}


# --- cloze ------------------------------------------------------------------------------------------------------------------------


def sentences():
    """(document, sentence) of plain prose; licence texts are left out, since they may only be copied whole."""
    for line in (CORPUS / "prose.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for paragraph in [] if row["source"].startswith("licence/") else row["text"].split("\n\n"):
            for sentence in re.split(r"(?<=[.!?]) (?=[A-Z])", paragraph):
                if re.fullmatch(r"[A-Z][ -~]+[.]", sentence) and 12 <= len(sentence.split()) <= 45:
                    yield row["source"], sentence


def cloze_rows(rng, count):
    """The second half of a sentence, among second halves of sentences of other documents."""
    halves = []
    for document, sentence in dict.fromkeys(sentences()):
        words = sentence.split()
        middle = len(words) // 2
        halves.append((document, " ".join(words[:middle]), " ".join(words[middle:])))
    for document, context, ending in rng.sample(halves, count):
        others = sorted({other[2] for other in halves if other[0] != document})
        alike = sorted(others, key=lambda other: abs(len(other) - len(ending)))[:12]
        endings = [ending, *rng.sample(alike, 3)]
        rng.shuffle(endings)
        yield {"context": context, "endings": endings, "answer": endings.index(ending)}


# --- code -------------------------------------------------------------------------------------------------------------------------

FIELDS = [
    "args", "callback", "code", "data", "encoding", "file", "filename", "func", "host", "item", "key", "level", "line", "message", "mode", "name",
    "obj", "path", "port", "size", "start", "text", "timeout", "url", "value",
]
TITLES = ["Item", "Handler", "Reader", "Request", "Token", "Message", "Record", "Entry", "Option", "Field"]


def code_rows(rng, count):
    """Functions and classes whose last line is to be completed, and assertions that tell whether it is right."""
    makers = [constructor, two_fields, subclass, getter, default, checked]
    seen = set()
    while len(seen) < count:
        row = makers[len(seen) % len(makers)](rng.choice(TITLES), *rng.sample(FIELDS, 2))
        if row["prompt"] not in seen:
            seen.add(row["prompt"])
            yield {"task_id": f"slayer/{len(seen) - 1}", **row}


def example(prompt, test):
    """A prompt that ends within a line, and whole lines that test what was made of it."""
    return {"prompt": "\n".join(prompt), "test": "".join(line + "\n" for line in test)}


def class_of(title, *fields):
    """The beginning of a class that is made of fields."""
    return [f"class {title}:", "", f"    def __init__(self, {', '.join(fields)}):"]


def assigned(field):
    return f"        self.{field} = {field}"


def unfinished(field):
    return f"        self.{field} ="


def constructor(title, a, _):
    return example([*class_of(title, a), unfinished(a)], [f"assert {title}(3).{a} == 3"])


def two_fields(title, a, b):
    test = [f"made = {title}(1, 2)", f"assert (made.{a}, made.{b}) == (1, 2)"]
    return example([*class_of(title, a, b), assigned(a), unfinished(b)], test)


def subclass(title, a, _):
    prompt = [*class_of(f"{title}(dict)", a), "        super().__init__()", unfinished(a)]
    return example(prompt, [f"made = {title}(3)", f"assert made.{a} == 3 and made == {{}}"])


def getter(title, a, _):
    prompt = [*class_of(title, a), assigned(a), "", f"    def get_{a}(self):", "        return"]
    return example(prompt, [f"assert {title}(3).get_{a}() == 3"])


def guarded(a, b, condition, remedy, test):
    """A function that gives its argument back, after a remedy where a condition holds."""
    return example([f"def {b}({a}):", f"    if {condition}:", f"        {remedy}", "    return"], test)


def default(_, a, b):
    return guarded(a, b, f"{a} is None", f"{a} = 7", [f"assert {b}(None) == 7 and {b}(3) == 3"])


def checked(_, a, b):
    refused = ["try:", f"    {b}(0)", "    raise AssertionError", "except ValueError:", "    pass"]
    return guarded(a, b, f"not {a}", "raise ValueError", [f"assert {b}(3) == 3", *refused])


# --- clauses ----------------------------------------------------------------------------------------------------------------------

# Each label with two ways of saying it; sentences of our own, in the tone of terms of service.
CLAUSES = {
    "arbitration": [
        "A quarrel about {it} is settled by arbitration and not before a judge",
        "You and we agree to binding arbitration for every dispute over {it}",
    ],
    "choice of law": [
        "The law of {place} applies to {it}, wherever you live",
        "These terms are governed by the law of {place} alone",
    ],
    "content removal": [
        "We may take down content that you put on {it}, without saying why",
        "Whatever you upload to {it} can be removed by us at any moment",
    ],
    "contract by using": [
        "By using {it} you accept this contract",
        "Anyone who opens {it} is bound by the contract from then on",
    ],
    "jurisdiction": [
        "Only the courts of {place} have jurisdiction over claims about {it}",
        "Lawsuits about {it} must be brought before a court in {place}",
    ],
    "limitation of liability": [
        "We are not liable for loss that {it} causes, however it comes about",
        "Our liability for {it} ends at what you paid last month",
    ],
    "unilateral change": [
        "We may change these terms whenever we like, and the changed ones hold for {it}",
        "Prices and features of {it} can be changed by us without your consent",
    ],
    "unilateral termination": [
        "We may close your account on {it} at any time and for no reason",
        "Your access to {it} can be terminated by us without notice",
    ],
}
HARMLESS = [
    "You can reach the people behind {it} by post at our office in {place}",
    "{It} shows the time of the last change at the top of each page",
    "Our team in {place} answers questions about {it} on working days",
    "You can download a copy of what you wrote on {it} in your settings",
]
SERVICES = ["the service", "the site", "the shop", "the app", "the forum"]
PLACES = ["Norland", "Westria", "the Isle of Fenn", "Karlow", "Old Harbour"]


def clause_rows(rng, count):
    """A third harmless, the rest of one or two kinds."""
    seen = set()
    while len(seen) < count:
        labels = sorted(rng.sample(sorted(CLAUSES), [0, 1, 2][len(seen) % 3]))
        spoken = [rng.choice(CLAUSES[label]) for label in labels] or [rng.choice(HARMLESS)]
        it = rng.choice(SERVICES)
        words = {"it": it, "It": it[0].upper() + it[1:], "place": rng.choice(PLACES)}
        clause = ". ".join(sentence.format(**words) for sentence in spoken) + "."
        if clause not in seen:
            seen.add(clause)
            yield {"clause": clause, "labels": labels}


OUT.mkdir(parents=True, exist_ok=True)
write("cloze", list(cloze_rows(random.Random(1), 120)))
write("choice", list(choice_rows(random.Random(2), 150, held=True)))
write("choice_shots", list(choice_rows(random.Random(3), 10, held=False)))
write("partial", list(partial_rows(random.Random(4), 150)))
write("arithmetic", list(arithmetic_rows(random.Random(5), 150, held=True)))
write("arithmetic_shots", list(arithmetic_rows(random.Random(6), 10, held=False)))
write("code", list(code_rows(random.Random(7), 60)))
rows = list(clause_rows(random.Random(8), 96))
write("clauses", rows[:90])
write("clauses_shots", rows[90:])
