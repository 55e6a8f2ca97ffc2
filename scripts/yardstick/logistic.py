"""Fits scikit-learn's logistic regression on the training set of a run and compares it with the embedded trainer.

    "$(node scripts/yardstick/peers.ts lightgbm)" scripts/yardstick/logistic.py .headrace/flights/runs/<run>

The run's directory holds job.json, result.json and training-set.parquet. Numbers are imputed by their mean, flagged where
missing, and standardised; features named categorical enter by value: what docs/internals/training.md says of the embedded
trainer. Prints AUC and log loss of both on the training rows, and of scikit-learn on a fifth that it did not see.
"""
import json
import sys
import time

import numpy as np
import pyarrow.parquet as parquet
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

directory = sys.argv[1]
with open(f"{directory}/job.json") as file:
    job = json.load(file)
with open(f"{directory}/result.json") as file:
    embedded = json.load(file)["metrics"]

table = parquet.read_table(f"{directory}/training-set.parquet", columns=[*job["features"], "_at", "_label"])


def numbers(name):
    values = table.column(name).combine_chunks().cast("float64")
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)


def design():
    columns = []
    for name in job["features"]:
        values = numbers(name)
        missing = np.isnan(values)
        if name in job["options"].get("categorical", []):
            columns += [values == value for value in np.unique(values[~missing])]
            continue
        mean = 0.0 if missing.all() else values[~missing].mean()
        scale = 0.0 if missing.all() else values[~missing].std()
        columns.append(np.where(missing, 0, (values - mean) / (scale or 1)))
        if missing.any():
            columns.append(missing)
    return np.column_stack(columns).astype(np.float64)


labels = numbers("_label").astype(int)
rows = design()
options = {"C": job["options"].get("c", 1), "solver": "newton-cholesky", "tol": 1e-8, "max_iter": 200}

started = time.process_time()
scores = LogisticRegression(**options).fit(rows, labels).predict_proba(rows)[:, 1]
seconds = time.process_time() - started
print(f"{len(labels)} rows, {rows.shape[1]} columns, {labels.mean():.4f} true")
print(f"scikit-learn  AUC {roc_auc_score(labels, scores):.6f}  log loss {log_loss(labels, scores):.6f}  {seconds:.1f} s of processor time")
print(f"embedded      AUC {embedded['auc']:.6f}  log loss {embedded['loss']:.6f}")

order = np.argsort(numbers("_at"), kind="stable")
early, late = np.split(order, [len(order) * 4 // 5])
later = LogisticRegression(**options).fit(rows[early], labels[early]).predict_proba(rows[late])[:, 1]
print(f"scikit-learn, last fifth of the time held out: AUC {roc_auc_score(labels[late], later):.4f}")
