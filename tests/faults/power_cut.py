"""What a power cut may leave of a directory. Reads the journal of disk.c; the model is described in README.md."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from control import Snapshot

PAGE = 4096
SECTOR = 512


class Escaped(Exception):
    """The journal does not explain the directory: a call was not intercepted or not modelled. A fault of this harness."""


@dataclass
class File:
    """A regular file: its content up to `durable` is safe, up to `written` it exists while the machine runs."""

    written: int = 0
    durable: int = 0
    doomed: list = field(default_factory=list)  # ranges whose sync failed: never safe again
    tail: tuple = None  # (kept, name of the tail that was cut off), until the next sync


@dataclass
class Change:
    """One change of names: {(directory, name): inode or None}. All or nothing, as POSIX has it for rename."""

    names: dict


@dataclass
class Sync:
    """A sync that has begun and what it will have made durable."""

    inode: int
    written: int = 0
    changes: int = 0


class History:
    """What a process did to a directory, from the snapshot before it and its journal."""

    def __init__(self, disk):
        self.disk = disk
        before = disk.before
        self.root = before.root
        self.files = {inode: File(size, size) for inode, size in before.sizes.items()}
        self.now = {inode: dict(names) for inode, names in before.directories.items()}
        self.safe = {inode: dict(names) for inode, names in before.directories.items()}
        self.pending = []  # changes of names that no sync of their directory has covered
        self.made = 0
        self.syncs = {}
        if disk.journal.is_file():
            for line in disk.journal.read_text().splitlines():
                _, kind, rest = f"{line} ".split(" ", 2)
                getattr(self, "on_" + kind.replace("-", "_"))(rest.rstrip(" "))

    # Files

    def on_cut(self, _):
        pass

    def on_write(self, rest):
        inode, at, count = map(int, rest.split())
        file = self.files[inode]
        if at != file.written:
            raise Escaped(f"a write to {inode} at {at}, and its length is {file.written}: only appending is modelled")
        file.written, file.tail = at + count, None

    def on_truncate(self, rest):
        inode, length, before, tail = rest.split()
        file, length = self.files[int(inode)], int(length)
        if int(before) != file.written or length > file.written:
            raise Escaped(f"{inode} is resized from {before} to {length}, and its length was {file.written}")
        if length < file.written:
            file.tail = (length, tail)
            file.written, file.durable = length, min(file.durable, length)

    def on_sync(self, rest):
        number, inode = map(int, rest.split())
        length = self.files[inode].written if inode in self.files else 0
        self.syncs[number] = Sync(inode, length, self.made)

    def on_synced(self, rest):
        sync = self.syncs.pop(int(rest.split()[0]))
        if sync.inode in self.files:
            file = self.files[sync.inode]
            file.durable = max(file.durable, min(sync.written, file.written))
            file.tail = None
            return
        still = []
        for number, change in self.pending:
            if number < sync.changes and any(directory == sync.inode for directory, _ in change.names):
                apply(self.safe, change)
            else:
                still.append((number, change))
        self.pending = still

    def on_sync_failed(self, rest):
        sync = self.syncs.pop(int(rest.split()[0]))
        if sync.inode in self.files:
            file = self.files[sync.inode]
            if file.durable < sync.written:
                file.doomed.append((file.durable, sync.written))

    def on_sync_lied(self, rest):
        self.syncs.pop(int(rest.split()[0]))

    # Names

    def place(self, path):
        """(directory, name) of a path."""
        directory = self.root
        *parents, name = Path(path).relative_to(self.disk.files).parts
        for parent in parents:
            directory = self.now[directory][parent]
        return directory, name

    def change(self, names):
        change = Change(names)
        apply(self.now, change)
        self.pending.append((self.made, change))
        self.made += 1

    def on_create(self, rest):
        inode, path = rest.split(" ", 1)
        self.files[int(inode)] = File()
        self.change({self.place(path): int(inode)})

    def on_mkdir(self, rest):
        inode, path = rest.split(" ", 1)
        self.now[int(inode)], self.safe[int(inode)] = {}, {}
        self.change({self.place(path): int(inode)})

    def on_rename(self, rest):
        source, target = map(self.place, rest.split("\t"))
        self.change({source: None, target: self.now[source[0]][source[1]]})

    def on_unlink(self, rest):
        self.change({self.place(rest): None})

    # The end

    def check(self):
        """The directory has to be what the journal says. The process is gone."""
        real = Snapshot.of(self.disk.files)
        names = {inode: self.now.get(inode) for inode in real.directories}
        if names != real.directories:
            raise Escaped(f"names are {real.directories}, the journal says {names}")
        for inode, size in real.sizes.items():
            if self.files[inode].written != size:
                raise Escaped(f"{inode} has {size} bytes, the journal says {self.files[inode].written}")


def apply(names, change):
    for (directory, name), inode in change.names.items():
        if inode is None:
            names[directory].pop(name, None)
        else:
            names[directory][name] = inode


class Cut:
    """One of the many states that a power cut may leave, chosen by `chance`; `told` says which."""

    def __init__(self, history, chance):
        self.history, self.chance = history, chance
        self.order = chance.choice(["ordered", "unordered"])
        self.habit = chance.choices(["mixed", "none", "all"], weights=[7, 2, 1])[0]
        self.told = [f"{self.order}, {self.habit}"]

    def names(self):
        """Which names there are: what is safe, and some of what was pending."""
        names = {inode: dict(entries) for inode, entries in self.history.safe.items()}
        pending = [change for _, change in self.history.pending]
        kept = self.prefix(pending) if self.order == "ordered" else self.some(pending)
        for change in kept:
            apply(names, change)
        self.told.append(f"{len(kept)} of {len(pending)} pending changes of names kept")
        return names

    def prefix(self, pending):
        """A journalling file system: in the order in which they were made."""
        return pending[: self.chance.randint(0, len(pending))]

    def some(self, pending):
        """POSIX: each or not; but of those of one name or one file, the first ones, and CURRENT after what is in its directory."""
        kept, gone = [], set()
        for change in pending:
            keys = {*change.names, *(inode for inode in change.names.values() if inode)}
            needed = {directory for directory, name in change.names if name == "CURRENT"}
            if (keys | needed) & gone or self.chance.random() < 0.5:
                gone |= keys | {directory for directory, _ in change.names}
            else:
                kept.append(change)
        return kept

    def content(self, inode, source):
        """What is in a file afterwards."""
        file, chance = self.history.files[inode], self.chance
        content = source.read_bytes()[: file.written]
        if file.tail and chance.random() < 0.5:
            kept, name = file.tail
            return content[:kept] + (self.history.disk.graves / name).read_bytes()
        for start, end in file.doomed:
            content = content[:start] + self.pages(content[start:end], start) + content[end:]
        if file.durable == file.written:
            return content
        kinds = ["none", "prefix", "zeros", "garbage", "pages", "all"]
        kind = self.habit if self.habit != "mixed" else chance.choice(kinds)
        if kind == "garbage" and source.name.startswith("MANIFEST"):
            kind = "zeros"
        safe, rest = content[: file.durable], content[file.durable :]
        at = chance.randint(0, len(rest))
        if kind == "zeros" and source.name.startswith("MANIFEST"):
            at = max(0, (file.durable + at) // SECTOR * SECTOR - file.durable)
        end = chance.randint(at, len(rest))
        after = {
            "none": b"",
            "prefix": rest[:at],
            "zeros": rest[:at] + bytes(end - at),
            "garbage": rest[:at] + chance.randbytes(end - at),
            "pages": self.pages(rest[:end], file.durable),
            "all": rest,
        }[kind]
        self.told.append(f"{source.name}: {file.durable} of {file.written} bytes are safe, then {kind}, {len(safe + after)} bytes left")
        return safe + after

    def pages(self, content, start):
        """Each page of the disk is written or is zero. `start`: the place of `content` in its file."""
        out, at = bytearray(content), 0
        while at < len(out):
            end = min(len(out), (start + at) // PAGE * PAGE + PAGE - start)
            if self.chance.random() < 0.5:
                out[at:end] = bytes(end - at)
            at = end
        return bytes(out)

    def leave(self, target):
        """Writes the tree to a directory that does not exist."""
        sources = self.sources()
        names = self.names()

        def write(inode, path):
            path.mkdir(mode=0o700)
            for name, entry in sorted(names[inode].items()):
                if entry in names:
                    write(entry, path / name)
                else:
                    (path / name).write_bytes(self.content(entry, sources[entry]))

        write(self.history.root, target)
        return self

    def sources(self):
        """Where the content of each file is now."""
        sources = {}
        for directory in self.history.disk.graves, self.history.disk.files:
            for place, _, names in os.walk(directory):
                for name in names:
                    sources[os.stat(os.path.join(place, name)).st_ino] = Path(place, name)
        return sources


def replace(target, source):
    """`source` takes the place of the directory `target`."""
    shutil.rmtree(target)
    source.rename(target)
