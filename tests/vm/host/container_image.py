"""The one container image of the guest: busybox and the workload, as an OCI layout in a tar file, byte for byte
the same for the same input. Format: the OCI image specification (layout, manifest, config)."""

import hashlib
import io
import json
import pathlib
import tarfile

REFERENCE = "numavm.local/workload:1"
BUSYBOX = pathlib.Path("/usr/bin/busybox")
# One process of this name that waits for ever, as in every runtime's pause image.
PAUSE = b"#!/bin/busybox sh\nbusybox mkfifo /dev/never && read -r nothing </dev/never\n"


def _tar(files):
    """A tar of {path: (bytes, mode)} without times or owners."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, (data, mode) in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), mode
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _descriptor(data, media_type, **more):
    digest = hashlib.sha256(data).hexdigest()
    return {"mediaType": f"application/vnd.oci.image.{media_type}", "digest": f"sha256:{digest}",
            "size": len(data), **more}


def write_image(output, programs):
    """Writes the image with these static programs and busybox in /bin.

    Its own command makes it the pods' sandbox ("pause") image as well.
    """
    layer = _tar({"pause": (PAUSE, 0o755),
                  **{f"bin/{path.name}": (path.read_bytes(), 0o755) for path in [BUSYBOX, *programs]}})
    config = json.dumps({
        "architecture": "amd64", "os": "linux",
        "config": {"Entrypoint": ["/pause"], "Env": ["PATH=/bin"], "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [_descriptor(layer, "layer.v1.tar")["digest"]]},
    }).encode()
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _descriptor(config, "config.v1+json"),
        "layers": [_descriptor(layer, "layer.v1.tar")],
    }).encode()
    index = json.dumps({
        "schemaVersion": 2,
        "manifests": [_descriptor(manifest, "manifest.v1+json",
                                  annotations={"io.containerd.image.name": REFERENCE})],
    }).encode()
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": index}
    for blob in (layer, config, manifest):
        files[f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}"] = blob
    output.write_bytes(_tar({path: (data, 0o644) for path, data in files.items()}))
