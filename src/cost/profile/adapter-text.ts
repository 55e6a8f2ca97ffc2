/**
 * The Python side of `headrace cost profile`: one file without dependencies, which a user copies next to the training program. It
 * measures what the variables of its environment ask for, and changes nothing without them.
 */
export const adapterText = `"""Measures a training loop for headrace cost profile: for batch in profiled(loader): ..."""
import itertools, json, os, sys, time

def _torch():
    return sys.modules["torch"] if "torch" in sys.modules and sys.modules["torch"].cuda.is_available() else None

def _now():
    return (_torch() and _torch().cuda.synchronize()) or time.perf_counter()

def profiled(loader):
    env = os.environ.get
    mode = env("HEADRACE_PROFILE_MODE")
    if mode is None:
        yield from loader
        return
    warm, steps = int(env("HEADRACE_PROFILE_WARM")), int(env("HEADRACE_PROFILE_STEPS"))
    batches = itertools.chain.from_iterable(itertools.repeat(loader))
    times, first = [], next(batches)
    for step in range(warm + steps):
        start = _now()
        batch = first if mode == "synthetic" else next(batches)
        if mode != "loader":
            yield batch
        if step >= warm:
            times.append(_now() - start)
    gpu, size = _torch(), getattr(first[0] if isinstance(first, (list, tuple)) else first, "shape", [None])
    with open(env("HEADRACE_PROFILE_OUT") + "." + env("RANK", "0"), "w") as out:
        json.dump({"seconds": times, "microBatch": size[0] if len(size) else None,
                   "accelerator": gpu and gpu.cuda.get_device_name(), "peakMemoryBytes": gpu and gpu.cuda.max_memory_allocated(),
                   "gpuMemoryBytes": gpu and gpu.cuda.get_device_properties(0).total_memory}, out)
    if mode == "real" and env("HEADRACE_PROFILE_TRACE") and "torch" in sys.modules:
        with sys.modules["torch"].profiler.profile(record_shapes=True, profile_memory=True, with_stack=True) as profile:
            for batch in itertools.islice(batches, 6):
                yield batch
                profile.step()
        profile.export_chrome_trace(env("HEADRACE_PROFILE_TRACE"))
    sys.exit(0)
`;
