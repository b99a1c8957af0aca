"""Runs lm-evaluation-harness once for each variant in one process, since importing it takes longer than a small evaluation.

    python run_evaluations.py JOB.json

The job is what ./slayer eval writes (--out DIR keeps it):
  tasks        names of tasks or groups, ours or the harness's own
  runs         list of {"name", "file", "model_args", "batch_size"}; model_args go to local-completions as they are, commas and all
  limit        items per task, or null for all
  num_fewshot  or null for what each task says
  gen_kwargs   for every generation, or null
  code         whether tasks may run code that the model wrote
  bootstrap    iterations for standard errors that no formula gives
  samples      whether to keep every sample
  out          folder: results go to FILE.json, samples to FILE-samples.jsonl
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Read when lm_eval is imported; it logs what it takes for granted at every level below.
os.environ.setdefault("LMEVAL_LOG_LEVEL", "ERROR")

import lm_eval  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402
from lm_eval.utils import handle_non_serializable  # noqa: E402

OWN_TASKS = Path(__file__).resolve().parent / "tasks"


def task_manager(names):
    """Our tasks, and the harness's own where one is asked for: reading all of those takes seconds."""
    own = TaskManager(include_path=str(OWN_TASKS), include_defaults=False)
    if set(names) <= set(own.all_tasks):
        return own
    every = TaskManager(include_path=str(OWN_TASKS))
    unknown = [name for name in names if not every.match_tasks([name])]
    if unknown:
        sys.exit(f"no such task: {', '.join(unknown)}; tasks of this folder: {', '.join(own.all_tasks)}")
    return every


def evaluate(job, run, tasks):
    args = dict(run["model_args"])
    if args["tokenizer_backend"] != "huggingface" and os.environ.get("OPENAI_API_KEY"):
        args["auth_token"] = os.environ["OPENAI_API_KEY"]  # only this reaches the tokenizer endpoints
    results = lm_eval.simple_evaluate(
        model="local-completions",
        model_args=args,
        tasks=list(job["tasks"]),
        num_fewshot=job.get("num_fewshot"),
        batch_size=run["batch_size"],
        limit=job.get("limit"),
        gen_kwargs=job.get("gen_kwargs"),
        bootstrap_iters=job.get("bootstrap", 1000),
        confirm_run_unsafe_code=job.get("code", False),
        task_manager=tasks,
    )
    results["config"]["model_args"] = run["model_args"]  # without the key
    return results


def write(results, file, with_samples):
    samples = results.pop("samples", {})
    file.with_name(file.name + ".json").write_text(dumped(results), encoding="utf-8")
    if with_samples:
        with file.with_name(file.name + "-samples.jsonl").open("w", encoding="utf-8") as lines:
            for task, rows in samples.items():
                lines.writelines(dumped({"task": task, **row}) + "\n" for row in rows)


def dumped(value):
    return json.dumps(value, default=handle_non_serializable, ensure_ascii=False)


def main():
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    tasks = task_manager(job["tasks"])
    for number, run in enumerate(job["runs"]):
        print(f"evaluating {run['name']} ({number + 1} of {len(job['runs'])})", flush=True)
        results = evaluate(job, run, tasks)
        write({"name": run["name"], **results}, Path(job["out"]) / run["file"], job.get("samples", False))


if __name__ == "__main__":
    main()
