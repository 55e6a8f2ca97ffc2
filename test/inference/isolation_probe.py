"""Isolates itself as a worker does, then tries what a model must not do; prints what came of it as JSON."""

import json
import os
import socket
import sys

wanted = json.loads(sys.argv[1])
sys.path.insert(0, wanted["program"])
import headrace_isolation  # noqa: E402

if wanted.get("without"):

    def unavailable(_):
        raise headrace_isolation.Unavailable

    headrace_isolation.enter_namespaces = unavailable

if wanted.get("without") == "any namespace":

    def refused(*_):
        raise OSError

    headrace_isolation.own_network = refused

headrace_isolation.close_descriptors({3})
parent = os.getppid()
how, network = headrace_isolation.isolate(wanted)


def attempt(act):
    try:
        act()
        return "done"
    except Exception as error:
        return type(error).__name__


def read(path):
    with open(path, "rb") as file:
        return file.read(1)


def write(path):
    with open(path, "ab") as file:
        file.write(b"x")


def descriptors():
    own = range(4)
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in own:
            try:
                os.write(int(name), b"x")
                return
            except OSError:
                pass
    raise PermissionError


def go_back():
    """Into the network of the server, by its process."""
    import ctypes

    with open(f"/proc/{wanted['parent']}/ns/net", "rb") as network:
        if ctypes.CDLL(None).setns(network.fileno(), 0) != 0:
            raise PermissionError


port = wanted["port"]
print(
    json.dumps(
        {
            "how": how,
            "network": network,
            "keys": attempt(lambda: read(wanted["keys"])),
            "store": attempt(lambda: read(wanted["store"])),
            "environment": attempt(lambda: read(f"/proc/{wanted['parent']}/environ")),
            "descriptor": attempt(descriptors),
            "parents descriptors": attempt(lambda: os.listdir(f"/proc/{wanted['parent']}/fd")),
            "signal": attempt(lambda: os.kill(wanted["parent"], 0)),
            "way back": attempt(go_back),
            "server": attempt(lambda: socket.create_connection(("127.0.0.1", port), 5).close()),
            "program": attempt(lambda: write(os.path.join(wanted["program"], "headrace_worker.py"))),
            "model": attempt(lambda: read(wanted["file"])),
            "change of the model": attempt(lambda: write(wanted["file"])),
            "home": attempt(lambda: write(os.path.join(wanted["home"], "a"))),
            "import": attempt(lambda: __import__("decimal")),
            "own loopback": attempt(lambda: socket.create_server(("127.0.0.1", 0)).close()),
        }
    ),
    flush=True,
)
if wanted["end"] == "signal":
    os.kill(os.getpid(), 9)
os._exit(7)
