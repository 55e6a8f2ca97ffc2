"""A trial whose result file is what its parameter says: good, not finite, cut, or no JSON at all."""
import os
import sys

sys.path.insert(0, os.environ["HELPER_FOLDER"])
import headrace_job

run = headrace_job.Run()
kind = run.options["kind"]
run.heartbeat(run.target_steps, run.target_steps, 0.5)
run.done({"loss": {"nan": float("nan"), "infinite": float("inf")}.get(kind, 0.25)})
path = os.path.join(run.folder, "done.json")
if kind == "cut":
    os.truncate(path, 10)
if kind == "python":
    with open(path, "w") as file:
        file.write('{"format": 2, "step": 1, "result": {"loss": NaN}}')
if kind == "empty":
    os.truncate(path, 0)
