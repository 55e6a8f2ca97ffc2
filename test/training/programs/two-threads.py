"""Heartbeats of training and of checkpoints in the background at once; prints the step of each beat that went back."""
import json
import os
import threading

import headrace_job

run = headrace_job.Run()
path = os.path.join(run.folder, "heartbeats", "0.json")
STEPS = 400
back = []


def write(folder):
    with open(os.path.join(folder, "state"), "w") as file:
        file.write("x")


def checkpoints():
    for step in range(1, 40):
        run.save(1_000_000 + step, 0, write)


writer = threading.Thread(target=checkpoints)
writer.start()
last = 0
for step in range(1, STEPS + 1):
    run.heartbeat(step, step, 1.0)
    with open(path) as file:
        seen = json.load(file)["step"]
    if seen < step:
        back.append((step, seen))
writer.join()
print(json.dumps({"back": back, "last": json.load(open(path))["step"]}))
