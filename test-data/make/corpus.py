"""Collects the training text of slayer-tiny from what toolchains already put on a machine.

    python corpus.py OUT_DIR

Writes OUT_DIR/{prose,code,arithmetic,chat}.{train,heldout}.jsonl, one {"text", "source"} per line. A document goes to the
held-out side when the hash of its name says so (1 in 40), so the split does not depend on the order of files. Arithmetic
problems are split by the pair of operands: no held-out sum occurs in training, in any wording.
"""

import ast
import hashlib
import json
import random
import re
import subprocess
import sys
import sysconfig
from html.parser import HTMLParser
from pathlib import Path

OUT = Path(sys.argv[1])
MAX_CHARS = 12_000  # longer documents are cut into pieces of this many characters


def heldout(name: str) -> bool:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 40 == 0


class Prose(HTMLParser):
    """Paragraphs, headings and list items inside <main>, without code blocks."""

    TAKE = {"p", "li", "h1", "h2", "h3", "h4", "dt", "dd"}

    def __init__(self):
        super().__init__()
        self.in_main = 0
        self.skip = 0
        self.parts = []

    def handle_starttag(self, tag, attrs):
        if tag == "main":
            self.in_main += 1
        if tag in ("pre", "script", "style", "nav", "button"):
            self.skip += 1
        if tag in self.TAKE:
            self.parts.append("\n\n")

    def handle_endtag(self, tag):
        if tag == "main":
            self.in_main -= 1
        if tag in ("pre", "script", "style", "nav", "button"):
            self.skip -= 1

    def handle_data(self, data):
        if self.in_main > 0 and self.skip == 0:
            self.parts.append(data)

    def text(self):
        text = "".join(self.parts)
        paragraphs = [re.sub(r"\s+", " ", p).strip() for p in text.split("\n\n")]
        return "\n\n".join(p for p in paragraphs if len(p.split()) >= 3)


def rust_books():
    """The Rust books: MIT or Apache-2.0."""
    sysroot = Path(subprocess.check_output(["rustc", "--print", "sysroot"], text=True).strip())
    html = sysroot / "share/doc/rust/html"
    books = ["book", "reference", "nomicon", "rust-by-example", "edition-guide", "embedded-book", "cargo", "rustc",
             "rustdoc", "unstable-book", "style-guide", "clippy", "error_codes"]
    for book in books:
        for page in sorted((html / book).rglob("*.html")):
            if page.name in ("print.html", "toc.html", "404.html") or "-edition" in str(page.parent.relative_to(html)):
                continue
            parser = Prose()
            parser.feed(page.read_text(errors="ignore"))
            yield f"rust/{book}/{page.relative_to(html / book)}", parser.text()


def go_comments():
    """Documentation comments of the Go standard library: BSD-3-Clause."""
    root = Path(subprocess.check_output(["go", "env", "GOROOT"], text=True).strip())
    for source in sorted((root / "src").rglob("*.go")):
        name = str(source.relative_to(root))
        if "testdata" in name or "vendor" in name or name.endswith("_test.go"):
            continue
        blocks, block = [], []
        for line in source.read_text(errors="ignore").splitlines() + [""]:
            if line.startswith("// ") or line == "//":
                block.append(line[3:])
                continue
            if len(block) >= 2 and "Copyright" not in block[0]:
                paragraphs = "\n".join(block).split("\n\n")
                good = [re.sub(r"\s+", " ", p) for p in paragraphs if not p.startswith(("\t", " "))]
                blocks.append("\n\n".join(good))
            block = []
        if blocks:
            yield f"go/{name}", "\n\n".join(blocks)


def node_manual():
    """The Node.js manual: MIT. Absent on a machine without it."""
    for page in sorted(Path("/usr/share/doc/nodejs/api").glob("*.md")):
        text = re.sub(r"```.*?```", "", page.read_text(errors="ignore"), flags=re.S)
        text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
        text = re.sub(r"\[([^\]]*)\](\[[^\]]*\]|\([^)]*\))", r"\1", text)
        paragraphs = [re.sub(r"\s+", " ", p).strip() for p in text.split("\n\n")]
        good = [p for p in paragraphs if len(p.split()) >= 8 and not p.startswith(("[", "<", "|"))]
        yield f"node/{page.name}", "\n\n".join(good)


def licences():
    """Licence texts: verbatim copies are permitted by each."""
    for page in sorted(Path("/usr/share/common-licenses").iterdir()):
        if page.is_file() and not page.is_symlink():
            text = page.read_text(errors="ignore")
            yield f"licence/{page.name}", re.sub(r"(?<!\n)\n(?!\n)[ \t]*", " ", text)


def stdlib_files():
    root = Path(sysconfig.get_paths()["stdlib"])
    for source in sorted(root.rglob("*.py")):
        name = str(source.relative_to(root))
        if re.search(r"site-packages|/tests?/|^test/|lib2to3/tests|idlelib|pydoc_data|encodings/", name):
            continue
        yield name, source.read_text(errors="ignore")


def python_code():
    """The Python standard library: PSF-2.0."""
    for name, text in stdlib_files():
        yield f"python/{name}", text.replace("\t", "    ")


def python_chat():
    """Questions about library functions, answered by the first sentence of their docstring (PSF-2.0)."""
    for name, text in stdlib_files():
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        module = name[:-3].replace("/__init__", "").replace("/", ".")
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                doc = ast.get_docstring(node)
                if not doc:
                    continue
                first = re.sub(r"\s+", " ", doc.split("\n\n")[0]).strip()
                if 20 <= len(first) <= 300 and first[0].isupper():
                    kind = "class" if isinstance(node, ast.ClassDef) else "function"
                    yield f"chat/{module}.{node.name}", f"What is the {kind} {node.name} in the Python module {module}?", first


def operands(rng, op):
    if op == "*":
        return rng.randint(0, 12), rng.randint(0, 12)
    top = rng.choice([9, 99, 99, 99, 999])
    a, b = rng.randint(0, top), rng.randint(0, top)
    return (max(a, b), min(a, b)) if op == "-" else (a, b)


def result(a, op, b):
    return {"+": a + b, "-": a - b, "*": a * b}[op]


def worked(a, b):
    """Column addition, one digit at a time from the right."""
    steps, carry, x, y = [], 0, str(a)[::-1], str(b)[::-1]
    for i in range(max(len(x), len(y))):
        p, q = int(x[i]) if i < len(x) else 0, int(y[i]) if i < len(y) else 0
        s = p + q + carry
        steps.append(f"{p}+{q}+{carry}={s}")
        carry = s // 10
    return ", ".join(steps)


NAMES = ["Ann", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gina", "Hugo"]
THINGS = ["apples", "books", "coins", "stones", "pens", "eggs", "cards", "shells"]


def problem(rng, op, a, b):
    r = result(a, op, b)
    kind = rng.random()
    if kind < 0.70:
        return f"Q: {a}{op}{b}=? A: {r}\n"
    if kind < 0.85 and op == "+":
        return f"Q: {a}+{b}=? Work: {worked(a, b)}. A: {r}\n"
    name, thing = rng.choice(NAMES), rng.choice(THINGS)
    if op == "+":
        return f"Q: {name} has {a} {thing} and finds {b} more. How many {thing} now? Work: {a}+{b}={r}. A: {r}\n"
    if op == "-":
        return f"Q: {name} has {a} {thing} and loses {b}. How many {thing} are left? Work: {a}-{b}={r}. A: {r}\n"
    return f"Q: {name} has {a} boxes of {b} {thing}. How many {thing} in all? Work: {a}*{b}={r}. A: {r}\n"


def arithmetic(count):
    """Generated here: nobody's copyright. Yields (held out?, text)."""
    rng = random.Random(20261121)
    for _ in range(count):
        op = rng.choice("++--*")
        a, b = operands(rng, op)
        out = heldout(f"{min(a, b)}{op}{max(a, b)}")
        yield out, problem(rng, op, a, b), (a, op, b)


def pieces(text):
    while len(text) > MAX_CHARS:
        cut = text.rfind("\n", 0, MAX_CHARS)
        cut = cut if cut > MAX_CHARS // 2 else MAX_CHARS
        yield text[:cut]
        text = text[cut:].lstrip("\n")
    if len(text) >= 200:
        yield text


def write(domain, rows):
    """rows: (held out?, source, text)."""
    sizes = {"train": 0, "heldout": 0}
    with open(OUT / f"{domain}.train.jsonl", "w") as train, open(OUT / f"{domain}.heldout.jsonl", "w") as held:
        for out, source, text in rows:
            (held if out else train).write(json.dumps({"text": text, "source": source}, ensure_ascii=False) + "\n")
            sizes["heldout" if out else "train"] += len(text)
    print(f"{domain:<11} train {sizes['train'] / 1e6:6.2f} M characters, held out {sizes['heldout'] / 1e6:5.2f} M")


def documents(*sources):
    for source in sources:
        for name, text in source():
            out = heldout(name)
            for piece in pieces(text):
                yield out, name, piece


def arithmetic_rows():
    sheets = {True: [], False: []}
    for out, text, _ in arithmetic(260_000):
        sheets[out].append(text)
        if len(sheets[out]) == 40:  # one document is a sheet of 40 problems
            yield out, "generated", "".join(sheets[out])
            sheets[out] = []


def chat_rows():
    rng = random.Random(7)
    for name, question, answer in python_chat():
        yield heldout(name), name, json.dumps([question, answer])
    for out, _, (a, op, b) in arithmetic(12_000):
        r = result(a, op, b)
        ask = rng.choice(["What is {}?", "Compute {}.", "How much is {}?", "{}=?"]).format(f"{a}{op}{b}")
        yield out, "generated", json.dumps([ask, f"{a}{op}{b}={r}"])


OUT.mkdir(parents=True, exist_ok=True)
write("prose", documents(rust_books, go_comments, node_manual, licences))
write("code", documents(python_code))
write("arithmetic", arithmetic_rows())
write("chat", chat_rows())
