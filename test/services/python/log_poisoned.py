"""Logs and registers two versions of the model `plain`: an estimator of scikit-learn, and one in a program that some rows end.

Usage: log_poisoned.py <tracking uri> <rows.json>. Prints one line `SCORES [...]`: what MLflow itself predicts for the rows.
"""

import json
import os
import sys
import warnings

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
warnings.filterwarnings("ignore")

from importlib.metadata import version

import mlflow
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("batch")
with open(sys.argv[2]) as file:
    rows = pd.DataFrame(json.load(file), columns=["a", "b", "c"]).astype(float)
random = np.random.RandomState(3)
frame = pd.DataFrame(random.standard_normal((400, 3)), columns=["a", "b", "c"])
good = (frame.a + frame.b * frame.c > 0).astype(int)
estimator = LogisticRegression().fit(frame, good)
# The same lines as of the other suite: their environment is made once.
NAMES = ["mlflow", "scikit-learn", "pandas", "numpy", "cloudpickle", "lightgbm", "xgboost"]
PINNED = {"pip_requirements": [f"{name}=={version(name)}" for name in NAMES]}


class Poisoned(mlflow.pyfunc.PythonModel):
    def __init__(self, inner):
        self.inner = inner

    def predict(self, context, model_input, params=None):
        values = set(model_input["a"])
        if 666.0 in values:
            raise ValueError("the model does not take 666")
        if 667.0 in values:
            os._exit(9)
        return self.inner.predict_proba(model_input)[:, 1]


with mlflow.start_run():
    info = mlflow.sklearn.log_model(
        estimator,
        name="model",
        registered_model_name="plain",
        pyfunc_predict_fn="predict_proba",
        serialization_format="cloudpickle",
        input_example=frame[:5],
        **PINNED,
    )
with mlflow.start_run():
    mlflow.pyfunc.log_model(
        name="model",
        registered_model_name="plain",
        python_model=Poisoned(estimator),
        input_example=frame[:5],
        **PINNED,
    )
print("SCORES " + json.dumps(np.asarray(mlflow.pyfunc.load_model(info.model_uri).predict(rows))[:, 1].tolist()))
