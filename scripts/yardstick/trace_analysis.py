"""HolisticTraceAnalysis on one trace: the nearest it has to `headrace gpu diagnose`.

    "$(node scripts/yardstick/peers.ts hta)" scripts/yardstick/trace_analysis.py TRACE.json.gz [STEP]

Reads the trace, then the breakdown of time, of idle time and of kernels, the overlap of communication, the statistics of
launches, and the critical path of one step, by its place among the steps (0), without drawing. Prints the seconds of each, the
whole wall clock from before the import, and the greatest memory. Its critical path needs pandas below 3.
The figures are in docs/internals/gpu-traces.md.
"""

import time

begun = time.perf_counter()

import resource  # noqa: E402
import sys  # noqa: E402

from hta.trace_analysis import TraceAnalysis  # noqa: E402

imported = time.perf_counter()
analysis = TraceAnalysis(trace_files={0: sys.argv[1]}, trace_dir="")
loaded = time.perf_counter()


def timed(name, call):
    start = time.perf_counter()
    try:
        call()
        print(f"{name}: {time.perf_counter() - start:.2f} s")
    except Exception as error:  # HTA raises on traces without kernels or launches
        print(f"{name}: {type(error).__name__} after {time.perf_counter() - start:.2f} s")


print(f"import: {imported - begun:.2f} s")
print(f"read: {loaded - imported:.2f} s")
timed("temporal breakdown", lambda: analysis.get_temporal_breakdown(visualize=False))
timed("idle time breakdown", lambda: analysis.get_idle_time_breakdown(visualize=False))
timed("kernel breakdown", lambda: analysis.get_gpu_kernel_breakdown(visualize=False))
timed("communication overlap", lambda: analysis.get_comm_comp_overlap(visualize=False))
timed("launch statistics", lambda: analysis.get_cuda_kernel_launch_stats(visualize=False))
before_path = time.perf_counter()
step = int(sys.argv[2]) if len(sys.argv) > 2 else 0
timed("critical path", lambda: analysis.critical_path_analysis(rank=0, annotation="ProfilerStep", instance_id=step))
print(f"without the path: {before_path - begun:.2f} s")
print(f"whole: {time.perf_counter() - begun:.2f} s")
print(f"peak: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
