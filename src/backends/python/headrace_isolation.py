"""Takes the server's secrets away from the process of a model: its descriptors, its files, its processes, its network.

On Linux the process moves into new namespaces (namespaces(7)). In them the folders of the server are empty, every other file is read
only, no process of the server has a number, and there is no network. Where the system allows not all of them, root becomes nobody, and
the process still leaves the network where it can.
"""

import ctypes
import errno
import os
import struct
import sys

NEWNS, NEWUSER, NEWPID, NEWNET, NEWIPC = 0x00020000, 0x10000000, 0x20000000, 0x40000000, 0x08000000
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18

# mount_setattr(2) has one number on every architecture.
MOUNT_SETATTR, AT_RECURSIVE, ATTR_RDONLY = 442, 0x8000, 1

PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
SIGKILL = 9
NOBODY = 65534
LAST_CAPABILITY = 63

# The capabilities CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH and FOWNER.
FILES = 0b1111

# Folders that any user shares, with sockets and memory of other programs.
SHARED = ("/tmp", "/var/tmp", "/run", "/dev/shm")

# Bytes that a model can write outside of its home.
SCRATCH = "size=64m,mode=0755"


class Unavailable(Exception):
    """The system does not allow it."""


def libc():
    return ctypes.CDLL(None, use_errno=True)


def call(function, *arguments):
    """A call of the C library; fails with its error."""
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def close_descriptors(keep):
    """Closes every descriptor but the standard ones and `keep`: some of the server's come with a start."""
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        names = map(str, range(3, 1 << 16))
    for name in names:
        if int(name) > 2 and int(name) not in keep:
            try:
                os.close(int(name))
            except OSError:
                pass


def isolate(wanted):
    """
    Isolates this process as far as the system allows; returns how, `namespaces`, `user` or `none`, and whose network it has: its `own` or
    that of the `server`.
    """
    shares = bool(wanted.get("network"))
    if sys.platform != "linux":
        return "none", "server"
    try:
        enter_namespaces(wanted)
        return "namespaces", "server" if shares else "own"
    except Unavailable:
        pass
    network = "own" if not shares and leave_network(libc()) else "server"
    if become_nobody(wanted):
        return "user", network
    if network == "own":
        # Without its rights root cannot go back into the network of the server; with these it still reads the model.
        drop_capabilities(libc(), FILES if os.geteuid() == 0 else 0)
    return "none", network


def leave_network(system):
    """Moves into a network with nothing but its loopback; false where the system refuses. Root keeps its number, others get a namespace."""
    is_root = os.geteuid() == 0
    flags = NEWNET if is_root else NEWUSER | NEWNET
    if not works(lambda: own_network(system, flags, is_root)):
        return False
    own_network(system, flags, is_root)
    return True


def own_network(system, flags, is_root):
    uid, gid = os.geteuid(), os.getegid()
    call(system.unshare, flags)
    if not is_root:
        map_user(uid, gid)
    raise_loopback()


def enter_namespaces(wanted):
    system = libc()
    network = 0 if wanted.get("network") else NEWNET
    uid, gid = os.geteuid(), os.getegid()
    probe(system, NEWUSER | NEWNS | NEWPID | NEWIPC | network)
    system.unshare(NEWUSER | NEWNS | NEWPID | NEWIPC | network)
    map_user(uid, gid)
    if network:
        raise_loopback()
    call(system.mount, b"none", b"/", None, REC | PRIVATE, None)
    hide_folders(system, wanted)
    fork_into_processes(system)
    drop_capabilities(system)


def probe(system, flags):
    """Tries the namespaces. Error: Unavailable."""

    def enter():
        uid, gid = os.geteuid(), os.getegid()
        call(system.unshare, flags)
        map_user(uid, gid)
        call(system.mount, b"none", b"/", None, REC | PRIVATE, None)
        call(system.mount, b"none", b"/tmp", b"tmpfs", NOSUID | NODEV, SCRATCH.encode())

    if not works(enter):
        raise Unavailable


def works(attempt):
    """Tries it in a child: after a call that worked there is no way back."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            attempt()
            code = 0
        except OSError:
            pass
        os._exit(code)
    return os.waitpid(child, 0)[1] == 0


def map_user(uid, gid):
    """Gives the user its own number in a new namespace of users."""
    put("/proc/self/setgroups", "deny")
    put("/proc/self/uid_map", f"{uid} {uid} 1")
    put("/proc/self/gid_map", f"{gid} {gid} 1")


def put(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def raise_loopback():
    """The loopback of the new network: libraries of one model talk over it among their own processes."""
    import fcntl
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        fcntl.ioctl(link, 0x8914, struct.pack("16sh14x", b"lo", 1))


def hide_folders(system, wanted):
    """Puts an empty folder over each that is hidden, and what the model needs back into it."""
    home = os.path.abspath(wanted["home"])
    hidden = {os.path.realpath(path) for path in [*wanted["hide"], *SHARED] if os.path.isdir(path)} - {"/"}
    outer = [path for path in sorted(hidden) if not any(inside(path, one) for one in hidden)]
    kept = [home, *wanted["keep"], *own_folders()]
    # A path may lead through a link that is hidden: both names are kept. A folder comes before those in it.
    names = sorted({name for path in kept for name in (os.path.abspath(path), os.path.realpath(path))}, key=len)
    handles = {name: os.open(name, os.O_PATH | os.O_CLOEXEC) for name in names if os.path.exists(name)}
    for path in outer:
        call(system.mount, b"none", path.encode(), b"tmpfs", NOSUID | NODEV, SCRATCH.encode())
    for name, handle in handles.items():
        if name != home and name not in outer and os.path.exists(name):
            continue
        put_back(system, name, handle)
    read_only(system)
    for path in {home, os.path.realpath(home), *(path for path in outer if path in SHARED)}:
        writable(system, path)
    for handle in handles.values():
        os.close(handle)
    # The folder that it stood in is the one below.
    os.chdir(home)


def put_back(system, name, handle):
    """Shows what a descriptor stands for under a name that is hidden."""
    source = f"/proc/self/fd/{handle}"
    if os.path.isdir(source):
        os.makedirs(name, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(name), exist_ok=True)
        os.close(os.open(name, os.O_CREAT | os.O_CLOEXEC, 0o600))
    call(system.mount, source.encode(), name.encode(), None, BIND | REC, None)


def inside(path, folder):
    return path != folder and path.startswith(folder.rstrip("/") + "/")


def own_folders():
    """The interpreter, its libraries, and this program."""
    program = os.path.dirname(os.path.abspath(__file__))
    return [sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.path.realpath(sys.executable)), program]


def read_only(system):
    """Makes every file read only; an older system keeps the rights of the user."""
    attributes = struct.pack("QQQQ", ATTR_RDONLY, 0, 0, 0)
    system.syscall(MOUNT_SETATTR, -100, b"/", AT_RECURSIVE, attributes, len(attributes))


def writable(system, path):
    attributes = struct.pack("QQQQ", 0, ATTR_RDONLY, 0, 0)
    system.syscall(MOUNT_SETATTR, -100, path.encode(), 0, attributes, len(attributes))


def fork_into_processes(system):
    """
    Three processes: the one that the server started, which passes the end on; the first of the new namespace, which ends all others
    with it; and the one of the model, which returns.
    """
    reader, writer = os.pipe()
    first = os.fork()
    if first != 0:
        os.close(writer)
        pass_on(reader, first)
    os.close(reader)
    system.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    # Where a file system of processes may not be made, the old one still names none of the server's for this user.
    system.mount(b"proc", b"/proc", b"proc", NOSUID | NODEV | NOEXEC, None)
    model = os.fork()
    if model == 0:
        os.close(writer)
        system.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
        return
    drop_capabilities(system)
    os.close(3)
    while True:
        pid, status = os.wait()
        if pid == model:
            os.write(writer, struct.pack("<I", status))
            os._exit(0)


def pass_on(reader, first):
    """Ends as the process of the model has ended."""
    # The other end of the socket is closed when the model's is.
    os.close(3)
    data = os.read(reader, 4)
    os.waitpid(first, 0)
    if len(data) < 4:
        os.kill(os.getpid(), SIGKILL)
    (status,) = struct.unpack("<I", data)
    if os.WIFSIGNALED(status):
        import signal

        number = os.WTERMSIG(status)
        if number != SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


def drop_capabilities(system, kept=0):
    """Gives up the rights that root has, or the creator of a user namespace in it, but for those of the mask `kept`."""
    system.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for capability in range(LAST_CAPABILITY + 1):
        if not kept >> capability & 1:
            system.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = struct.pack("Ii", 0x20080522, 0)
    system.capset(header, struct.pack("IIIIII", kept, kept, 0, 0, 0, 0))


def become_nobody(wanted):
    """Root gives its files of this model to nobody, and becomes nobody; false where nobody could not read the model."""
    if os.geteuid() != 0:
        return False
    folders = [wanted["home"], *wanted["own"]]
    if not can_read([*own_folders(), *[os.path.dirname(path) for path in folders]]):
        return False
    for folder in folders:
        for path, _, names in os.walk(folder):
            for one in [path, *[os.path.join(path, name) for name in names]]:
                os.chown(one, NOBODY, NOBODY, follow_symlinks=False)
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    return True


def can_read(paths):
    """Whether nobody could."""
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        os._exit(0 if all(os.access(path, os.R_OK | os.X_OK) for path in paths) else 1)
    return os.waitpid(child, 0)[1] == 0
