"""Runs the simulator of the authors of "Can't Be Late" on windows: its folder is the first argument, the job comes on stdin."""
import argparse, json, os, sys, tempfile, time, types

sys.path.insert(0, sys.argv[1])
for name in ("wandb", "tqdm", "numpy"):
    sys.modules.setdefault(name, types.ModuleType(name))
sys.modules["wandb"].run = None

from sky_spot import env as env_lib, simulate, task as task_lib, utils
from sky_spot.strategies import rc_cr_threshold, strawman

job = json.load(sys.stdin)
policies = {"greedy": strawman.StrawmanStrategy, "uniform_progress": rc_cr_threshold.RCCRThresholdStrategy}
args = argparse.Namespace(deadline_hours=job["deadlineH"], restart_overhead_hours=[job["changeoverH"]], inter_task_overhead=[0.0])
costs, seconds = {}, 0.0
with tempfile.TemporaryDirectory() as folder:
    paths = []
    for at, (trace, start, end) in enumerate(job["windows"]):
        path = os.path.join(folder, f"{at}_v100_1.json")
        with open(path, "w") as out:
            json.dump({"metadata": {"gap_seconds": job["gapS"]}, "data": [1 - one for one in job["traces"][trace][start:end]]}, out)
        paths.append(path)
    for name, policy in policies.items():
        costs[name] = []
        for path in paths:
            env = env_lib.TraceEnv(path, 0)
            task = task_lib.SingleTask({"duration": job["workH"], "checkpoint_size_gb": 1})
            strategy = policy(args)
            began = time.perf_counter()
            env.reset()
            strategy.reset(env, task)
            simulate._simulate_one(env, strategy)
            seconds += time.perf_counter() - began
            costs[name].append(env.accumulated_cost)
json.dump({"seconds": seconds, "costs": costs}, sys.stdout)
