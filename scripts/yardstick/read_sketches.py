"""Reads sketches that `headrace drift profile --sketches` wrote, by datasketches itself: a folder in, one JSON object out."""

import hashlib
import json
import pathlib
import sys

from datasketches import PyStringsSerDe, frequent_items_sketch, hll_sketch, kll_doubles_sketch

read = {}
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    data = path.read_bytes()
    if path.suffix == ".kll":
        sketch = kll_doubles_sketch.deserialize(data)
        quantiles = [] if sketch.is_empty() else [sketch.get_quantile(q) for q in (0.1, 0.5, 0.9)]
        read[path.name] = {"n": sketch.n, "k": sketch.k, "quantiles": quantiles}
    elif path.suffix == ".hll":
        sketch = hll_sketch.deserialize(data)
        read[path.name] = {"estimate": sketch.get_estimate(), "lgK": sketch.lg_config_k}
    elif path.suffix == ".fi":
        sketch = frequent_items_sketch.deserialize(data, PyStringsSerDe())
        read[path.name] = {"n": sketch.total_weight, "active": sketch.num_active_items}
        names = {"Köln", "", "id7"}
        read[path.name]["estimates"] = {name: sketch.get_estimate(name) for name in sorted(names)}
for name in read:
    read[name]["sha256"] = hashlib.sha256((pathlib.Path(sys.argv[1]) / name).read_bytes()).hexdigest()
print(json.dumps(read, indent=2, ensure_ascii=False))
