"""Runs the whole life cycle of models through MLflow's own client against one server.

Usage: life_cycle.py <tracking uri> [quick]. Prints one JSON object: the outcome of each step, without ids and times, so that the
outcomes of two servers can be compared.
"""

import json
import os
import re
import sys
import tempfile
import warnings

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
warnings.filterwarnings("ignore")

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

uri, quick = sys.argv[1], len(sys.argv) > 2
is3 = int(mlflow.__version__.split(".")[0]) >= 3
mlflow.set_tracking_uri(uri)
client = MlflowClient()
steps = {}
x = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 3.0], [3.0, 2.0]])
y = np.array([0, 0, 1, 1])
fitted = LogisticRegression().fit(x, y)


def step(name):
    def run(work):
        try:
            steps[name] = work()
        except MlflowException as error:
            # The traceback of a client that explains a conflict comes after the first line; ids differ.
            text = re.sub(r"[0-9a-f]{32}", "ID", str(error).split("\n")[0])
            steps[name] = {"error": error.error_code, "text": text}
        except Exception as error:  # The other server must fail in the same way.
            steps[name] = {"raised": type(error).__name__, "text": str(error)[:300]}

    return run


def named(name):
    return {"name": name} if is3 else {"artifact_path": name}


@step("experiment")
def _():
    mlflow.set_experiment("churn")
    return client.get_experiment_by_name("churn").lifecycle_stage


@step("run")
def _():
    with mlflow.start_run(run_name="r1", tags={"team": "ml"}) as run:
        mlflow.log_params({"lr": 0.1, "depth": 6})
        mlflow.log_metric("auc", 0.5, step=1)
        mlflow.log_metrics({"auc": 0.9, "loss": float("nan")}, step=2)
        mlflow.log_text("hello", "notes/a.txt")
        mlflow.log_dict({"a": 1}, "notes/é — b.json")
        mlflow.log_input(mlflow.data.from_numpy(x, targets=y, name="train"), context="training")
        steps["run id"] = len(run.info.run_id)
    found = client.get_run(run.info.run_id)
    return [found.info.status, found.data.params, found.data.metrics["auc"], str(found.data.metrics["loss"]),
            sorted(f.path for f in client.list_artifacts(run.info.run_id, "notes")),
            mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/a.txt"),
            [i.dataset.name for i in found.inputs.dataset_inputs],
            [m.value for m in client.get_metric_history(run.info.run_id, "auc")]]


@step("param conflict")
def _():
    run = client.search_runs([client.get_experiment_by_name("churn").experiment_id])[0]
    client.log_param(run.info.run_id, "lr", "0.2")


@step("search")
def _():
    frame = mlflow.search_runs(experiment_names=["churn"], filter_string="metrics.auc > 0.8 and params.lr = '0.1'",
                               order_by=["metrics.auc DESC"])
    return [len(frame), frame["tags.team"][0]]


@step("sklearn")
def _():
    with mlflow.start_run(run_name="sk"):
        mlflow.sklearn.log_model(fitted, **named("model"), signature=infer_signature(x, y),
                                 registered_model_name="churn")
    client.set_registered_model_alias("churn", "champion", "1")
    loaded = mlflow.sklearn.load_model("models:/churn@champion")
    by_version = mlflow.pyfunc.load_model("models:/churn/1")
    return [loaded.predict(x).tolist(), by_version.predict(x).tolist(), client.get_model_version("churn", "1").status]


@step("register")
def _():
    with mlflow.start_run(run_name="again") as run:
        info = mlflow.sklearn.log_model(fitted, **named("model"))
    version = mlflow.register_model(info.model_uri if is3 else f"runs:/{run.info.run_id}/model", "churn")
    client.set_model_version_tag("churn", version.version, "checked", "yes")
    client.update_model_version("churn", version.version, description="second")
    client.set_registered_model_alias("churn", "champion", version.version)
    found = client.get_model_version_by_alias("churn", "champion")
    return [found.version, found.tags, found.description, client.get_registered_model("churn").aliases]


@step("reserved alias")
def _():
    client.set_registered_model_alias("churn", "latest", "1")


@step("absent alias")
def _():
    client.get_model_version_by_alias("churn", "nobody")


@step("run of a version")
def _():
    """Every version has the run that made its model, whatever named it."""
    return [[v.version, client.get_run(v.run_id).info.run_name, v.source.split("/")[0]]
            for v in sorted(client.search_model_versions("name='churn'"), key=lambda v: int(v.version))]


@step("deleted with its alias")
def _():
    copy = client.copy_model_version("models:/churn/1", "copied")
    client.set_registered_model_alias("copied", "staging", copy.version)
    client.delete_model_version("copied", copy.version)
    # MLflow 2 leaves the alias behind.
    return [client.get_registered_model("copied").aliases if is3 else {}, client.search_model_versions("name='copied'")]


@step("absent version")
def _():
    client.get_model_version("churn", "99")


@step("key of a tag")
def _():
    client.set_model_version_tag("churn", "1", "a\nb", "v")


@step("bad source")
def _():
    client.create_model_version("churn", "mlflow-artifacts:/a/../../b")


@step("versions")
def _():
    found = client.search_model_versions("name='churn'")
    client.delete_registered_model_alias("churn", "champion")
    client.delete_model_version("churn", "2")
    return [sorted(v.version for v in found), [v.version for v in client.search_model_versions("name='churn'")]]


@step("models")
def _():
    client.create_registered_model("spare", tags={"a": "b"}, description="d")
    client.rename_registered_model("spare", "spare2")
    names = [m.name for m in client.search_registered_models(order_by=["name ASC"])]
    client.delete_registered_model("spare2")
    return names


@step("lifecycle")
def _():
    run = client.create_run(client.get_experiment_by_name("churn").experiment_id)
    client.delete_run(run.info.run_id)
    stages = [client.get_run(run.info.run_id).info.lifecycle_stage]
    client.restore_run(run.info.run_id)
    stages.append(client.get_run(run.info.run_id).info.lifecycle_stage)
    client.set_terminated(run.info.run_id, "FAILED")
    return stages + [client.get_run(run.info.run_id).info.status]


if not quick:

    class Doubler(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return np.asarray(model_input) * 2

    @step("pyfunc")
    def _():
        with mlflow.start_run():
            mlflow.pyfunc.log_model(**named("double"), python_model=Doubler(), registered_model_name="double")
        return mlflow.pyfunc.load_model("models:/double/1").predict(x).tolist()

    @step("onnx")
    def _():
        from skl2onnx import to_onnx

        onnx = to_onnx(fitted, x[:1].astype(np.float32), options={"zipmap": False})
        with mlflow.start_run():
            mlflow.onnx.log_model(onnx, **named("onnx"), registered_model_name="onnx",
                                  signature=infer_signature(x.astype(np.float32), y))
        found = mlflow.pyfunc.load_model("models:/onnx/1").predict(x.astype(np.float32))
        return np.asarray(found["label"] if isinstance(found, dict) else found).ravel().tolist()

    @step("batch")
    def _():
        from mlflow.entities import Metric, Param

        run = client.create_run(client.get_experiment_by_name("churn").experiment_id)
        client.log_batch(run.info.run_id, [Metric(f"m{i}", i, 1, 0) for i in range(900)], [Param(f"p{i}", str(i)) for i in range(90)])
        found = client.get_run(run.info.run_id)
        return [len(found.data.metrics), len(found.data.params)]

    @step("files")
    def _():
        with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
            for name in ["a.bin", "b/c.bin"]:
                path = os.path.join(folder, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as file:
                    file.write(os.urandom(300_000))
            mlflow.log_artifacts(folder, "data")
            got = mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/data", dst_path=folder + "/got")
            same = open(os.path.join(got, "b/c.bin"), "rb").read() == open(os.path.join(folder, "b/c.bin"), "rb").read()
            listed = sorted(f.path for f in client.list_artifacts(run.info.run_id, "data"))
        return [same, listed]

    @step("stages")
    def _():
        moved = client.transition_model_version_stage("churn", "1", "Production")
        return [moved.current_stage, [v.version for v in client.get_latest_versions("churn", ["Production"])]]

    if is3:

        @step("logged models")
        def _():
            found = mlflow.search_logged_models(experiment_ids=[client.get_experiment_by_name("churn").experiment_id], output_format="list")
            model = found[0]
            client.set_logged_model_tags(model.model_id, {"k": "v"})
            tags = client.get_logged_model(model.model_id).tags
            return [len(found) > 2, tags.get("k"), str(model.status)]

        @step("multipart")
        def _():
            os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"] = "true"
            os.environ["MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE"] = "1000000"
            os.environ["MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE"] = "5242880"
            with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
                path = os.path.join(folder, "big.bin")
                data = os.urandom(12_000_000)
                open(path, "wb").write(data)
                mlflow.log_artifact(path)
                got = mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/big.bin", dst_path=folder + "/got")
                return open(got, "rb").read() == data

print("\nOUTCOME " + json.dumps(steps, sort_keys=True))
