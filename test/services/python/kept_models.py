"""Models that a program logs, and what MLflow itself predicts with each."""

import json
import os
import warnings

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
warnings.filterwarnings("ignore")

import mlflow
import numpy as np
import pandas as pd

ROWS = 20
TYPES = {"float64": "FP64", "float32": "FP32", "int64": "INT64", "int32": "INT32", "object": "BYTES", "str": "BYTES", "bool": "BOOL"}
models = {}


def tensors(data):
    if isinstance(data, pd.DataFrame):
        return [
            {"name": name, "datatype": TYPES[str(data[name].dtype)], "shape": [len(data), 1], "data": data[name].tolist()}
            for name in data.columns
        ]
    return [{"name": "input-0", "datatype": TYPES[str(data.dtype)], "shape": list(data.shape), "data": data.reshape(-1).tolist()}]


def plain(result):
    if isinstance(result, pd.DataFrame):
        return {str(name): result[name].tolist() for name in result.columns}
    if isinstance(result, dict):
        return {name: np.asarray(value).reshape(-1).tolist() for name, value in result.items()}
    return {"predict": np.asarray(result).reshape(-1).tolist()}


def keep(name, log, data, **more):
    """Logs and registers a model; notes its prediction for the rows of `data`."""
    with mlflow.start_run():
        info = log(name="model", registered_model_name=name, **more)
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    models[name] = {"inputs": tensors(data), "outputs": plain(loaded.predict(data))}
    return loaded


def pinned(names):
    """One list for all: finding it by running each model takes long, and the environment is made once."""
    from importlib.metadata import PackageNotFoundError, version

    lines = []
    for name in names:
        try:
            lines.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            pass
    return {"pip_requirements": lines}


def tell():
    print("MODELS " + json.dumps(models))
