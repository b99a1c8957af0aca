"""A domain that slayer-tiny has not seen: statutes of a made-up town, test-data/corpus/statutes*.jsonl.

    python test-data/make/make_statutes.py

The town's offices, goods, measures and penalties are invented words with fixed relations between them (which office keeps which good,
which measure it is counted in, what is owed for which offence), so there is something to learn beyond the form. The held-out file has
other sentences over the same relations.
"""

import json
import pathlib
import random

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "corpus"
SYLLABLES = "bra ken dol mir vas tor nel quo pir zan hul wex fro gim lud sar tey ost ulm yav".split()
RANDOM = random.Random(20261121)


def word(count):
    return "".join(RANDOM.choice(SYLLABLES) for _ in range(count))


def words(count, syllables):
    made = set()
    while len(made) < count:
        made.add(word(syllables))
    return sorted(made)


OFFICES = words(12, 3)
GOODS = words(40, 2)
MEASURES = words(10, 2)
COINS = words(5, 2)
KEEPER = {good: RANDOM.choice(OFFICES) for good in GOODS}
MEASURE = {good: RANDOM.choice(MEASURES) for good in GOODS}
DUTY = {good: RANDOM.randrange(2, 40) for good in GOODS}
COIN = {office: RANDOM.choice(COINS) for office in OFFICES}
OFFENCES = {
    "hides": 3,
    "burns": 7,
    "sells at night": 2,
    "waters down": 4,
    "carries off": 5,
    "counts falsely": 6,
}


def article(number):
    good = RANDOM.choice(GOODS)
    office, measure, duty = KEEPER[good], MEASURE[good], DUTY[good]
    coin = COIN[office]
    amount = RANDOM.randrange(2, 10)
    offence, factor = RANDOM.choice(sorted(OFFENCES.items()))
    clauses = [
        f"Whoever brings {good} into the town shall show it to the {office}, who counts it by the {measure}.",
        f"For each {measure} of {good} the bearer owes {duty} {coin}; for {amount} {measure} therefore {amount * duty} {coin}.",
        f"Whoever {offence} {good} owes the {office} {factor} times the duty, which is {factor * duty} {coin} for each {measure}.",
        f"The {office} keeps the {good} until the {coin} are paid, and no other office may touch it.",
        f"A bearer of {good} who is refused by the {office} may ask again after {factor + amount} days.",
    ]
    chosen = RANDOM.sample(clauses, RANDOM.randrange(2, 5))
    return f"Art. {number}. Of {good}.\n" + "\n".join(f"({place}) {clause}" for place, clause in enumerate(chosen, 1)) + "\n"


def write(name, documents):
    with open(FOLDER / name, "w", encoding="utf-8") as file:
        for _ in range(documents):
            first = RANDOM.randrange(1, 400)
            text = "\n".join(article(first + place) for place in range(RANDOM.randrange(3, 7)))
            file.write(json.dumps({"text": text}) + "\n")


if __name__ == "__main__":
    write("statutes-train.jsonl", 500)
    write("statutes.jsonl", 40)
