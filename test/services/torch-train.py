"""Trains a small network in steps that are the same in every run: AdamW, a schedule, dropout, a shuffled sampler; ranks by gloo."""
import hashlib
import os
import sys

import torch
import torch.distributed as dist

import headrace_job

run = headrace_job.Run()
torch.manual_seed(7)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
if run.world_size > 1:
    dist.init_process_group("gloo", rank=run.rank, world_size=run.world_size)

width = int(run.options.get("width", 64))
model = torch.nn.Sequential(torch.nn.Linear(32, width), torch.nn.ReLU(), torch.nn.Dropout(0.2), torch.nn.Linear(width, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.9)
data = torch.randn(512, 32)
labels = data[:, :1] * 2 - data[:, 1:2]


class Sampler:
    """Batches of a shuffled order; its state is the generator and the order."""

    def __init__(self):
        self.generator = torch.Generator().manual_seed(11)
        self.order = []

    def batch(self):
        if len(self.order) < 16:
            self.order = torch.randperm(512, generator=self.generator).tolist()
        batch, self.order = self.order[:16], self.order[16:]
        return batch

    def state_dict(self):
        return {"generator": self.generator.get_state(), "order": self.order}

    def load_state_dict(self, state):
        self.generator.set_state(state["generator"])
        self.order = state["order"]


sampler = Sampler()
parts = {"schedule": schedule, "sampler": sampler}
resume, save = (run.resume_dcp, run.save_dcp) if run.options.get("dcp") else (run.resume_torch, run.save_torch)
resume(model, optimizer, **parts)
every = int(run.options.get("every", 0))
asynchronous = bool(run.options.get("asynchronous", False))
fault = run.options.get("fault")
loss = None
for step in range(run.step, run.target_steps):
    rows = sampler.batch()[run.rank :: run.world_size]
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(data[rows]), labels[rows])
    loss.backward()
    if run.world_size > 1:
        for parameter in model.parameters():
            dist.all_reduce(parameter.grad)
            parameter.grad /= run.world_size
    optimizer.step()
    schedule.step()
    run.heartbeat(step + 1, (step + 1) * 16, float(loss))
    with open(os.path.join(run.folder, "steps-%d.log" % run.rank), "a") as file:
        file.write("%d %d\n" % (run.attempt, step))
    due = run.checkpoint_due()
    if due or (every and (step + 1) % every == 0):
        save(step + 1, (step + 1) * 16, model, optimizer, asynchronous=asynchronous, **parts)
    if run.stopping:
        run.leave()
    if fault is not None and run.attempt == 1 and step == 12 and run.rank == run.world_size - 1:
        import signal

        os.kill(os.getpid(), {"killed": signal.SIGKILL, "stopped": signal.SIGSTOP}[fault])
run.wait()
digest = hashlib.sha256()
for parameter in model.parameters():
    digest.update(parameter.detach().numpy().tobytes())
run.done({"state": digest.hexdigest(), "loss": float(loss)})
sys.stdout.flush()
# Destructors of gloo may wait for ranks that have ended.
os._exit(0)
