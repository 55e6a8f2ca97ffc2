"""The critical paths of HolisticTraceAnalysis, for the parity page.

    "$(node scripts/yardstick/peers.ts hta)" scripts/yardstick/critical_path.py ../shared/data/gpu/torch_trace > scripts/gpu/hta-critical-paths.json

Of each trace: the second of at least three steps, the first of fewer, or the whole trace without steps; and the second pass of the
traces that upstream tests. What it prints of each path: numbers of nodes, events and edges, edges that the default overlay draws,
and microseconds by what bounds them; or the error that it raises.
"""

import gzip
import json
import logging
import os
import re
import sys
import warnings

logging.disable(logging.CRITICAL)
warnings.filterwarnings("ignore")

from hta.analyzers.critical_path_analysis import DEFAULT_EDGE_TYPES_IN_VIZ  # noqa: E402
from hta.trace_analysis import TraceAnalysis  # noqa: E402

PASS = "[param|pytorch.model.alex_net|0|0|0|measure|forward]"


def path_of(file, annotation, instance):
    analysis = TraceAnalysis(trace_files={0: file}, trace_dir="")
    graph, _ = analysis.critical_path_analysis(rank=0, annotation=annotation, instance_id=instance)
    breakdown = graph.get_critical_path_breakdown()
    us = breakdown.groupby("bound_by").duration.sum().to_dict()
    return {
        "nodes": len(graph.critical_path_nodes),
        "events": len(graph.critical_path_events_set),
        "edges": len(graph.critical_path_edges_set),
        "overlay": sum(edge.type in DEFAULT_EDGE_TYPES_IN_VIZ for edge in graph.critical_path_edges_set),
        "us": {name: int(value) for name, value in us.items() if name != ""},
    }


def windows_of(text):
    steps = len(set(re.findall(r"ProfilerStep#\d+", text)))
    if PASS in text:
        yield PASS, 1
    if steps > 0:
        yield "ProfilerStep", 1 if steps > 2 else 0
    else:
        yield "", 0


rows = []
for name in sorted(os.listdir(sys.argv[1])):
    if not name.endswith(".json.gz"):
        continue
    file = os.path.join(sys.argv[1], name)
    with gzip.open(file, "rt", errors="replace") as packed:
        windows = list(windows_of(packed.read()))
    for annotation, instance in windows:
        row = {"file": re.sub(r"(\.pt\.trace)?\.json\.gz$", "", name), "annotation": annotation, "instance": instance}
        try:
            row.update(path_of(file, annotation, instance))
        except Exception as error:
            row["error"] = f"{type(error).__name__}: {str(error)[:60]}"
        rows.append(row)
        print(name, file=sys.stderr)
print("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]")
