"""Opens files that Headrace writes for other monitors with the packages that read them. Each in its own environment:

    "$(node scripts/yardstick/peers.ts arize)" scripts/yardstick/open_frames.py arize frames/arize.parquet
    "$(node scripts/yardstick/peers.ts nannyml)" scripts/yardstick/open_frames.py nannyml frames/nannyml.parquet
    "$(node scripts/yardstick/peers.ts evidently)" scripts/yardstick/open_frames.py evidently snapshot.json

Nothing is sent anywhere. The last line is OK, or the faults that the package finds.
"""

import os
import sys

# No tool reports its use.
os.environ["NML_DISABLE_USAGE_LOGGING"] = os.environ["DO_NOT_TRACK"] = "1"


def arize(path):
    import pandas as pd
    from arize.pandas.validation.validator import Validator
    from arize.utils.types import Environments, ModelTypes, Schema

    frame = pd.read_parquet(path)
    own = ["prediction_id", "prediction_ts", "prediction_score", "prediction_label", "actual_label", "tag_version"]
    schema = Schema(
        prediction_id_column_name="prediction_id",
        timestamp_column_name="prediction_ts",
        prediction_score_column_name="prediction_score",
        prediction_label_column_name="prediction_label",
        actual_label_column_name="actual_label",
        feature_column_names=[name for name in frame.columns if name not in own],
        tag_column_names=["tag_version"],
    )
    what = dict(model_id="m", model_type=ModelTypes.BINARY_CLASSIFICATION, environment=Environments.PRODUCTION)
    faults = Validator.validate_required_checks(dataframe=frame, model_id="m", schema=schema, environment=what["environment"])
    faults += Validator.validate_params(dataframe=frame, schema=schema, model_version="1", batch_id=None, metric_families=None, **what)
    import pyarrow as pa

    faults += Validator.validate_types(schema=schema, pyarrow_schema=pa.Schema.from_pandas(frame), model_type=what["model_type"])
    # Instants beyond a year of today are refused: a fixture may be older.
    shifted = frame.assign(prediction_ts=frame["prediction_ts"] - frame["prediction_ts"].max() + int(pd.Timestamp.now().timestamp()))
    faults += Validator.validate_values(dataframe=shifted, schema=schema, environment=what["environment"], model_type=what["model_type"])
    return len(frame), faults


def nannyml(path):
    import nannyml as nml
    import pandas as pd

    frame = pd.read_parquet(path)
    own = ["prediction_id", "timestamp", "y_pred_proba", "y_pred", "y_true", "version"]
    labelled = frame[frame["y_true"].notna()].astype({"y_true": int})
    calculator = nml.PerformanceCalculator(
        y_pred="y_pred", y_pred_proba="y_pred_proba", y_true="y_true", timestamp_column_name="timestamp",
        problem_type="classification_binary", metrics=["roc_auc", "accuracy"], chunk_number=6,
    )
    calculator.fit(labelled)
    result = calculator.calculate(labelled).to_df()
    features = [name for name in frame.columns if name not in own]
    drift = nml.UnivariateDriftCalculator(column_names=features, timestamp_column_name="timestamp", chunk_number=6)
    drift.fit(labelled)
    drift.calculate(labelled)
    faults = [] if result["roc_auc"]["value"].notna().any() else ["no ROC AUC"]
    return len(frame), faults


def evidently(path):
    from evidently.core.report import Snapshot

    snapshot = Snapshot.load(path)
    metrics = snapshot.dict()["metrics"]
    return len(metrics), [] if len(snapshot.get_html_str(False)) > 0 and metrics else ["nothing in it"]


rows, faults = {"arize": arize, "nannyml": nannyml, "evidently": evidently}[sys.argv[1]](sys.argv[2])
print(f"{rows} rows or metrics")
for fault in faults:
    print(fault if isinstance(fault, str) else fault.error_message())
print("OK" if not faults else f"{len(faults)} faults")
sys.exit(1 if faults else 0)
