"""Evidently's drift preset over two Parquet files, or a whylogs profile of the first: prints CPU seconds and peak memory.

    <venvs>/evidently/bin/python scripts/yardstick/drift_tools.py evidently a.parquet b.parquet
"""

import json
import logging
import resource
import sys

logging.disable(logging.CRITICAL)


def evidently(a, b):
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    Report([DataDriftPreset()]).run(pd.read_parquet(b), pd.read_parquet(a)).dict()


def whylogs(a, b):
    import pandas as pd
    import whylogs as why

    why.log(pd.read_parquet(a)).profile().view().serialize()


{"evidently": evidently, "whylogs": whylogs}[sys.argv[1]](sys.argv[2], sys.argv[3])
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"cpuS": used.ru_utime + used.ru_stime, "peakMiB": used.ru_maxrss / 1024}))
