"""Fits a classifier of 100 trees on 24 features: fit-sklearn.py file <path>, or fit-sklearn.py mlflow <tracking uri> <name>."""

import sys

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier

random = np.random.RandomState(5)
rows = random.standard_normal((2000, 24))
labels = (rows[:, 0] + rows[:, 1] * rows[:, 2] > 0).astype(int)
model = GradientBoostingClassifier(n_estimators=100, random_state=1).fit(rows, labels)
if sys.argv[1] == "file":
    import joblib

    joblib.dump(model, sys.argv[2])
else:
    import mlflow
    from importlib.metadata import version

    mlflow.set_tracking_uri(sys.argv[2])
    packages = [f"{name}=={version(name)}" for name in ("mlflow", "scikit-learn", "numpy", "cloudpickle")]
    signature = mlflow.models.infer_signature(rows, labels)
    with mlflow.start_run():
        mlflow.sklearn.log_model(
            model,
            name="model",
            registered_model_name=sys.argv[3],
            signature=signature,
            serialization_format="cloudpickle",
            pip_requirements=packages,
        )
