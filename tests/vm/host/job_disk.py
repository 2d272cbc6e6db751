"""The second disk of a guest, made for each run: what to do, the cases, and the binaries under test."""

import json
import pathlib
import shutil

from host.container_image import write_image
from host.failure import Failure, run
from host.images import write_ext4

HERE = pathlib.Path(__file__).resolve().parents[1]
WORKLOAD = "integrity-workload"


def write_job_disk(image, run_dir, job, bin_dir, binaries, extra_files=()):
    """Writes the ext4 image that the guest mounts at /job.

    job: what guest/main.py reads. All of bin_dir goes along; `binaries` are those that must be there.
    The container image holds the workload if the build has it.
    """
    for name in binaries:
        if not (bin_dir / name).exists():
            raise Failure(f"{bin_dir / name} does not exist and this guest needs it: build it first (cmake --build)")
    tree = run_dir / "job"
    shutil.rmtree(tree, ignore_errors=True)
    ignore = shutil.ignore_patterns("__pycache__")
    for part in ("guest", "suites"):
        shutil.copytree(HERE / part, tree / part, ignore=ignore)
    run(["protoc", f"--proto_path={HERE / 'guest'}", f"--python_out={tree / 'guest'}", "cri.proto"])
    if bin_dir.is_dir():
        shutil.copytree(bin_dir, tree / "bin", ignore=ignore)
    for path in extra_files:
        shutil.copy(path, tree)
    workload = bin_dir / WORKLOAD
    write_image(tree / "workload.tar", [workload] if workload.exists() else [])
    (tree / "job.json").write_text(json.dumps(job))
    image.unlink(missing_ok=True)
    write_ext4(tree, image, spare_mib=8)
    shutil.rmtree(tree)
