"""Directories named after a hash of their inputs; each is built once, and never left incomplete."""

import contextlib
import fcntl
import hashlib
import json
import pathlib
import shutil
import tempfile


@contextlib.contextmanager
def locked(path):
    """Waits for, then holds, an exclusive lock file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def cached(cache_dir, name, inputs, build):
    """The directory cache_dir/NAME-KEY, where KEY hashes `inputs` (anything JSON can hold).

    If it is not there, build(directory) fills a temporary one that takes the name only when it is complete.
    Entries of other keys are removed then: one entry a name is kept.
    """
    text = json.dumps(inputs, indent=1, sort_keys=True)
    entry = cache_dir / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    with locked(cache_dir / f"{name}.lock"):
        if entry.exists():
            return entry
        for stale in cache_dir.glob(f"{name}.partial-*"):
            shutil.rmtree(stale, ignore_errors=True)
        partial = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}.partial-", dir=cache_dir))
        partial.chmod(0o755)
        build(partial)
        (partial / "inputs.json").write_text(text + "\n")
        partial.rename(entry)
        for other in cache_dir.glob(f"{name}-*"):
            if other != entry:
                shutil.rmtree(other)
    return entry
