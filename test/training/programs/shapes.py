"""A trial whose loss has a known curve: "steady" keeps the order of rates, "crossing" turns it, none is a power law of the rate."""
import os
import sys

sys.path.insert(0, os.environ["HELPER_FOLDER"])
import headrace_job

run = headrace_job.Run()
rate = run.options["rate"]
shape = run.options.get("shape")


def loss_at(step):
    if shape is None:
        return 0.2 + rate ** -0.5
    if shape == "steady":
        return rate + 1.0 / step
    return rate if step < run.options["fullBudget"] / 8 else 1 - rate


def write(folder):
    with open(os.path.join(folder, "step"), "w") as file:
        file.write(str(run.step))


for step in range(run.step, run.target_steps):
    run.heartbeat(step + 1, step + 1, loss_at(step + 1))
run.save(run.target_steps, run.target_steps, write)
run.done({"loss": loss_at(run.target_steps)})
