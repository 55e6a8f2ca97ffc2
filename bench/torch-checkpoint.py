"""Blocked time of checkpoints of one state: torch.save, and the helper's save in the background. Prints JSON, seconds."""
import json
import os
import sys
import tempfile
import time

import torch

import headrace_job

folder = tempfile.mkdtemp(dir=sys.argv[1])
megabytes = int(sys.argv[2])
run = headrace_job.Run()
run.active, run.folder, run.checkpoints = True, folder, os.path.join(folder, "checkpoints")
os.makedirs(run.checkpoints)
os.makedirs(os.path.join(folder, "heartbeats"))
layers = [torch.nn.Linear(1024, 1024) for _ in range(megabytes // 4)]
model = torch.nn.Sequential(*layers)
plain, blocked = [], []
for step in range(5):
    began = time.perf_counter()
    path = os.path.join(folder, "plain.pt")
    with open(path, "wb") as file:
        torch.save({"model": model.state_dict()}, file)
        file.flush()
        os.fsync(file.fileno())
    plain.append(time.perf_counter() - began)
    began = time.perf_counter()
    run.save_torch(step, step, model, asynchronous=True)
    blocked.append(time.perf_counter() - began)
    run.wait()
print(json.dumps({"plain": plain, "blocked": blocked}))
