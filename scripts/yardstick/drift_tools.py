"""One tool of drift on two Parquet files: prints CPU seconds and peak memory.

Evidently's drift preset, NannyML's univariate drift of ten chunks, or a whylogs profile of the first file.

    "$(node scripts/yardstick/peers.ts evidently)" scripts/yardstick/drift_tools.py evidently a.parquet b.parquet
"""

import json
import logging
import os
import resource
import sys

# No tool reports its use.
os.environ["NML_DISABLE_USAGE_LOGGING"] = os.environ["DO_NOT_TRACK"] = "1"

logging.disable(logging.CRITICAL)


def evidently(a, b):
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    Report([DataDriftPreset()]).run(pd.read_parquet(b), pd.read_parquet(a)).dict()


def nannyml(a, b):
    import nannyml as nml
    import pandas as pd

    reference, current = pd.read_parquet(a), pd.read_parquet(b)
    calculator = nml.UnivariateDriftCalculator(
        column_names=list(reference.columns),
        continuous_methods=["kolmogorov_smirnov", "jensen_shannon"],
        chunk_number=10,
    )
    calculator.fit(reference)
    calculator.calculate(current).to_df()


def whylogs(a, b):
    import pandas as pd
    import whylogs as why

    why.log(pd.read_parquet(a)).profile().view().serialize()


{"evidently": evidently, "nannyml": nannyml, "whylogs": whylogs}[sys.argv[1]](sys.argv[2], sys.argv[3])
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"cpuS": used.ru_utime + used.ru_stime, "peakMiB": used.ru_maxrss / 1024}))
