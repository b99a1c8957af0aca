"""F1 of label lists as text: "arbitration, jurisdiction"; "none" is the empty list."""


def parse(text):
    labels = {label.strip() for label in text.lower().split(",")}
    return labels - {"", "none"}


def process_results(doc, results):
    wanted, given = set(doc["labels"]), parse(results[0])
    return {"f1": f1([(wanted, given)]), "f1_micro": (wanted, given)}


def f1(pairs):
    """Micro F1 over (wanted, given) pairs; 1 where nothing is wanted and nothing given."""
    hits = sum(len(wanted & given) for wanted, given in pairs)
    total = sum(len(wanted) + len(given) for wanted, given in pairs)
    return 2 * hits / total if total else 1.0


def micro_f1(pairs):
    return f1(pairs)
