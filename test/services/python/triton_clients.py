"""Runs tritonclient, unchanged, against a server: http, http.aio, grpc and grpc.aio. Prints one line a check that holds."""

import asyncio
import sys

import numpy as np
import tritonclient.grpc as grpcclient
import tritonclient.grpc.aio as grpcaio
import tritonclient.http as httpclient
import tritonclient.http.aio as httpaio
from tritonclient.utils import InferenceServerException

HTTP, GRPC = sys.argv[1:3]
A = np.arange(16, dtype=np.int32).reshape(1, 16)
B = np.full((1, 16), -1, dtype=np.int32)


def inputs(module, binary=True):
    made = [module.InferInput(name, [1, 16], "INT32") for name in ("INPUT0", "INPUT1")]
    for one, data in zip(made, (A, B)):
        if module in (httpclient, httpaio):
            one.set_data_from_numpy(data, binary_data=binary)
        else:
            one.set_data_from_numpy(data)
    return made


def check(name, result):
    assert (result.as_numpy("OUTPUT0") == A + B).all(), name
    assert (result.as_numpy("OUTPUT1") == A - B).all(), name
    print(f"holds: {name}", flush=True)


def texts(module, client, name):
    data = np.array([[b"he\0llo", "ü".encode(), b"\xff\xfe"]], dtype=np.object_)
    one = module.InferInput("INPUT0", [1, 3], "BYTES")
    one.set_data_from_numpy(data)
    found = client.infer("simple_identity", [one]).as_numpy("OUTPUT0")
    assert found.tolist() == data.tolist(), found
    print(f"holds: {name}", flush=True)


def sync(module, client, name):
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("simple")
    check(f"{name} infer", client.infer("simple", inputs(module)))
    check(f"{name} version", client.infer("simple", inputs(module), model_version="1"))
    texts(module, client, f"{name} bytes")
    client.get_server_metadata(), client.get_model_metadata("simple"), client.get_model_config("simple")
    client.get_inference_statistics("simple"), client.get_model_repository_index()
    client.unload_model("simple_int8")
    assert not client.is_model_ready("simple_int8")
    client.load_model("simple_int8")
    assert client.is_model_ready("simple_int8")
    try:
        client.infer("nobody", inputs(module))
        raise AssertionError("a model that is absent answers")
    except InferenceServerException as error:
        assert "unknown model" in str(error), error
    print(f"holds: {name} control and errors", flush=True)


async def both_aio():
    async with httpaio.InferenceServerClient(HTTP) as client:
        check("http.aio infer", await client.infer("simple", inputs(httpaio)))
    async with grpcaio.InferenceServerClient(GRPC) as client:
        check("grpc.aio infer", await client.infer("simple", inputs(grpcaio)))

        async def requests():
            for i, value in enumerate((5, 5, -7)):
                one = grpcaio.InferInput("INPUT", [1, 1], "INT32")
                one.set_data_from_numpy(np.array([[value]], dtype=np.int32))
                yield {
                    "model_name": "simple_sequence",
                    "inputs": [one],
                    "sequence_id": 7,
                    "sequence_start": i == 0,
                    "sequence_end": i == 2,
                }

        found = []
        async for result, error in client.stream_infer(requests()):
            assert error is None, error
            found.append(int(result.as_numpy("OUTPUT")[0][0]))
        assert found == [6, 5, -7], found
        print("holds: grpc.aio sequence in a stream", flush=True)


client = httpclient.InferenceServerClient(HTTP, concurrency=4)
sync(httpclient, client, "http")
check("http JSON", client.infer("simple", inputs(httpclient, binary=False)))
for coding in ("gzip", "deflate"):
    check(
        f"http {coding}",
        client.infer(
            "simple",
            inputs(httpclient),
            request_compression_algorithm=coding,
            response_compression_algorithm=coding,
        ),
    )
check("http async", client.async_infer("simple", inputs(httpclient)).get_result())
sync(grpcclient, grpcclient.InferenceServerClient(GRPC), "grpc")
asyncio.run(both_aio())
