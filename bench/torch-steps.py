"""Steps of a network on one core, with the instants of a run: times.json in RUN_TIMES has start, first and last step, blocked seconds."""
import json
import os
import time

started = time.time()
import torch

import headrace_job

run = headrace_job.Run()
torch.manual_seed(7)
torch.set_num_threads(1)
model = torch.nn.Sequential(torch.nn.Linear(256, 1024), torch.nn.ReLU(), torch.nn.Linear(1024, 1024), torch.nn.ReLU(), torch.nn.Linear(1024, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=0.001)
run.resume_torch(model, optimizer)
steps = int(os.environ.get("RUN_STEPS", run.target_steps or 0))
every = int(run.options.get("every", 0))
kill = int(run.options.get("kill", 0))
inputs, labels = torch.randn(4, 256), torch.randn(4, 1)
times = {"started": started, "from": run.step, "blocked": []}
for step in range(run.step, steps):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(inputs), labels)
    loss.backward()
    optimizer.step()
    run.heartbeat(step + 1, (step + 1) * 4, float(loss))
    if step == times["from"]:
        times["first"] = time.time()
    run.checkpoint_due()
    if every and (step + 1) % every == 0 and step + 1 < steps:
        began = time.time()
        run.save_torch(step + 1, (step + 1) * 4, model, optimizer)
        times["blocked"].append(time.time() - began)
    if kill == step + 1 and run.attempt == 1:
        with open(os.environ["RUN_TIMES"] + ".killed", "w") as file:
            json.dump(time.time(), file)
        os.kill(os.getpid(), 9)
times["last"] = time.time()
with open(os.environ["RUN_TIMES"], "w") as file:
    json.dump(times, file)
run.done({})
