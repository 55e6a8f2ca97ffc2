"""The side of a training program in a Headrace run (format 2). One file, no dependency; torch is imported where it is used.

    run = headrace_job.Run()
    state = run.resume_torch(model, optimizer)       # or run.resume() for files of your own
    for step in range(run.step, run.target_steps):
        loss = train_one_step()
        run.heartbeat(step + 1, samples, loss)
        if run.checkpoint_due():
            run.save_torch(step + 1, samples, model, optimizer)
        if run.stopping:
            run.leave()
    run.done({"loss": loss})

Outside of a run, heartbeats and checkpoints do nothing, so that the same program runs alone.
"""
import hashlib
import json
import math
import os
import random
import shutil
import signal
import sys
import threading
import time

# Libraries that the program loads after this one do not report to their vendors, unless it says otherwise.
for _name, _value in (("ORT_DISABLE_TELEMETRY", "1"), ("MLFLOW_DISABLE_TELEMETRY", "true"), ("DO_NOT_TRACK", "1")):
    os.environ.setdefault(_name, _value)

FORMAT = 2
CHECKPOINT_FORMAT = 1


class Run:
    def __init__(self):
        path = os.environ.get("HEADRACE_RUN")
        self.active = path is not None
        job = {}
        if path is not None:
            with open(path) as file:
                job = json.load(file)
            if job.get("format") != FORMAT:
                raise SystemExit("run.json has format %r; this helper knows %d" % (job.get("format"), FORMAT))
        self.folder = os.environ.get("HEADRACE_RUN_FOLDER", "")
        self.rank = int(os.environ.get("HEADRACE_RANK", "0"))
        self.world_size = int(os.environ.get("HEADRACE_WORLD_SIZE", "1"))
        self.attempt = int(os.environ.get("HEADRACE_ATTEMPT", "0"))
        self.target_steps = job.get("targetSteps")
        self.options = job.get("options", {})
        self.checkpoints = job.get("checkpoints")
        # A drill kills the program at these places: rank 0 waits there, so that the kill never comes too late.
        self._hold = job.get("hold", {}) if self.rank == 0 else {}
        self.resume_from = os.environ.get("HEADRACE_RESUME") or None
        self.step = 0
        self.samples = 0
        self.stopping = False
        self._signalled = False
        self._request = None
        self._agreed = None
        self._last_agreed = None
        self._last_checkpoint = None
        self._highest = 0
        self._back_to = None
        self._writer = None
        self._failure = None
        self._copies = None
        self._group = None
        # Training and a checkpoint in the background both write heartbeats.
        self._beating = threading.Lock()
        self._loss = None
        if self.resume_from is not None:
            with open(os.path.join(self.resume_from, "manifest.json")) as file:
                manifest = json.load(file)
            self.step = self._last_checkpoint = manifest["step"]
            self.samples = manifest["samples"]
        if self.active:
            signal.signal(signal.SIGTERM, self._stop)
            try:
                import faulthandler

                faulthandler.register(signal.SIGQUIT, all_threads=True)
            except (ImportError, AttributeError):
                pass
            self.heartbeat(self.step, self.samples, None)

    def _stop(self, _signal, _frame):
        self._signalled = True

    def heartbeat(self, step, samples, loss):
        """Says that `step` steps and `samples` samples are done. loss: a number, or None for the previous one."""
        with self._beating:
            self._beat(step, samples, loss)
        if self.step >= self._hold.get("step", math.inf):
            _for_ever()

    def _beat(self, step, samples, loss):
        self.step, self.samples = step, samples = int(step), int(samples)
        if not self.active:
            return
        self._loss = loss if loss is not None else self._loss
        loss = self._loss
        # The controller looks now and then: a step that went back stays in the heartbeat, however soon the next one comes.
        if step < self._highest:
            self._back_to = step if self._back_to is None else min(step, self._back_to)
        self._highest = max(step, self._highest)
        number = None if loss is None or not math.isfinite(loss) else float(loss)
        beat = {
            "format": FORMAT,
            "attempt": self.attempt,
            "step": step,
            "samples": samples,
            "loss": number,
            "diverged": loss is not None and number is None,
            "t": time.time() * 1000,
            "lastCheckpoint": self._last_checkpoint,
            "backTo": self._back_to,
        }
        _replace(os.path.join(self.folder, "heartbeats", "%d.json" % self.rank), beat, durable=False)

    def checkpoint_due(self):
        """Whether a checkpoint is due after this step: the controller asked for one, or for the end (`stopping` is true then).

        Call it once a step, after the heartbeat. Rank 0 chooses the step for all ranks, two steps ahead: ranks that train
        together are at most one step apart.
        """
        if not self.active:
            return False
        agreement = os.path.join(self.folder, "agreed.json")
        if self.rank == 0 and self._agreed is None:
            request = _read(os.path.join(self.folder, "request.json")).get("id")
            new = request is not None and request != self._request
            if new or self._signalled:
                self._request = request
                ahead = 2 if self.world_size > 1 else 0
                self._agreed = {"attempt": self.attempt, "step": self.step + ahead, "stop": self._signalled}
                if self.world_size > 1:
                    _replace(agreement, self._agreed, durable=False)
        elif self.rank > 0:
            agreed = _read(agreement)
            if agreed.get("attempt") == self.attempt and agreed["step"] != self._last_agreed:
                self._agreed = agreed
        if self._agreed is None or self.step < self._agreed["step"]:
            return False
        if self.step > self._agreed["step"]:
            raise SystemExit("rank %d is at step %d, after the step %d of the checkpoint: ranks must train in step" % (self.rank, self.step, self._agreed["step"]))
        self._last_agreed = self._agreed["step"]
        self.stopping = self.stopping or self._agreed["stop"]
        self._agreed = None
        return True

    def save(self, step, samples, write, reshards=False):
        """Writes a checkpoint: `write(folder)` writes this rank's files there, under names that no other rank uses.

        Every rank calls it at the same step. It is there after a rename, or not at all.
        """
        if not self.active:
            return
        self.wait()
        step, samples = int(step), int(samples)
        final = os.path.join(self.checkpoints, "step-%09d" % step)
        if os.path.exists(final):
            return
        folder = os.path.join(self.checkpoints, ".tmp-%d-step-%09d" % (self.attempt, step))
        os.makedirs(folder, exist_ok=True)
        own = os.path.join(folder, "part-%d" % self.rank)
        shutil.rmtree(own, ignore_errors=True)
        os.makedirs(own)
        write(own)
        files = []
        for name in sorted(os.listdir(own)):
            path = os.path.join(own, name)
            files.append({"name": name, "bytes": os.path.getsize(path), "sha256": _digest(path)})
        _replace(os.path.join(folder, ".part-%d.json" % self.rank), files)
        if self.rank == 0:
            self._finish(folder, final, step, samples, reshards)
        else:
            _until(lambda: os.path.exists(final))
        # A checkpoint in the background reports the step that training has reached by now.
        with self._beating:
            self._last_checkpoint = step
            self._beat(self.step, self.samples, None)

    def _finish(self, folder, final, step, samples, reshards):
        files = []
        for rank in range(self.world_size):
            path = os.path.join(folder, ".part-%d.json" % rank)
            _until(lambda: os.path.exists(path))
            with open(path) as file:
                part = json.load(file)
            for one in part:
                os.rename(os.path.join(folder, "part-%d" % rank, one["name"]), os.path.join(folder, one["name"]))
            os.rmdir(os.path.join(folder, "part-%d" % rank))
            os.remove(path)
            files += part
        if len({one["name"] for one in files}) != len(files):
            raise SystemExit("two ranks wrote a file of the same name into the checkpoint of step %d" % step)
        manifest = {
            "format": CHECKPOINT_FORMAT,
            "step": step,
            "samples": samples,
            "worldSize": self.world_size,
            "reshards": bool(reshards),
            "files": files,
        }
        _replace(os.path.join(folder, "manifest.json"), manifest)
        _sync(folder)
        if self._hold.get("inSave") and self._saved() > 0:
            _for_ever()
        os.rename(folder, final)
        _sync(self.checkpoints)
        if self._saved() >= self._hold.get("saved", math.inf):
            _for_ever()

    def _saved(self):
        return sum(1 for name in os.listdir(self.checkpoints) if name.startswith("step-"))

    def resume(self):
        """The folder of the checkpoint to resume from, or None. `step` and `samples` are those of its manifest."""
        return self.resume_from

    def done(self, result=None):
        """Ends the program well. Only rank 0's result counts."""
        self.wait()
        if self.active and self.rank == 0:
            _replace(os.path.join(self.folder, "done.json"), {"format": FORMAT, "step": self.step, "result": result})

    def leave(self):
        """Ends after a request of the controller: the run resumes from the newest checkpoint."""
        self.wait()
        sys.exit(143)

    # torch

    def save_torch(self, step, samples, model, optimizer=None, asynchronous=False, **others):
        """Saves model, optimizer, chance and everything else that has a `state_dict` (schedule, scaler, sampler).

        asynchronous: copies every tensor now, and writes in a thread. A save waits for the previous one. The copies keep their memory.
        """
        import torch

        if not self.active:
            return
        state = {"chance": _chance(torch), "model": model.state_dict()}
        parts = {"optimizer": optimizer}
        parts.update(others)
        for name, part in parts.items():
            if part is not None:
                state[name] = part.state_dict() if hasattr(part, "state_dict") else part
        name = "state.pt" if self.world_size == 1 else "state-%d.pt" % self.rank
        self._save_state(torch, step, samples, state, asynchronous, lambda folder, state: _torch_write(torch, state, os.path.join(folder, name)))

    def _save_state(self, torch, step, samples, state, asynchronous, write):
        """Saves by write(folder, state), now or in a thread."""
        if not asynchronous:
            self.save(step, samples, lambda folder: write(folder, state))
            return
        self.wait()
        # A tensor that training changes while it is written would be saved with the values of a later step.
        # The copies stay for the next save: new memory would cost more than the copying.
        state = self._copies = _copied(torch, state, self._copies)

        def work():
            try:
                self._save_in_thread(step, samples, lambda folder: write(folder, state))
            except BaseException as error:  # the next call of wait() raises it
                self._failure = error

        self._writer = threading.Thread(target=work, daemon=False)
        self._writer.start()

    def _save_in_thread(self, step, samples, write):
        writer, self._writer = self._writer, None
        try:
            self.save(step, samples, write)
        finally:
            self._writer = writer

    def wait(self):
        """Waits for a write in the background, and raises its error."""
        writer = self._writer
        if writer is not None and writer is not threading.current_thread():
            writer.join()
            self._writer = None
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def resume_torch(self, model, optimizer=None, **others):
        """Loads what `save_torch` saved, and sets chance as it was. Says whether there was a checkpoint."""
        import torch

        if self.resume_from is None:
            return False
        name = "state.pt" if self.world_size == 1 else "state-%d.pt" % self.rank
        path = os.path.join(self.resume_from, name)
        try:
            state = torch.load(path, map_location="cpu", weights_only=False)
        except TypeError:  # torch before 2
            state = torch.load(path, map_location="cpu")
        model.load_state_dict(state["model"])
        parts = {"optimizer": optimizer}
        parts.update(others)
        for name, part in parts.items():
            if part is not None and hasattr(part, "load_state_dict"):
                part.load_state_dict(state[name])
        _set_chance(torch, state["chance"])
        self.state = state
        return True

    # torch.distributed.checkpoint, for models whose parameters are spread over the ranks (torch 2)

    def save_dcp(self, step, samples, model, optimizer, asynchronous=False, **others):
        """As save_torch, with model and optimizer by torch.distributed.checkpoint. Every rank calls it at the same step."""
        import torch
        from torch.distributed.checkpoint import state_dict

        if not self.active:
            return
        model_state, optimizer_state = state_dict.get_state_dict(model, optimizer)
        own = {"chance": _chance(torch)}
        own.update({name: part.state_dict() for name, part in others.items()})
        # Its collectives must not meet those of training.
        group = self._dcp_group(torch)

        def write(folder, state):
            import torch.distributed.checkpoint as dcp

            dcp.save(state["spread"], storage_writer=dcp.FileSystemWriter(folder), process_group=group)
            _torch_write(torch, state["own"], os.path.join(folder, "own-%d.pt" % self.rank))

        state = {"spread": {"model": model_state, "optimizer": optimizer_state}, "own": own}
        self._save_state(torch, step, samples, state, asynchronous, write)

    def resume_dcp(self, model, optimizer, **others):
        """Loads what save_dcp saved. Says whether there was a checkpoint."""
        import torch
        from torch.distributed.checkpoint import state_dict

        if self.resume_from is None:
            return False
        import torch.distributed.checkpoint as dcp

        model_state, optimizer_state = state_dict.get_state_dict(model, optimizer)
        state = {"model": model_state, "optimizer": optimizer_state}
        dcp.load(state, storage_reader=dcp.FileSystemReader(self.resume_from), process_group=self._dcp_group(torch))
        state_dict.set_state_dict(
            model, optimizer, model_state_dict=state["model"], optim_state_dict=state["optimizer"]
        )
        path = os.path.join(self.resume_from, "own-%d.pt" % self.rank)
        own = torch.load(path, map_location="cpu", weights_only=False)
        for name, part in others.items():
            part.load_state_dict(own[name])
        _set_chance(torch, own["chance"])
        return True

    def _dcp_group(self, torch):
        if self._group is None and torch.distributed.is_available() and torch.distributed.is_initialized():
            self._group = torch.distributed.new_group(backend="gloo")
        return self._group


def _torch_write(torch, state, path):
    with open(path, "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())


def _copied(torch, value, into=None):
    """A copy on the CPU; tensors go into those of an earlier copy that have the same shape and type."""
    if isinstance(value, torch.Tensor):
        same = isinstance(into, torch.Tensor) and into.shape == value.shape and into.dtype == value.dtype
        return into.copy_(value.detach()) if same else value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        old = into if isinstance(into, dict) else {}
        return {key: _copied(torch, one, old.get(key)) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        old = into if isinstance(into, (list, tuple)) and len(into) == len(value) else [None] * len(value)
        return type(value)(_copied(torch, one, before) for one, before in zip(value, old))
    return value


def _chance(torch):
    state = {"python": random.getstate(), "torch": torch.get_rng_state()}
    if "numpy" in sys.modules:
        state["numpy"] = sys.modules["numpy"].random.get_state()
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def _set_chance(torch, state):
    random.setstate(state["python"])
    torch.set_rng_state(state["torch"])
    if "numpy" in state:
        import numpy

        numpy.random.set_state(state["numpy"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])


def _digest(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
        os.fsync(file.fileno())
    return digest.hexdigest()


def _replace(path, value, durable=True):
    part = "%s.%d.%d.new" % (path, os.getpid(), threading.get_ident())
    with open(part, "w") as file:
        json.dump(_plain(value), file, allow_nan=False)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    os.rename(part, path)


def _plain(value):
    """A value as strict JSON takes it: a number that is not finite is null, one of numpy or torch is a plain one."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    for name in ("item", "tolist"):
        try:
            return _plain(getattr(value, name)())
        except (AttributeError, TypeError, ValueError, RuntimeError):
            pass
    return str(value)


def _read(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def _sync(folder):
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _for_ever():
    while True:
        time.sleep(1)


def _until(condition):
    # No limit of time here: the controller ends a gang whose step does not advance.
    while not condition():
        time.sleep(0.005)
