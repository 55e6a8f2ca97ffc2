"""Writes runs into the tables of MLflow's own server: fill-mlflow.py <database> <runs>."""

import sqlite3
import sys

path, count = sys.argv[1], int(sys.argv[2])
database = sqlite3.connect(path, timeout=60)
ids = [(i, f"{i:032x}") for i in range(1, count + 1)]
runs = "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri, experiment_id) VALUES (?, 'r', 'UNKNOWN', '', '', 'u', 'FINISHED', ?, ?, 'active', '', 0)"
database.executemany(runs, ((run, i, i + 1) for i, run in ids))
metrics = "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, 1, 0, 0, ?)"
database.executemany(metrics, (("auc", ((i * 7919) % 10_000) / 10_000, run) for i, run in ids))
database.executemany(metrics, (("loss", i / count, run) for i, run in ids))
params = "INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)"
database.executemany(params, (("depth", str(i % 10), run) for i, run in ids))
database.executemany(params, (("lr", str((i % 100) / 100), run) for i, run in ids))
database.executemany("INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runName', 'r', ?)", ((run,) for _, run in ids))
database.commit()
database.execute("ANALYZE")
database.commit()
