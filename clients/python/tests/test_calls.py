"""Errors, retries, training sets, predictions, models and jobs against the real server."""

from __future__ import annotations

import datetime as dt
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Iterator

import pandas as pd
import pytest

import headrace as package
from headrace import Headrace, HeadraceError, errors
from headrace._vectors import decode


def test_an_error_is_an_exception_of_its_code_with_the_hint(headrace: Headrace) -> None:
    with pytest.raises(errors.ServiceUnknown) as caught:
        headrace.vectors("shoper", [{"user": "a"}])
    assert caught.value.code == "SERVICE_UNKNOWN"
    assert caught.value.status == 404
    assert caught.value.retry == "never"
    assert caught.value.hint != ""
    assert isinstance(caught.value, HeadraceError)


def test_no_server_is_an_error_that_names_the_address() -> None:
    with Headrace("http://127.0.0.1:9", attempts=2) as nobody, pytest.raises(errors.ClientConnection, match="127.0.0.1:9"):
        nobody.models()


class Scripted(BaseHTTPRequestHandler):
    """Answers as a list says, to test what the real server rarely does."""

    script: list[tuple[int, dict[str, str], bytes]] = []
    seen: list[str] = []

    def do_GET(self) -> None:
        self._say()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self._say()

    def _say(self) -> None:
        type(self).seen.append(self.command)
        status, headers, body = type(self).script.pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture()
def scripted() -> Iterator[Headrace]:
    Scripted.script, Scripted.seen = [], []
    server = HTTPServer(("127.0.0.1", 0), Scripted)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Headrace(f"http://127.0.0.1:{server.server_port}") as client:
        yield client
    server.shutdown()
    server.server_close()


def _error(code: str, retry: str) -> bytes:
    return f'{{"error":{{"code":"{code}","message":"m","hint":"h","retry":"{retry}"}}}}'.encode()


def test_what_may_be_sent_again_is_sent_again(scripted: Headrace) -> None:
    Scripted.script = [
        (503, {"retry-after": "0"}, _error("SERVER_BUSY", "later")),
        (503, {}, _error("ONLINE_AWAY", "safe")),
        (200, {}, b"[]"),
    ]
    assert scripted.models() == []
    assert len(Scripted.seen) == 3


def test_what_may_not_be_sent_again_is_not(scripted: Headrace) -> None:
    Scripted.script = [(400, {}, _error("MODEL_GATE", "never")), (200, {}, b"{}")]
    with pytest.raises(errors.ModelGate):
        scripted.promote("m", 1)
    Scripted.script = [(503, {}, _error("SERVER_BUSY", "later")), (200, {}, b"{}")]
    with pytest.raises(errors.ServerBusy):
        scripted.promote("m", 1)


@pytest.mark.parametrize("body", [b"", b"<html>", b"HRV", b"HRV\x03", b"HRV\x02\x05", b"[]", b"HRV\x02\x00\x00\x00\x00\x00\x00"])
def test_an_answer_of_something_else_is_an_error_and_no_vector(scripted: Headrace, body: bytes) -> None:
    Scripted.script = [(200, {}, body), (200, {}, b"{}")]
    with pytest.raises(errors.ClientAnswer):
        scripted.vectors("s", [{"a": 1}])
    Scripted.script = [(502, {"content-type": "text/html"}, b"<html>bad gateway</html>"), (502, {}, b"<html>")]
    with pytest.raises(errors.ClientAnswer, match="502"):
        scripted.models()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b'{"version":"9.8.7"}', "the server is Headrace 9.8.7 and this client is"),
        (f'{{"version":"{package.__version__}"}}'.encode(), None),
        (b'{"at":1}', None),
        (b"<html>", None),
    ],
)
def test_an_error_that_another_version_may_cause_names_both_versions(scripted: Headrace, answer: bytes, said: str | None) -> None:
    for call in (lambda: scripted.vectors("s", [{"a": 1}]), lambda: scripted.models()):
        Scripted.script = [(404, {}, _error("SERVER_ROUTE", "never")), (200, {}, answer)]
        with pytest.raises(errors.ServerRoute) as caught:
            call()
        assert (said is None) == (caught.value.hint == "h")
        assert said is None or (said in caught.value.hint and said in str(caught.value))


def test_a_server_says_its_version(headrace: Headrace, url: str) -> None:
    import httpx

    assert httpx.get(f"{url}/v1/session").json()["version"].count(".") == 2


def test_every_cut_of_a_binary_answer_is_an_error(url: str, headrace: Headrace) -> None:
    import httpx

    body = httpx.post(
        f"{url}/v1/features/shopper",
        json={"requests": [{"user": "cut", "basket": 1.0}, {"user": "x", "basket": None}]},
        headers={"accept": "application/vnd.headrace.vectors"},
    ).content
    assert decode(body).columns.length == 2
    for length in range(len(body)):
        with pytest.raises(errors.ClientAnswer):
            decode(body[:length])
    with pytest.raises(errors.ClientAnswer):
        decode(body + b"\x00")


def _until(is_true: Any) -> None:
    while not is_true():
        time.sleep(0.05)


def test_a_training_set_has_the_features_as_of_each_row(headrace: Headrace) -> None:
    now = int(time.time() * 1000) - 1_800_000
    rows = [
        {"id": f"t{i}", "at": now + i * 60_000, "user": "trained", "price": "10.00", "big": 1, "gift": True, "weight": 1.0,
         "shop": "s", "seen": now}
        for i in range(3)
    ]
    assert headrace.ingest("purchases", rows)["accepted"] == 3
    headrace.flush()
    spine = pd.DataFrame(
        {
            "customer": ["trained"] * 3,
            "clicked": pd.to_datetime([now + 1, now + 60_001, now + 120_001], unit="ms", utc=True),
            "basket": [1.0, 2.0, 3.0],
            "label": [True, False, True],
        }
    )
    made = headrace.training_set("shopper", spine, time="clicked", columns={"user": "customer"})
    assert list(made["spend_purchases_1h"]) == [1, 2, 3]
    assert list(made["label"]) == [True, False, True]
    assert list(made["basket"]) == [1.0, 2.0, 3.0]


def test_a_model_is_trained_promoted_asked_and_judged(headrace: Headrace) -> None:
    now = int(time.time() * 1000) - 250_000
    sent = [{"id": f"o{i}", "at": now + i * 500, "user": f"u{i % 5}", "value": float(i % 10)} for i in range(400)]
    assert headrace.ingest("sent", sent)["accepted"] == 400
    labels = [{"id": f"o{i}", "at": now + i * 500 + 250, "back": int(i % 10 > 5)} for i in range(400)]
    assert headrace.ingest("returns", labels)["accepted"] == 400
    headrace.flush()
    # Labels that can still come are pending: the rows that have theirs train.
    job = headrace.start_job(kind="train", model="refund", to=int(time.time() * 1000))
    _until(lambda: headrace.job(job["id"])["state"] in ("done", "failed"))
    ended = headrace.job(job["id"])
    assert ended["state"] == "done", ended
    version = ended["result"]["version"]
    assert headrace.promote("refund", version)["champion"] == version
    assert headrace.model("refund")["champion"] == version
    asked = pd.DataFrame({"id": ["p-low", "p-high"], "user": ["u1", "u2"], "value": [0.0, 9.0]})
    predicted = headrace.predict("refund", asked)
    found = predicted.to_pandas()
    assert list(found["id"]) == ["p-low", "p-high"]
    assert list(found["version"]) == [version, version]
    assert found["score"][0] < 0.5 < found["score"][1]
    assert headrace.ingest("returns", [{"id": "p-high", "at": predicted.at[1] + 1, "back": 1}])["accepted"] == 1
    _until(lambda: headrace.quality("refund")["whole"] is not None)
    today = dt.datetime.now(dt.timezone.utc)
    quality = headrace.quality("refund", from_=today - dt.timedelta(days=2), to=today + dt.timedelta(days=1))
    assert quality["whole"] is not None and quality["whole"]["labelled"] >= 1
    assert headrace.drift()["watch"] in ("watched", "stale", "unwatched")
    assert headrace.alerts()["open"] == []
    assert headrace.status()["ready"] is True
    assert "services" in headrace.slo() or headrace.slo() is not None


def test_a_scikit_learn_pipeline_reads_its_features(url: str, headrace: Headrace) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    from headrace.sklearn import HeadraceFeatures

    keys = pd.DataFrame({"user": ["a", "b"], "value": [1.0, 2.0]}, index=[7, 9])
    pipeline = make_pipeline(HeadraceFeatures("basket", url), FunctionTransformer(lambda frame: frame * 2))
    made = pipeline.fit_transform(keys)
    assert list(made.columns) == ["by_visits_1h", "value"]
    assert list(made["value"]) == [2.0, 4.0]
    assert list(made.index) == [7, 9]
    joined = HeadraceFeatures("basket", url, join=True).fit(keys).transform(keys)
    assert list(joined.columns) == ["user", "value", "by_visits_1h"]


def test_an_entity_is_forgotten(headrace: Headrace) -> None:
    report = headrace.forget("user", {"user": "somebody"})
    assert report["entity"] == "user"


def test_the_package_says_its_version() -> None:
    assert package.__version__.count(".") == 2
