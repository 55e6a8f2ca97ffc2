"""AUC by month of LightGBM, trained on the rows of each version of a replay, and of the replay itself.

usage: flights_lightgbm.py <table.parquet> <folder of headrace drift replay --out>

Each version of the replay has its counterpart: LightGBM with its defaults, on the same rows. It scores the rows that the version answered.
Prints JSON. Fails where the rows of a training set are not those of the replay.
"""

import json
import sys

import lightgbm
import pandas
from sklearn.metrics import roc_auc_score

table_path, folder = sys.argv[1:3]
table = pandas.read_parquet(table_path)
with open(f"{folder}/summary.json") as file:
    summary = json.load(file)
answered = pandas.read_csv(f"{folder}/predictions.csv", parse_dates=["time"])
features = [name for name in table.columns if name not in ("scheduled", "left_at", "late")]

at = table.scheduled.astype("datetime64[ms]").astype("int64")
rows = table.iloc[len(table) - len(answered) :].reset_index(drop=True)
times = answered.time.dt.tz_localize(None).astype("datetime64[ms]")
if not (rows.scheduled.astype("datetime64[ms]") == times).all() or not (rows.late == answered.label).all():
    sys.exit("the predictions are not those of the table")

scores = pandas.Series(float("nan"), index=answered.index)
trained = []
for version in summary["versions"]:
    mine = answered.version == version["version"]
    if not mine.any():
        continue
    chosen = (at >= (version["from"] or 0)) & (at < version["until"])
    trained.append({"version": version["version"], "rows": version["rows"], "same": int(chosen.sum())})
    model = lightgbm.LGBMClassifier(num_threads=2, verbose=-1, seed=1)
    model.fit(table.loc[chosen, features], table.loc[chosen, "late"])
    scores[mine] = model.predict_proba(rows.loc[mine, features])[:, 1]
if any(one["rows"] != one["same"] for one in trained):
    sys.exit(f"other training sets: {trained}")

months = []
for month, of in answered.groupby(answered.time.dt.strftime("%Y-%m")):
    if of.label.nunique() < 2 or len(of) < 1000:
        continue
    months.append(
        {
            "month": month,
            "ours": float(roc_auc_score(of.label, of.score)),
            "lightgbm": float(roc_auc_score(of.label, scores[of.index])),
        }
    )
print(json.dumps({"months": months, "trained": trained, "lightgbm": lightgbm.__version__}))
