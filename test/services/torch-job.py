"""A training loop on a CPU: a loader with a set pause, a model, accumulation, autocast; each by a variable."""
import os, sys, time
import torch
from headrace_profile import profiled

env = lambda name, other: os.environ.get("JOB_" + name, other)
torch.manual_seed(0)
torch.set_num_threads(1)
batch, pause, k = int(env("BATCH", "64")), float(env("PAUSE", "0")), int(env("K", "1"))
model = torch.nn.Sequential(torch.nn.Linear(512, 1024), torch.nn.ReLU(), torch.nn.Linear(1024, 1024), torch.nn.ReLU(), torch.nn.Linear(1024, 10))
if env("COMPILE", "") == "1":
    model = torch.compile(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)


class Loader:
    def __iter__(self):
        for number in range(int(env("BATCHES", "400"))):
            time.sleep(pause)
            generator = torch.Generator().manual_seed(number)
            yield torch.randn(batch, 512, generator=generator), torch.randint(0, 10, (batch,), generator=generator)


for number, (inputs, labels) in enumerate(profiled(Loader())):
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=env("AMP", "") == "1"):
        loss = torch.nn.functional.cross_entropy(model(inputs).float(), labels)
    (loss / k).backward()
    if (number + 1) % k == 0:
        optimizer.step()
        optimizer.zero_grad()
print(f"{loss.item():.9f}")
