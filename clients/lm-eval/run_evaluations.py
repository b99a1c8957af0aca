"""Runs lm-evaluation-harness once for each variant in one process, since importing it takes longer than a small evaluation.

    python run_evaluations.py JOB.json

The job is what ./slayer eval writes:
  tasks        names of tasks or groups, ours or the harness's own
  runs         list of {"name", "model_args", "batch_size"}; model_args go to local-completions as they are
  limit        items per task, or null for all
  num_fewshot  or null for what each task says
  gen_kwargs   for every generation, or null
  code         whether tasks may run code that the model wrote
  bootstrap    iterations for standard errors that no formula gives
  out          folder: NAME-of-run's results and samples go to out/RUN.json, RUN counted from 0
"""

import json
import logging
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
    return lm_eval.simple_evaluate(
        model="local-completions",
        model_args=dict(run["model_args"]),
        tasks=list(job["tasks"]),
        num_fewshot=job.get("num_fewshot"),
        batch_size=run["batch_size"],
        limit=job.get("limit"),
        gen_kwargs=job.get("gen_kwargs"),
        bootstrap_iters=job.get("bootstrap", 1000),
        confirm_run_unsafe_code=job.get("code", False),
        task_manager=tasks,
    )


def main():
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    logging.basicConfig(level=logging.ERROR)
    out = Path(job["out"])
    tasks = task_manager(job["tasks"])
    for number, run in enumerate(job["runs"]):
        print(f"{run['name']} ({number + 1} of {len(job['runs'])})", file=sys.stderr, flush=True)
        results = evaluate(job, run, tasks)
        text = json.dumps({"name": run["name"], **results}, default=handle_non_serializable, ensure_ascii=False)
        (out / f"{number}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
