"""What soak.py makes of scores and memory: which of them are the same, nearly the same, changed, or out of nowhere."""

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import soak


def equal_scores_are_identical():
    scores = soak.Scores(1e-4)
    for _ in range(3):
        scores.add("base", (1, 2, 3), [None, -1.5, -0.25, -2.0], 0)
    assert (scores.first_values, scores.mismatches) == (1, [])
    assert scores.prompts == scores.next_tokens == {"identical": 2}
    assert scores.strangers() == 0


def each_model_and_prompt_has_a_first_value_of_its_own():
    scores = soak.Scores(1e-4)
    scores.add("base", (1, 2), [None, -1.5, -2.0], 0)
    scores.add("base@remove=1", (1, 2), [None, -3.5, -2.0], 0)
    scores.add("base", (1, 3), [None, -4.5, -2.0], 0)
    assert (scores.first_values, scores.mismatches) == (3, [])


def a_score_may_be_off_by_the_tolerance_and_no_more():
    scores = soak.Scores(1e-4)
    scores.add("base", (1, 2, 3), [None, -1.5, -0.25, -2.0], 0)
    scores.add("base", (1, 2, 3), [None, -1.5, -0.25009, -2.0], 0)
    assert scores.prompts == {"close": 1} and scores.next_tokens == {"identical": 1} and not scores.mismatches
    scores.add("base", (1, 2, 3), [None, -1.5, -0.2502, -2.0], 0)
    assert scores.prompts == {"close": 1, "changed": 1} and scores.next_tokens == {"identical": 2}
    assert len(scores.mismatches) == 1 and "base" in scores.mismatches[0]


def a_score_that_is_no_number_has_changed():
    scores = soak.Scores(1e-4)
    scores.add("base", (1, 2), [None, -1.5, -2.0], 0)
    scores.add("base", (1, 2), [None, -1.5, float("nan")], 0)
    scores.add("base", (1, 2), [None, float("nan"), -2.0], 0)
    assert len(scores.mismatches) == 2


def a_cached_score_is_a_float_that_was_computed():
    scores = soak.Scores(1e-4)
    # The answer of the request that reads the cache may come first.
    scores.add("base", (1, 2, 4), [None, -1.5, -0.75, -2.0], 2)
    assert scores.strangers() == 1
    scores.add("base", (1, 2, 3), [None, -1.5, -0.25, -2.0], 0)
    assert scores.strangers() == 0
    scores.add("base", (1, 2, 5), [None, -1.500001, -0.5, -2.0], 2)
    assert scores.mismatches == [] and scores.strangers() == 1


def growth_after_the_warm_up_is_judged():
    arguments = argparse.Namespace(warmup=5, max_growth=1)
    flat = [(second / 60, 300 + second / 60 * 50 if second < 300 else 550 + second % 2) for second in range(1800)]
    growing = [(second / 60, 300 + second / 60 * 2) for second in range(1800)]
    assert soak.judge_memory(flat, arguments)[0]
    assert not soak.judge_memory(growing, arguments)[0]
    judged, sentence = soak.judge_memory(growing[:10], arguments)
    assert judged and "not judged" in sentence


for check in [value for name, value in list(globals().items()) if callable(value) and value.__module__ == "__main__"]:
    check()
    print("ok", check.__name__.replace("_", " "))
