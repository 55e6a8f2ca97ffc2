"""The program of the guide's job: its loop, without its model. `headrace train drill` and `cost profile` run programs of this form."""

import headrace_job
from headrace_profile import profiled
from model import loader, optimizer, resnet50, train_step

run = headrace_job.Run()
model = resnet50()
optimiser = optimizer(model)
run.resume_torch(model, optimiser)
batches = iter(profiled(loader(batch=256)))
for step in range(run.step, run.target_steps):
    loss = train_step(model, optimiser, next(batches))
    run.heartbeat(step + 1, (step + 1) * 256, loss)
    if run.checkpoint_due():
        run.save_torch(step + 1, (step + 1) * 256, model, optimiser, asynchronous=True)
    if run.stopping:
        run.leave()
run.done({"loss": loss})
