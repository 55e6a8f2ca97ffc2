"""A training program with MLflow, as a team writes it: reads the Parquet file, trains, logs the version inside a run."""

import json
import os

import mlflow
import pandas as pd
from kept_models import pinned
from sklearn.ensemble import HistGradientBoostingClassifier

with open(os.environ["HEADRACE_JOB"]) as file:
    columns = json.load(file)["features"]
rows = pd.read_parquet(os.environ["HEADRACE_TRAINING_SET"])
inputs = rows[columns].astype("float64")
fitted = HistGradientBoostingClassifier(max_iter=40, random_state=1).fit(inputs, rows["_label"])
with mlflow.start_run():
    mlflow.log_metric("rows", len(rows))
    mlflow.sklearn.log_model(
        fitted,
        name="model",
        registered_model_name=os.environ["HEADRACE_MODEL"],
        input_example=inputs[:5],
        pyfunc_predict_fn="predict_proba",
        serialization_format="cloudpickle",
        **pinned(["mlflow", "scikit-learn", "pandas", "numpy", "cloudpickle", "lightgbm", "xgboost"]),
    )
