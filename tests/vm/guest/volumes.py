"""Volumes of a pod as kubelet makes them on its node."""

import os
import pathlib
import shutil

PODS = pathlib.Path("/var/lib/kubelet/pods")


class Volumes:
    """`objects`: the contents of ConfigMaps and Secrets, {(kind, name): {file: text}}."""

    def __init__(self, pod_uid, specs, contents, group=None):
        """group: the pod's fsGroup."""
        self._group = group
        self._directory = PODS / pod_uid / "volumes"
        self._paths = {spec["name"]: self._make(spec, contents) for spec in specs}

    def path(self, name):
        """Where the volume is on the node."""
        return self._paths[name]

    def remove(self):
        shutil.rmtree(self._directory.parent, ignore_errors=True)

    def _make(self, spec, contents):
        if "hostPath" in spec:
            return host_path(spec["hostPath"])
        directory = self._directory / spec["name"]
        directory.mkdir(parents=True)
        if "configMap" in spec:
            swap(directory, contents["ConfigMap", spec["configMap"]["name"]])
        elif "secret" in spec:
            swap(directory, contents["Secret", spec["secret"]["secretName"]])
        else:
            assert "emptyDir" in spec, spec
            if self._group is not None:
                os.chown(directory, 0, self._group)
            directory.chmod(0o777 if self._group is None else 0o2777)
        return directory


def host_path(spec):
    path = pathlib.Path(spec["path"])
    kind = spec.get("type", "")
    if kind == "DirectoryOrCreate":
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
    elif kind == "Directory":
        assert path.is_dir(), f"hostPath {path}: kubelet starts no pod without it"
    return path


def swap(directory, files):
    """Replaces all files at once: each is a link through `..data`, which is renamed to the new ones' directory."""
    data = directory / "..data"
    before = data.resolve() if data.exists() else None
    new = directory / f"..{os.urandom(4).hex()}"
    new.mkdir()
    for name, text in files.items():
        (new / name).write_text(text)
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"..data/{name}")
    draft = directory / "..data_tmp"
    draft.symlink_to(new.name)
    draft.rename(data)
    if before:
        shutil.rmtree(before)
