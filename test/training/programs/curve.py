"""A trial whose loss falls towards a floor that its rate decides. Its state is the steps that it has done."""
import json
import os
import sys
import time

if "HELPER_FOLDER" in os.environ:
    sys.path.insert(0, os.environ["HELPER_FOLDER"])
import headrace_job

run = headrace_job.Run()
done = []
if run.resume() is not None:
    with open(os.path.join(run.resume(), "done.json")) as file:
        done = json.load(file)


def write(folder):
    with open(os.path.join(folder, "done.json"), "w") as file:
        json.dump(done, file)


rate = run.options["rate"]
floor = abs(rate - 0.3)
for step in range(run.step, run.target_steps):
    time.sleep(0.001)
    done.append(step)
    loss = floor + 1.0 / len(done)
    if rate > 0.9:
        loss = float("nan")
    run.heartbeat(step + 1, len(done), loss)
    if rate > 0.9:
        time.sleep(3600)
assert done == list(range(run.target_steps)), done
run.save(run.target_steps, len(done), write)
run.done({"loss": loss})
