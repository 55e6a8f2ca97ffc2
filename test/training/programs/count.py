"""Adds up samples in a fixed order. Its state is one number, so that a sample that is lost or seen twice changes it."""
import hashlib
import json
import os
import sys
import time

sys.path.insert(0, os.environ["HELPER_FOLDER"])
import headrace_job

run = headrace_job.Run()
state = hashlib.sha256(b"start").hexdigest()
# A load that never ends, of the checkpoint of one step.
if run.step > 0 and run.options.get("endlessLoad") == run.step:
    time.sleep(3600)
if run.resume() is not None:
    with open(os.path.join(run.resume(), "state-%d.json" % run.rank)) as file:
        state = json.load(file)["state"]


def write(folder):
    with open(os.path.join(folder, "state-%d.json" % run.rank), "w") as file:
        json.dump({"state": state, "padding": "x" * int(run.options.get("bytes", 0))}, file)


def step_of(rank):
    try:
        with open(os.path.join(run.folder, "heartbeats", "%d.json" % rank)) as file:
            beat = json.load(file)
        return beat["step"] if beat["attempt"] == run.attempt else -1
    except (OSError, ValueError):
        return -1


every = int(run.options.get("every", 0))
for step in range(run.step, run.target_steps):
    # As a sum of gradients would: no rank begins a step before all have ended the previous step.
    while not all(step_of(other) >= step for other in range(run.world_size) if other != run.rank):
        time.sleep(0.001)
    time.sleep(float(run.options.get("stepSeconds", 0.002)))
    state = hashlib.sha256(("%s/%d/%d" % (state, run.rank, step)).encode()).hexdigest()
    run.heartbeat(step + 1, (step + 1) * 8, 1.0 / (step + 1))
    with open(os.path.join(run.folder, "steps-%d.log" % run.rank), "a") as file:
        file.write("%d %d\n" % (run.attempt, step))
    due = run.checkpoint_due()
    if due or (every and (step + 1) % every == 0):
        run.save(step + 1, (step + 1) * 8, write)
    if run.stopping:
        run.leave()
    fault = run.options.get("fault")
    if fault == "hang" and step == 20 and run.attempt == 1:
        time.sleep(3600)
    if fault == "error" and step == 20 and run.attempt == 1:
        raise ValueError("a fault of the program")
    if fault == "early" and step == 20:
        sys.exit(0)
    if fault == "silentRank" and step == 20 and run.attempt == 1 and run.rank == 1:
        time.sleep(3600)
run.done({"state": state})
