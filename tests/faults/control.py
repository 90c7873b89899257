"""The faulty disk as the test sees it: builds disk.c, starts programs on it, sets rules, counts calls."""

import errno
import mmap
import os
import shutil
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TARGET = ROOT / "target" / "faults"
LIBRARY = TARGET / "libdisk.so"
RULES = 8
ALL = (1 << 64) - 1
RULE = struct.Struct("=7Q")
COUNT, KILL_AT, IS_OVER, IS_CHANGING, RULES_AT = 0, 8, 16, 24, 32

CALLS = {"open": 1, "write": 2, "sync": 4, "read": 8, "resize": 16, "name": 32}
CLASSES = {"wal": 1, "table": 2, "blob": 4, "manifest": 8, "directory": 16, "other": 32}
ACTIONS = {"fail": 1, "delay": 2, "hold": 3, "lie": 4, "short": 5}
NO_SPACE, IO_ERROR = errno.ENOSPC, errno.EIO


def build():
    """Compiles disk.c with the system's compiler, if it is newer than the library."""
    source = Path(__file__).with_name("disk.c")
    if LIBRARY.is_file() and LIBRARY.stat().st_mtime > source.stat().st_mtime:
        return
    TARGET.mkdir(parents=True, exist_ok=True)
    unfinished = LIBRARY.with_suffix(f".{os.getpid()}")
    command = ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", unfinished, source]
    subprocess.run(command, check=True)
    unfinished.rename(LIBRARY)


@dataclass
class Rule:
    """`calls` and `classes`: names, separated by spaces. `argument`: errno of "fail", microseconds of "delay"."""

    action: str
    calls: str
    classes: str = " ".join(CLASSES)
    argument: int = 0
    skip: int = 0
    count: int = ALL


class Disk:
    """One directory on the faulty disk, with what belongs to it: `files` is what programs see."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.files, self.graves = self.directory / "disk", self.directory / "graves"
        self.journal, control = self.directory / "journal", self.directory / "control"
        self.files.mkdir(parents=True, exist_ok=True)
        control.write_bytes(bytes(4096))
        with open(control, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 4096)
        self.environment = {
            "LD_PRELOAD": str(LIBRARY),
            "FAULTS_DIR": str(self.files),
            "FAULTS_CONTROL": str(control),
            "FAULTS_JOURNAL": str(self.journal),
            "FAULTS_GRAVES": str(self.graves),
        }
        self.start()

    def start(self):
        """Begins anew, for a process that is about to start: everything that is there now is durable."""
        self.page[:] = bytes(len(self.page))
        self.journal.unlink(missing_ok=True)
        shutil.rmtree(self.graves, ignore_errors=True)
        self.graves.mkdir()
        self.before = Snapshot.of(self.files)

    def count(self):
        return struct.unpack_from("=Q", self.page, COUNT)[0]

    def kill_at(self, number):
        """The process dies instead of making this change."""
        struct.pack_into("=Q", self.page, KILL_AT, number)

    def kill(self, process):
        """Kills the process between two changes: one that was made and not written down would be in no journal."""
        struct.pack_into("=Q", self.page, IS_OVER, 1)
        while struct.unpack_from("=Q", self.page, IS_CHANGING)[0] and process.poll() is None:
            time.sleep(0.001)
        process.kill()
        process.wait()

    def set(self, slot, rule):
        """Puts a rule into force, or with None out of force."""
        at = RULES_AT + slot * RULE.size
        self.page[at : at + RULE.size] = bytes(RULE.size)
        if rule:
            calls = sum(CALLS[name] for name in rule.calls.split())
            classes = sum(CLASSES[name] for name in rule.classes.split())
            # The action last: the library may look at any time.
            RULE.pack_into(self.page, at, calls, classes, 0, rule.argument, rule.skip, rule.count, 0)
            struct.pack_into("=Q", self.page, at + 16, ACTIONS[rule.action])

    def hits(self, slot):
        return RULE.unpack_from(self.page, RULES_AT + slot * RULE.size)[6]


@dataclass
class Snapshot:
    """Names and sizes of a tree: inode of the root, directory inode → {name: inode}, file inode → size."""

    root: int
    directories: dict
    sizes: dict

    @staticmethod
    def of(path):
        directories, sizes = {}, {}
        for place, _, _ in os.walk(path):
            entries = directories[os.stat(place).st_ino] = {}
            for entry in os.scandir(place):
                if is_modelled(entry.name):
                    entries[entry.name] = entry.inode()
                    if entry.is_file(follow_symlinks=False):
                        sizes[entry.inode()] = entry.stat().st_size
        return Snapshot(os.stat(path).st_ino, directories, sizes)


def is_modelled(name):
    """Not the info logs of RocksDB, which stdio writes and nobody reads, and not the socket of the server."""
    return not name.startswith("LOG") and name != "control.sock"
