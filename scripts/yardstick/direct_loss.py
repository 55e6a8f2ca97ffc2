"""NannyML's direct loss estimation on the hours of bike sharing: the answers of test/golden/drift/direct-loss.json.

Run: <venv of nannyml>/bin/python scripts/yardstick/direct_loss.py <hour.csv.gz> > direct-loss.json
The prediction is the mean count by hour and working day over the first 5,000 rows. The reference are the later rows of
even days of a month; the windows are parts of those of odd days.
"""

import json
import sys

import nannyml
import pandas as pd

hours = pd.read_csv(sys.argv[1])
means = hours[:5000].groupby(["hr", "workingday"]).cnt.mean()
hours["y_pred"] = [float(means[(h, w)]) for h, w in zip(hours.hr, hours.workingday)]
rest = hours[5000:].reset_index(drop=True)
even = rest.dteday.str[-2:].astype(int) % 2 == 0
reference = rest[even].reset_index(drop=True)
other = rest[~even]
features = ["hr", "workingday", "weekday", "temp", "hum", "windspeed", "weathersit"]
estimator = nannyml.DLE(feature_column_names=features, y_pred="y_pred", y_true="cnt", metrics=["mae", "rmse"], chunk_size=len(reference))
estimator.fit(reference)
found = {}
for name, window in {
    "cold": other[other.temp < 0.4],
    "mild": other[(other.temp >= 0.4) & (other.temp < 0.7)],
    "warm": other[other.temp >= 0.7],
    "night": other[other.hr < 6],
    "rush": other[other.hr.isin([8, 17, 18])],
}.items():
    window = window.reset_index(drop=True)
    estimator.chunker = nannyml.chunk.SizeBasedChunker(chunk_size=len(window), incomplete="keep")
    frame = estimator.estimate(window).to_df()
    gap = window.y_pred - window.cnt
    found[name] = {
        "rows": len(window),
        "mae": float(frame[("mae", "value")].iloc[-1]),
        "rmse": float(frame[("rmse", "value")].iloc[-1]),
        "realised_mae": float(gap.abs().mean()),
        "realised_rmse": float((gap**2).mean() ** 0.5),
    }
print(json.dumps({"nannyml": nannyml.__version__, "windows": found}, indent=1))
