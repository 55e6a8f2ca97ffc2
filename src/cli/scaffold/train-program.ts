/** train.py of a new project: a logistic regression in numpy, written as ONNX. */
export const TRAIN_PY = `"""Trains the model "buys": reads job.json, writes model.onnx and result.json beside it.

Replace fit() by a model of your own. Whatever prepares the inputs belongs into the ONNX file.
"""

import json
import os

import numpy as np
import pyarrow.parquet as parquet
from onnx import TensorProto, helper, numpy_helper


def read(job):
    table = parquet.read_table(job["trainingSet"], columns=[*job["features"], "_label"])
    columns = [table.column(name).cast("float64").to_numpy() for name in job["features"]]
    return np.column_stack(columns).astype(np.float32), table.column("_label").to_numpy().astype(np.float64)


def fit(inputs, labels, penalty=1.0, steps=50):
    """Newton's method on standardised inputs; a missing value counts as the mean."""
    present = np.where(np.isnan(inputs), 0.0, inputs)
    counts = np.maximum((~np.isnan(inputs)).sum(axis=0), 1)
    mean = present.sum(axis=0) / counts
    filled = np.where(np.isnan(inputs), mean, inputs)
    spread = filled.std(axis=0)
    scale = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1), 0.0)
    rows = np.column_stack([(filled - mean) * scale, np.ones(len(filled))])
    ridge = penalty * np.eye(rows.shape[1])
    ridge[-1, -1] = 0
    weights = np.zeros(rows.shape[1])
    for _ in range(steps):
        scores = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (scores - labels) + ridge @ weights
        bend = (rows.T * (scores * (1 - scores))) @ rows + ridge + 1e-9 * np.eye(rows.shape[1])
        step = np.linalg.solve(bend, slope)
        weights -= step
        if np.abs(step).max() < 1e-9:
            break
    return mean, scale, weights[:-1], weights[-1]


def score(model, inputs):
    mean, scale, weights, bias = model
    filled = np.where(np.isnan(inputs), mean, inputs)
    return 1 / (1 + np.exp(-(((filled - mean) * scale) @ weights + bias)))


def onnx_file(model, features):
    mean, scale, weights, bias = (np.asarray(each, dtype=np.float32) for each in model)
    constants = {"mean": mean, "scale": scale, "weights": weights.reshape(-1, 1), "bias": bias.reshape(1)}
    graph = helper.make_graph(
        [
            helper.make_node("IsNaN", ["input"], ["missing"]),
            helper.make_node("Where", ["missing", "mean", "input"], ["filled"]),
            helper.make_node("Sub", ["filled", "mean"], ["centred"]),
            helper.make_node("Mul", ["centred", "scale"], ["scaled"]),
            helper.make_node("MatMul", ["scaled", "weights"], ["product"]),
            helper.make_node("Add", ["product", "bias"], ["sum"]),
            helper.make_node("Sigmoid", ["sum"], ["probability"]),
        ],
        "buys",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", features])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)])
    file.ir_version = 8
    return file.SerializeToString()


def auc(scores, labels):
    """The share of pairs, one bought and one not, that are in the right order; a tie counts half."""
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    bought = labels.sum()
    return float((ranks[labels == 1].sum() - bought * (bought + 1) / 2) / (bought * (len(labels) - bought)))


path = os.environ["HEADRACE_JOB"]
folder = os.path.dirname(path)
with open(path) as file:
    job = json.load(file)
inputs, labels = read(job)

# The rows are in the order of their times: the newest fifth tells how good the model is on days that it has not seen.
cut = len(inputs) * 4 // 5
held_out = labels[cut:]
metrics = {"rows": len(inputs), "share": float(labels.mean())}
if 0 < held_out.sum() < len(held_out):
    metrics["auc"] = auc(score(fit(inputs[:cut], labels[:cut]), inputs[cut:]), held_out)
model = fit(inputs, labels)
print(f"trained on {len(inputs)} rows, {labels.mean():.1%} bought")

some = inputs[:: max(1, len(inputs) // 64)][:64]
result = {
    "format": 1,
    "model": "model.onnx",
    "input": "input",
    "output": "probability",
    "features": job["features"],
    "metrics": metrics,
    "parity": {
        "rows": [[None if np.isnan(x) else float(x) for x in row] for row in some],
        "scores": score(model, some.astype(np.float64)).tolist(),
    },
}
with open(os.path.join(folder, "model.onnx"), "wb") as file:
    file.write(onnx_file(model, len(job["features"])))
with open(os.path.join(folder, "result.json"), "w") as file:
    json.dump(result, file)
`;
