"""The items of the offline tasks, read from the folder data beside this file: no network, no cache, any working folder."""

import json
from pathlib import Path

import datasets

DATA = Path(__file__).resolve().parent / "data"


def _read(name):
    lines = (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return datasets.Dataset.from_list([json.loads(line) for line in lines])


def cloze(**_):
    return {"test": _read("cloze")}


def choice(**_):
    return {"test": _read("choice"), "shots": _read("choice_shots")}


def partial(**_):
    return {"test": _read("partial")}


def arithmetic(**_):
    return {"test": _read("arithmetic"), "shots": _read("arithmetic_shots")}


def code(**_):
    return {"test": _read("code")}


def clauses(**_):
    return {"test": _read("clauses"), "shots": _read("clauses_shots")}
