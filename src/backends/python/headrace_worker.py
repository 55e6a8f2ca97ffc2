"""The worker of one model version: reads frames of tensors from descriptor 3, runs the model, writes frames back.

    frame  = length(u32, of the rest) jsonLength(u32) json tensor*
    tensor = the elements of a tensor that the JSON lists, in its order: row-major, little-endian, without padding;
             an element of BYTES is its length (u32) and its bytes

It imports nothing of the server. The model is unpickled here and nowhere else.
"""

import ctypes
import json
import os
import struct
import sys

LONGEST_REASON = 2000


def confine(limits, wanted):
    """Takes rights and resources from this process before any code of the model runs in it; returns how it is isolated."""
    os.set_inheritable(3, False)
    os.umask(0o077)
    try:
        import resource

        def lower(kind, value):
            hard = resource.getrlimit(kind)[1]
            if hard != resource.RLIM_INFINITY:
                value = min(value, hard)
            resource.setrlimit(kind, (value, value))

        lower(resource.RLIMIT_CORE, 0)
        if sys.platform == "linux":
            # Private writable memory. The address space would count mapped files and reserved ranges too.
            lower(resource.RLIMIT_DATA, limits["memory"])
            lower(resource.RLIMIT_NPROC, tasks_of_user() + limits["processes"] + 512)
    except (ImportError, OSError, ValueError):
        pass
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG: this process ends with the server.
        prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans of this process stay its descendants.
        prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS: no program gives it more rights.
    import headrace_isolation

    headrace_isolation.close_descriptors({3})
    return headrace_isolation.isolate(wanted)


def tasks_of_user():
    """Threads of all processes of this user."""
    count = 0
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            if os.stat("/proc/" + name).st_uid == os.getuid():
                count += len(os.listdir("/proc/" + name + "/task"))
        except OSError:
            pass
    return count


class Link:
    """The socket to the server."""

    def __init__(self, descriptor):
        self.reader = os.fdopen(descriptor, "rb", buffering=1 << 16, closefd=False)
        self.descriptor = descriptor

    def exactly(self, count):
        data = self.reader.read(count)
        if len(data) != count:
            os._exit(0)  # The server has closed its end.
        return data

    def read(self):
        """The next message, and the bytes of its tensors."""
        length, of_json = struct.unpack("<II", self.exactly(8))
        body = self.exactly(length - 4)
        return json.loads(body[:of_json]), memoryview(body)[of_json:]

    def write(self, message, parts=()):
        text = json.dumps(message, separators=(",", ":")).encode()
        length = 4 + len(text) + sum(len(part) for part in parts)
        if length >= 1 << 32:
            raise OverflowError("the outputs have more than 4 GiB")
        data = b"".join([struct.pack("<II", length, len(text)), text, *parts])
        view = memoryview(data)
        while view:
            view = view[os.write(self.descriptor, view) :]


def reason_of(error):
    text = f"{type(error).__name__}: {error}".strip()
    return text[:LONGEST_REASON]


def main():
    link = Link(3)
    load, _ = link.read()
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    isolation, network = confine(load["limits"], load["isolation"])
    own = os.getpid()
    if load["isolation"]["required"] and isolation == "none":
        link.write({"id": load["id"], "kind": "refused", "reason": "the system isolates no process from the server"})
        return
    try:
        import headrace_model

        model = headrace_model.Model(load["path"])
        message, parts = model.described()
    except BaseException as error:  # A model may raise anything, SystemExit too.
        import traceback

        traceback.print_exc()
        link.write({"id": load["id"], "kind": "refused", "reason": reason_of(error)})
        return
    link.write({"id": load["id"], "kind": "loaded", "isolation": isolation, "network": network, **message}, parts)
    while True:
        request, payload = link.read()
        try:
            if request["kind"] == "onnx":
                reply, parts = model.as_onnx()
            else:
                reply, parts = model.run(request, payload)
        except BaseException as error:
            reply, parts = {"kind": "failed", "reason": reason_of(error)}, ()
        if os.getpid() != own:
            os._exit(70)  # The model has forked and come back twice.
        link.write({"id": request["id"], **reply}, parts)


if __name__ == "__main__":
    main()
