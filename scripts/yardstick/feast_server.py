"""Loads Feast's own feature server, on Redis, with the 24 features of examples/personalisation, without their windows.

    "$(node scripts/yardstick/peers.ts feast)" scripts/yardstick/feast_server.py --workers 1 --seconds 10

Needs redis-server and wrk on the PATH (Debian packages redis-server and wrk). Everything is on loopback, in a scratch directory,
and ends with the script. The same views as the example has: eight, of five kinds of key, 21 stored features, and one
on-demand view of three, or other layouts of the same 24; the stored values are numbers drawn at random, written to Redis before. One user, session and item a request, drawn by
Zipf's law. Prints requests a second, errors, latency as wrk counts it (closed loop, 64 connections), and the processor time of the server and of Redis
for each request.
"""
import argparse
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import datetime, timedelta, timezone

parser = argparse.ArgumentParser()
parser.add_argument("--workers", type=int, default=1)
parser.add_argument("--seconds", type=int, default=10)
parser.add_argument("--keys", type=int, default=2000)
parser.add_argument(
    "--layout",
    choices=["on-demand", "stored", "one-view"],
    default="on-demand",
    help="three features on demand; or stored as well; or all 24 stored in one view of the user",
)
parser.add_argument("--in-process", action="store_true", help="also call the feature store itself, and end with one line of JSON")
options = parser.parse_args()

DEFINITIONS = '''
from datetime import timedelta
from feast import Entity, FeatureService, FeatureView, Field, FileSource, RequestSource
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float64, Int64
from feast.value_type import ValueType

def entity(name):
    return Entity(name=name, join_keys=[name], value_type=ValueType.STRING)

user, session, item, category = [entity(name) for name in ("user", "session", "item", "category")]
source = FileSource(path="{path}", timestamp_field="event_timestamp")

def view(name, entities, ints, floats=()):
    schema = [Field(name=f"{{name}}_{{one}}", dtype=Int64) for one in ints] + [Field(name=f"{{name}}_{{one}}", dtype=Float64) for one in floats]
    return FeatureView(name=name, entities=entities, ttl=timedelta(days=30), schema=schema, source=source, online=True)

in_session = view("session", [session], ["clicks_1h"], ["mean_price_1h"])
user_clicks = view("user", [user], ["clicks_5m", "clicks_1h", "clicks_30d"])
basket = view("basket", [user], ["bought_30d"], ["spent_30d", "mean_price_30d"])
taste = view("taste", [user, category], ["clicks_1h", "clicks_30d"], [{stored}])
item_clicks = view("item", [item], ["clicks_5m", "clicks_1h", "clicks_30d"])
sales = view("sales", [item], ["sold_1h", "sold_30d"], ["mean_price_30d"])
customer = view("customer", [user], ["lines", "days"], ["returned_share"])
assortment = view("assortment", [item], ["lines", "buyers"])
alone = view("alone", [user], [f"whole_{{i}}" for i in range(12)], [f"real_{{i}}" for i in range(12)])
asked = RequestSource(name="asked", schema=[Field(name="price", dtype=Float64)])

@on_demand_feature_view(
    sources=[asked, basket, sales, taste, user_clicks],
    schema=[Field(name=name, dtype=Float64) for name in ("to_usual", "to_paid", "affinity")],
    mode="python",
)
def ratios(inputs):
    def ratio(over, under):
        return [a / b if a is not None and b else 0.0 for a, b in zip(inputs[over], inputs[under])]
    return {{
        "to_usual": ratio("price", "basket_mean_price_30d"),
        "to_paid": ratio("price", "sales_mean_price_30d"),
        "affinity": ratio("taste_clicks_30d", "user_clicks_30d"),
    }}

recommendation = FeatureService(
    name="recommendation",
    features=[{views}],
)
'''


ALL = "in_session, user_clicks, basket, taste, item_clicks, sales, customer, assortment"
VIEWS = {"on-demand": f"{ALL}, ratios", "stored": ALL, "one-view": "alone"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, seconds=60):
    for _ in range(seconds * 10):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    sys.exit(f"nothing listens on {port}")


def tree(pid):
    """A process and all below it."""
    children = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            parent = int(open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(entry))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


def cpu_seconds(pid):
    total = 0
    for one in tree(pid):
        fields = open(f"/proc/{one}/stat").read().rsplit(")", 1)[1].split()
        # And of children that have ended.
        total += sum(int(field) for field in fields[11:15])
    return total / os.sysconf("SC_CLK_TCK")


def fill(folder, keys):
    import pandas
    from feast import FeatureStore

    store = FeatureStore(repo_path=folder)
    drawn = random.Random(1)
    names = {"user": "u", "session": "s", "item": "i"}
    for view in store.list_feature_views():
        frame = pandas.DataFrame({name: [f"{names.get(name, 'k')}{i}" if name != "category" else f"k{i % 40}" for i in range(keys)] for name in view.entities})
        for field in view.schema:
            if field.name in frame:
                continue
            whole = str(field.dtype) == "Int64"
            frame[field.name] = [drawn.randrange(1, 1000) if whole else 1000 * drawn.random() for _ in range(keys)]
        frame["event_timestamp"] = pandas.Timestamp(datetime.now(timezone.utc))
        store.write_to_online_store(view.name, frame)


def bodies(keys):
    drawn = random.Random(2)
    weights = [1 / (rank + 1) for rank in range(keys)]
    for user, item in zip(drawn.choices(range(keys), weights, k=2000), drawn.choices(range(keys), weights, k=2000)):
        entities = {"user": [f"u{user}"], "session": [f"s{user}"], "item": [f"i{item}"], "category": [f"k{user % 40}"]}
        if options.layout == "one-view":
            entities = {"user": [f"u{user}"]}
        if options.layout == "on-demand":
            entities["price"] = [9.5]
        yield json.dumps({"feature_service": "recommendation", "entities": entities})


def in_process(folder, sent, seconds):
    from feast import FeatureStore

    store = FeatureStore(repo_path=folder)
    service = store.get_feature_service("recommendation")
    rows = [[{name: values[0] for name, values in json.loads(body)["entities"].items()}] for body in sent]
    calls, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        store.get_online_features(features=service, entity_rows=rows[calls % len(rows)]).to_dict()
        calls += 1
    return calls / seconds


def post(url, body):
    request = urllib.request.Request(url, body.encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


# A time limit ends the servers too.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
folder = tempfile.mkdtemp(prefix="feast-")
processes = []
try:
    redis_port, port = free_port(), free_port()
    redis = subprocess.Popen(
        ["redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
        stdout=subprocess.DEVNULL,
    )
    processes.append(redis)
    wait_for(redis_port)
    with open(f"{folder}/feature_store.yaml", "w") as file:
        file.write(
            "project: personalisation\nprovider: local\nregistry: registry.db\nentity_key_serialization_version: 3\n"
            f"online_store:\n  type: redis\n  connection_string: 127.0.0.1:{redis_port}\n"
        )
    with open(f"{folder}/definitions.py", "w") as file:
        file.write(DEFINITIONS.format(
                path=f"{folder}/history.parquet",
                stored='"to_usual", "to_paid", "affinity"' if options.layout == "stored" else "",
                views=VIEWS[options.layout],
            ))
    feast = os.path.join(os.path.dirname(sys.executable), "feast")
    environment = {**os.environ, "FEAST_USAGE": "False"}
    import pandas

    pandas.DataFrame({"event_timestamp": [pandas.Timestamp(datetime.now(timezone.utc))]}).to_parquet(f"{folder}/history.parquet")
    subprocess.run([feast, "apply", "--skip-source-validation"], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    fill(folder, options.keys)
    server = subprocess.Popen(
        [feast, "serve", "-h", "127.0.0.1", "-p", str(port), "--no-access-log", "--workers", str(options.workers), "--max-requests", "10000000"],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    processes.append(server)
    wait_for(port)
    url = f"http://127.0.0.1:{port}/get-online-features"
    sent = list(bodies(options.keys))
    answer = post(url, sent[0])
    features = len(answer["metadata"]["feature_names"])
    nulls = sum(1 for result in answer["results"] for status in result["statuses"] if status != "PRESENT")
    print(f"{features} names in an answer, {nulls} without a value")
    script = f"{folder}/post.lua"
    with open(script, "w") as file:
        listed = ",".join(f"[==[{body}]==]" for body in sent)
        file.write(
            'wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\n'
            f"local bodies = {{{listed}}}\nlocal next = 0\n"
            "request = function()\n  next = next % #bodies + 1\n  return wrk.format(nil, nil, nil, bodies[next])\nend\n"
        )

    def wrk(seconds):
        return subprocess.run(
            ["wrk", "-t1", "-c64", f"-d{seconds}s", "--latency", "-s", script, url], capture_output=True, text=True, check=True
        ).stdout

    wrk(3)
    before = cpu_seconds(server.pid), cpu_seconds(redis.pid)
    output = wrk(options.seconds)
    after = cpu_seconds(server.pid), cpu_seconds(redis.pid)
    answered = int(re.search(r"(\d+) requests in", output)[1])
    print(output)
    if "Non-2xx" in output:
        sys.exit("answers were none")
    per_second = float(re.search(r"Requests/sec: +([0-9.]+)", output)[1])
    server_ms = 1000 * (after[0] - before[0]) / answered
    print(
        f"{options.workers} workers, {options.layout}: {per_second:.0f} requests/s, "
        f"{server_ms:.2f} ms of the server's processors and "
        f"{1000 * (after[1] - before[1]) / answered:.2f} ms of Redis' for each request"
    )
    if options.in_process:
        alone = in_process(folder, sent, options.seconds)
        print(json.dumps({"perSecond": per_second, "serverMs": server_ms, "inProcessPerSecond": alone}))
finally:
    for process in reversed(processes):
        process.terminate()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)
