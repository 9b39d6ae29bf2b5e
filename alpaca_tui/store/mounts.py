"""Which file system a path lies on: SQLite's write-ahead log needs shared memory, which network file
systems do not give. Best effort: where nothing can be told, the file system counts as local."""

from __future__ import annotations

import re
from pathlib import Path

_NETWORK = frozenset(
    {
        "nfs",
        "nfs3",
        "nfs4",
        "cifs",
        "smb",
        "smb3",
        "smbfs",
        "9p",
        "v9fs",
        "drvfs",
        "afs",
        "coda",
        "ncpfs",
        "davfs",
    }
    | {
        "ceph",
        "lustre",
        "gpfs",
        "beegfs",
        "fhgfs",
        "orangefs",
        "pvfs2",
        "glusterfs",
        "ocfs2",
        "gfs2",
        "panfs",
    }
    | {"vboxsf", "vmhgfs", "prl_fs"}
)
_LOCAL_FUSE = frozenset({"fuseblk", "fuse.fuse-overlayfs", "fuse.ext4", "fuse.ntfs-3g", "fuse.lxcfs"})
_ESCAPE = re.compile(r"\\([0-7]{3})")


def file_system(path: Path, mounts: str | None = None) -> str:
    """The type of the file system `path` lies (or would lie) on, as Linux names it; "" if unknown.

    `mounts`: the text of `/proc/mounts`, for tests.
    """
    if mounts is None:
        try:
            mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return ""
    target = path.resolve()
    best, found = -1, ""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = Path(_ESCAPE.sub(lambda match: chr(int(match.group(1), 8)), fields[1]))
        # `>=`: of two mounts on one point the later hides the earlier.
        if target.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), fields[2]
    return found


def is_network(path: Path, mounts: str | None = None) -> bool:
    """Whether `path` lies on a network (or otherwise shared) file system."""
    kind = file_system(path, mounts)
    return kind in _NETWORK or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE)
