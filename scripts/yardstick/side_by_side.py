"""Facts of two files by one tool, as JSON by column: scripts/yardstick/side-by-side.ts runs it in the environment of each tool.

    "$(node scripts/yardstick/peers.ts evidently)" scripts/yardstick/side_by_side.py evidently reference.csv current.csv
"""

import json
import os
import sys

# No tool reports its use.
os.environ["NML_DISABLE_USAGE_LOGGING"] = os.environ["DO_NOT_TRACK"] = "1"

import pandas as pd


def evidently(a, b):
    import logging

    logging.disable(logging.CRITICAL)
    from evidently import Report
    from evidently.presets import DataDriftPreset

    metrics = Report([DataDriftPreset()]).run(b, a).dict()["metrics"]
    found = {}
    for one in metrics:
        config = one["config"]
        if not config["type"].endswith(":ValueDrift"):
            continue
        method, threshold, value = config["method"], config["threshold"], float(one["value"])
        drifted = value < threshold if "p_value" in method else value >= threshold
        found[config["column"]] = {"method": method, "value": value, "drifted": bool(drifted)}
    return found


def scipy(a, b):
    from scipy import stats

    found = {}
    for name in a.columns:
        if pd.api.types.is_numeric_dtype(a[name]) and not pd.api.types.is_bool_dtype(a[name]):
            x, y = a[name].dropna(), b[name].dropna()
            ks = stats.ks_2samp(x, y)
            found[name] = {"ks": ks.statistic, "p": ks.pvalue, "wasserstein": stats.wasserstein_distance(x, y) / x.std(ddof=0)}
        else:
            table = pd.DataFrame({"a": a[name].astype(str).value_counts(), "b": b[name].astype(str).value_counts()}).fillna(0)
            chi = stats.chi2_contingency(table.T.values, correction=False)
            found[name] = {"chi2": chi.statistic, "p": chi.pvalue}
    return found


def whylogs(a, b):
    import whylogs as why

    found = {}
    for side, frame in (("reference", a), ("current", b)):
        facts = why.log(frame).profile().view().to_pandas()
        for name in frame.columns:
            one = facts.loc[name]
            median = one.get("distribution/median")
            found.setdefault(name, {})[side] = {
                "median": None if median is None or pd.isna(median) else float(median),
                "distinct": float(one["cardinality/est"]),
            }
    return found


def nannyml(a, b):
    import nannyml as nml

    drift = nml.UnivariateDriftCalculator(
        column_names=list(a.columns), chunk_number=10,
        continuous_methods=["jensen_shannon"], categorical_methods=["jensen_shannon"],
    )
    drift.fit(a)
    frame = drift.calculate(b).filter(period="analysis").to_df()
    found = {}
    for name in a.columns:
        part = frame[name]["jensen_shannon"]
        found[name] = {"js": float(part["value"].max()), "limit": float(part["upper_threshold"].iloc[0]), "chunks": int(part["alert"].sum())}
    return found


a, b = pd.read_csv(sys.argv[2]), pd.read_csv(sys.argv[3])
print(json.dumps({"evidently": evidently, "scipy": scipy, "whylogs": whylogs, "nannyml": nannyml}[sys.argv[1]](a, b)))
