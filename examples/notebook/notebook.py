"""A training set for a notebook: labels of one's own, features as of each label's time, in one HTTP call.

Run it by `npm run example examples/notebook/main.ts`, or cell by cell against a running `headrace dev`:
    HEADRACE_URL=http://127.0.0.1:8080 python3 notebook.py
"""

# %% The labels: any frame with the keys of the service and a time; the other columns come back as they are.
import io
import os
import urllib.request

import pandas as pd

url = os.environ["HEADRACE_URL"]
labels = pd.DataFrame(
    {
        "station": ["Harbour", "Harbour", "Mill", "Nowhere"],
        "_at": pd.to_datetime(["2026-01-05 10:00", "2026-01-05 11:30", "2026-01-05 11:30", "2026-01-05 11:30"]),
        "busy": [0, 1, 0, 0],
    }
)


# %% One call: the frame goes out as CSV, the training set comes back as Parquet.
def training_set(service, spine, mode="corrected"):
    request = urllib.request.Request(
        f"{url}/v1/training-sets/{service}?mode={mode}",
        data=spine.to_csv(index=False).encode(),
        headers={"content-type": "text/csv"},
    )
    with urllib.request.urlopen(request) as answer:
        return pd.read_parquet(io.BytesIO(answer.read()))


rows = training_set("demand", labels)
print(rows.to_string())

# %% Every label has its row, in its order, with what was known before its time.
assert rows["busy"].tolist() == labels["busy"].tolist()
assert rows["here_rides_1h"].tolist() == [1, 2, 0, 0]
assert training_set("demand", labels, "as-known")["here_rides_1h"].tolist() == [1, 1, 0, 0]
