"""Python's modules of the API, made from proto/ as the README of the examples says."""

import pathlib
import shutil
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]


def make(directory):
    """Writes numalocality/... below `directory`."""
    proto = TOP / "proto"
    files = sorted(str(path.relative_to(proto)) for part in ("v1", "errors/v1") for path in (proto / "numalocality" / part).glob("*.proto"))
    subprocess.run(["protoc", f"--proto_path={proto}", f"--python_out={directory}", f"--grpc_python_out={directory}",
                    f"--plugin=protoc-gen-grpc_python={shutil.which('grpc_python_plugin')}", *files], check=True)
