"""Logs and registers models of many kinds, and prints what MLflow itself predicts with each.

Usage: log_models.py <tracking uri>. Prints one line `MODELS {...}`: by name the inputs as tensors of the Open Inference Protocol and the
predictions.
"""

import os
import sys
import tempfile

from kept_models import ROWS, keep, models, pinned, plain, tell
import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("python models")
random = np.random.RandomState(3)
count = 400
frame = pd.DataFrame(random.standard_normal((count, 3)), columns=["a", "b", "c"])
good = (frame.a + frame.b * frame.c > 0).astype(int)
mixed = frame.assign(kind=random.choice(["red", "green", "blue"], count), many=random.randint(0, 9, count))

PINNED = pinned(["mlflow", "scikit-learn", "pandas", "numpy", "cloudpickle", "lightgbm", "xgboost"])


def sklearn(estimator, **more):
    # The default format refuses trees.
    return mlflow.sklearn.log_model(estimator, **{"serialization_format": "cloudpickle", **PINNED, **more})


def pyfunc(**more):
    return mlflow.pyfunc.log_model(**PINNED, **more)


some = frame[:ROWS]
logistic = LogisticRegression().fit(frame, good)
keep("logistic", lambda **k: sklearn(logistic, **k), some, input_example=frame[:5])
keep("probability", lambda **k: sklearn(logistic, pyfunc_predict_fn="predict_proba", **k), some, input_example=frame[:5])
for name in ["rolled", "rolled", "loose", "loose"]:
    keep(name, lambda **k: sklearn(logistic, pyfunc_predict_fn="predict_proba", **k), some, input_example=frame[:5])
keep("linear", lambda **k: sklearn(LinearRegression().fit(frame, frame.a * 2), **k), some, input_example=frame[:5])
forest = RandomForestClassifier(20, random_state=1).fit(frame, good)
keep("forest", lambda **k: sklearn(forest, pyfunc_predict_fn="predict_proba", **k), some, input_example=frame[:5])
boosted = GradientBoostingClassifier(n_estimators=20, random_state=1).fit(frame, good)
keep("boosted", lambda **k: sklearn(boosted, **k), some, input_example=frame[:5])
matrix = frame.to_numpy()
keep("unsigned", lambda **k: sklearn(LogisticRegression().fit(matrix, good), **k), matrix[:ROWS])
keep("tensors", lambda **k: sklearn(LogisticRegression().fit(matrix, good), **k), matrix[:ROWS], signature=infer_signature(matrix, good.to_numpy()))
columns = ColumnTransformer([("number", StandardScaler(), ["a", "b", "c", "many"]), ("text", OneHotEncoder(), ["kind"])])
pipeline = Pipeline([("columns", columns), ("model", LogisticRegression())]).fit(mixed, good)
keep("pipeline", lambda **k: sklearn(pipeline, **k), mixed[:ROWS], input_example=mixed[:5])
keep("texts", lambda **k: sklearn(LogisticRegression().fit(frame, mixed["kind"]), **k), some, input_example=frame[:5])


class Frames(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        print("a model that talks")
        return pd.DataFrame({"total": model_input["a"] + model_input["b"], "name": ["row " + str(i % 2) for i in range(len(model_input))]})


class Dicts(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return {"double": model_input["a"].to_numpy() * 2, "flag": (model_input["a"] > 0).to_numpy()}


class Exact(mlflow.pyfunc.PythonModel):
    """Says each number that it was fed bit by bit."""

    def predict(self, context, model_input, params=None):
        doubles = [float(value).hex() for value in model_input["double"]]
        wholes = [str(int(value)) for value in model_input["whole"]]
        return {"doubles": np.array(doubles, dtype=object), "wholes": np.array(wholes, dtype=object)}


edges = pd.DataFrame(
    {
        "double": [0.1, 16777217.0, 55968378.41, 1e-300, -1e300, 5e-324, 2.0**53, 3.4028235677973366e38],
        "whole": [2**24 + 1, 2**53 + 1, -(2**53) - 1, 2**62 + 2**38 + 1, 2**63 - 1, -(2**63), 0, 1700000063],
    }
)
keep("exact", lambda **k: pyfunc(python_model=Exact(), **k), edges, input_example=edges)
keep("frames", lambda **k: pyfunc(python_model=Frames(), **k), some, input_example=frame[:5])
keep("dicts", lambda **k: pyfunc(python_model=Dicts(), **k), some, input_example=frame[:5])


class Scaled(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        total = model_input["a"].to_numpy() * params["factor"] + params["shift"]
        if params["negate"]:
            total = -total
        total = total + sum(params["more"])
        return {"total": total, "label": np.array([params["label"]] * len(total), dtype=object)}


PARAMS = {"factor": 2.0, "shift": 1, "negate": False, "label": "none", "more": [0.5, 0.25]}
scaled_signature = infer_signature(frame[:5], Scaled().predict(None, frame[:5], PARAMS)["total"], params=PARAMS)
scaled = keep("scaled", lambda **k: pyfunc(python_model=Scaled(), **k), some, input_example=(frame[:5], PARAMS), signature=scaled_signature)
OTHERS = {"factor": -3.5, "shift": 7, "negate": True, "label": "ü", "more": [1.0]}
models["scaled"]["others"] = plain(scaled.predict(some, params=OTHERS))
code = os.path.join(tempfile.mkdtemp(), "from_code.py")
with open(code, "w") as file:
    file.write(
        "import mlflow\n\n\n"
        "class FromCode(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n"
        "        return model_input['a'] * 3\n\n\n"
        "mlflow.models.set_model(FromCode())\n"
    )
keep("code", lambda **k: pyfunc(python_model=code, **k), some, input_example=frame[:5])

try:
    import lightgbm
    import xgboost

    light = lightgbm.LGBMClassifier(n_estimators=20, verbose=-1).fit(frame, good)
    keep("lightgbm", lambda **k: mlflow.lightgbm.log_model(light, **PINNED, **k), some, input_example=frame[:5])
    extreme = xgboost.XGBClassifier(n_estimators=20).fit(frame, good)
    keep("xgboost", lambda **k: mlflow.xgboost.log_model(extreme, **PINNED, **k), some, input_example=frame[:5])
except ImportError as error:
    print(f"not logged: {error}", file=sys.stderr)

bad = LogisticRegression().fit(frame, good)
with mlflow.start_run():
    sklearn(bad, name="model", registered_model_name="evil", pip_requirements=["mlflow", "--index-url http://127.0.0.1:9/simple"], input_example=frame[:5])
client = mlflow.MlflowClient()
for name in ["probability"]:
    client.set_registered_model_alias(name, "champion", "1")
tell()
