"""Trains, logs and loads a model with MLflow on this machine alone, as a training job does: with Headrace's helper loaded first."""

import sys

import headrace_job  # noqa: F401
import mlflow
import pandas as pd
from sklearn.linear_model import LogisticRegression

mlflow.set_tracking_uri("sqlite:///" + sys.argv[1] + "/runs.db")
mlflow.set_experiment(experiment_id=mlflow.create_experiment("e", artifact_location="file://" + sys.argv[1] + "/artifacts"))
frame = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0]})
model = LogisticRegression().fit(frame, [0, 0, 1, 1])
with mlflow.start_run():
    info = mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"], input_example=frame)
print("predicted", len(mlflow.pyfunc.load_model(info.model_uri).predict(frame)))
for name in ["lightgbm", "xgboost", "skl2onnx"]:
    __import__(name)
