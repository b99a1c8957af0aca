"""Acceptance: files and fine-tuning jobs with the real openai client against a running server that trains.

Environment:
  SLAYER_BASE_URL  the server, for example http://127.0.0.1:8000/v1; it has jobs of its own only if they can be told apart

Prints one line per check and ends with status 0 if all of them hold. The checks train slot 1 of the first model for some steps.
"""

import io
import json
import os
import sys
import time
import traceback

import openai

client = openai.OpenAI(base_url=os.environ["SLAYER_BASE_URL"], api_key="none", max_retries=0, timeout=60)
model = client.models.list().data[0].id
rows = "".join(json.dumps({"text": f"the fox number {i} runs over {i * 7} hills. "}) + "\n" for i in range(40))


def upload(name="foxes.jsonl", content=rows, **fields):
    return client.files.create(file=(name, io.BytesIO(content.encode())), purpose="fine-tune", **fields)


def method(steps):
    recipe = {
        "data": {"length": 32, "epochs": 1000000},
        "optimizer": {"batch": 4, "learning_rate": 0.003},
        "run": {"steps": steps, "checkpoint_every": 4},
    }
    return {"type": "slayer", "slayer": {"name": "expand", "slots": "1", "recipe": recipe}}


def create(steps, **fields):
    return client.fine_tuning.jobs.create(
        model=model, training_file=fields.pop("training_file", None) or upload().id, method=method(steps), **fields
    )


def wait(job, *statuses):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        now = client.fine_tuning.jobs.retrieve(job.id)
        if now.status in statuses:
            return now
        assert now.status not in ("failed", "cancelled", "succeeded"), now
        time.sleep(0.02)
    raise AssertionError(f"{job.id} is not {statuses}: {now}")


def expect(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def files_are_uploaded_listed_read_and_deleted():
    file = upload("foxes (1).jsonl", expires_after={"anchor": "created_at", "seconds": 3600})
    assert file.object == "file" and file.filename == "foxes (1).jsonl" and file.purpose == "fine-tune"
    assert file.bytes == len(rows) and file.status == "processed" and file.expires_at - file.created_at == 3600
    assert client.files.retrieve(file.id).id == file.id
    assert client.files.content(file.id).read() == rows.encode()
    others = [upload(f"{i}.jsonl").id for i in range(3)]
    listed = [one.id for one in client.files.list(limit=2, order="asc", purpose="fine-tune")]
    assert listed[-4:] == [file.id, *others] and len(set(listed)) == len(listed)
    for one in (file.id, *others):
        assert client.files.delete(one).deleted
    expect(openai.NotFoundError, lambda: client.files.retrieve(file.id))


def a_job_makes_a_model_that_answers():
    validation = upload("held.jsonl")
    job = create(10, validation_file=validation.id, suffix="fox", seed=7, metadata={"who": "me"})
    assert job.object == "fine_tuning.job" and job.status in ("validating_files", "queued", "running")
    assert job.model == model and job.seed == 7 and job.metadata == {"who": "me"} and job.fine_tuned_model is None
    assert job.error is None or job.error.code is None
    done = wait(job, "succeeded")
    assert "fox" in done.fine_tuned_model and done.trained_tokens > 0 and done.finished_at >= done.created_at
    answer = client.completions.create(model=done.fine_tuned_model, prompt="the fox", max_tokens=3)
    assert answer.model == done.fine_tuned_model
    assert done.fine_tuned_model in [one.id for one in client.models.list()]

    events = list(client.fine_tuning.jobs.list_events(job.id, limit=3))
    assert len({event.id for event in events}) == len(events) > 12
    losses = {event.data["step"]: event.data["train_loss"] for event in events if "train_loss" in (event.data or {})}
    assert sorted(losses) == list(range(1, 11)) and losses[10] < losses[1]
    assert {event.type for event in events} == {"message", "metrics"}

    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(job.id, limit=1))
    assert [one.step_number for one in checkpoints] == [10, 8, 4]
    assert checkpoints[0].fine_tuned_model_checkpoint == done.fine_tuned_model
    assert checkpoints[0].fine_tuning_job_id == job.id and checkpoints[0].metrics.valid_loss > 0

    metrics = client.files.content(done.result_files[0]).read().decode().splitlines()
    assert [json.loads(line)["loss"] for line in metrics if "loss" in json.loads(line)] == [
        losses[step] for step in range(1, 11)
    ]
    assert client.models.delete(done.fine_tuned_model).deleted
    expect(openai.NotFoundError, lambda: client.models.retrieve(done.fine_tuned_model))


def jobs_are_listed_in_pages():
    file = upload().id
    made = [create(1, training_file=file, metadata={"list": "mine"}).id for _ in range(5)]
    listed = [job.id for job in client.fine_tuning.jobs.list(limit=2)]
    assert listed[:5] == made[::-1] and len(set(listed)) == len(listed)
    assert [job.id for job in client.fine_tuning.jobs.list(limit=2, metadata={"list": "mine"})] == made[::-1]
    for job in made:
        wait(client.fine_tuning.jobs.retrieve(job), "succeeded")


def a_job_is_paused_resumed_and_cancelled():
    job = create(100000)
    wait(job, "running")
    assert client.fine_tuning.jobs.pause(job.id).status == "paused"
    expect(openai.ConflictError, lambda: client.fine_tuning.jobs.pause(job.id))
    assert client.fine_tuning.jobs.resume(job.id).status in ("validating_files", "queued", "running")
    wait(job, "running")
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    expect(openai.ConflictError, lambda: client.fine_tuning.jobs.resume(job.id))


def the_supervised_method_trains_on_answers():
    chats = "".join(json.dumps({"prompt": f"fox {i}?", "completion": f" hill {i}"}) + "\n" for i in range(8))
    file = upload("chats.jsonl", chats)
    job = client.fine_tuning.jobs.create(
        model=model,
        training_file=file.id,
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1, "batch_size": "auto"}}},
    )
    done = wait(job, "succeeded")
    assert done.hyperparameters.n_epochs == 1 and done.method.type == "supervised"


def what_cannot_be_is_refused():
    file = upload().id
    error = expect(openai.NotFoundError, lambda: create(1, training_file="file-none"))
    assert error.param == "training_file" and error.code == "file_not_found"
    expect(openai.NotFoundError, lambda: client.fine_tuning.jobs.retrieve("ftjob-none"))
    error = expect(
        openai.BadRequestError,
        lambda: client.fine_tuning.jobs.create(model=model, training_file=file, method={"type": "dpo"}),
    )
    assert error.param == "method.type"
    bad = client.fine_tuning.jobs.create(model=model, training_file=upload("bad.jsonl", "[]\n" * 50).id, method=method(1))
    deadline = time.monotonic() + 60
    while client.fine_tuning.jobs.retrieve(bad.id).status != "failed" and time.monotonic() < deadline:
        time.sleep(0.02)
    failed = client.fine_tuning.jobs.retrieve(bad.id)
    assert failed.status == "failed" and failed.error.code and ".jsonl" in failed.error.message


CHECKS = [
    files_are_uploaded_listed_read_and_deleted,
    a_job_makes_a_model_that_answers,
    jobs_are_listed_in_pages,
    a_job_is_paused_resumed_and_cancelled,
    the_supervised_method_trains_on_answers,
    what_cannot_be_is_refused,
]

failures = 0
for check in CHECKS:
    name = check.__name__.replace("_", " ")
    try:
        check()
        print(f"ok       {name}")
    except Exception:
        failures += 1
        print(f"FAILED   {name}")
        traceback.print_exc(file=sys.stdout)
print(f"openai {openai.__version__}: {len(CHECKS) - failures} of {len(CHECKS)} checks without failure")
sys.exit(1 if failures else 0)
