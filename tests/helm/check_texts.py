"""Generated texts are up to date: README's table, the manifest, versions. Also the notes, and the packaged chart."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import yaml

from chart import CHART, MANIFEST, MANIFEST_HEAD, TOP, find
from readme_table import ValuesError, renew

README = CHART / "README.md"


def fresh_readme():
    """(the README with its table generated again, the error in the comments of values.yaml if there is one)"""
    text = README.read_text(encoding="utf-8")
    try:
        return renew(text, (CHART / "values.yaml").read_text(encoding="utf-8")), ""
    except ValuesError as error:
        return text, str(error)


def readme(_):
    fresh, problem = fresh_readme()
    stale = "" if fresh == README.read_text(encoding="utf-8") else "it is not: run tests/helm/run.py --update"
    yield "the table of parameters is that of values.yaml", problem or stale


def manifest(context):
    text = MANIFEST.read_text(encoding="utf-8") if MANIFEST.exists() else ""
    yield ("deploy/numa-locality-agent.yaml is what the chart renders",
           "" if text == context.chart.manifest() else "it is not: run tests/helm/run.py --update")


def versions(_):
    metadata = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    project = re.search(r"project\(numa-locality-agent VERSION (\S+)", (TOP / "CMakeLists.txt").read_text(encoding="utf-8"))
    for key in ("version", "appVersion"):
        yield (f"{key} is the project's version",
               "" if metadata[key] == project[1] else f"{metadata[key]}, not {project[1]}: run deploy/version.py --update")


def notes(context):
    """They show what is off, and how to remove the files that stay."""
    for values, parts in [
            ("{}", ["localityctl top", "Reports only", "sources.criSocket is off", "The network API is off",
                    "rm /var/lib/kubelet/seccomp/numa-locality-agent.json", "IMAGE:"]),
            ("sources: {kubeletDir: /k}", ["rm /k/seccomp/numa-locality-agent.json"]),
            ("seccomp: {type: Unconfined}", ["Nothing stays on the nodes after the next boot"]),
            ("seccomp: {install: false}", ["WARNING: seccomp.install is off"]),
            ("resources: {limits: {cpu: 1}}", ["WARNING: resources.limits.cpu"]),
            ("policies: [{name: db, action: repair}]", ["Repairs by policy: db"]),
            ("networkApi: {enabled: true, secretName: tls}", ["mutual TLS 1.3", "grpcurl", "--all x-numa-locality-agent.n.svc:9463 top"])]:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(values)
            file.flush()
            done = context.chart.run("install", "x", CHART, "--dry-run=client", "--namespace", "n", "--values", file.name)
        missing = [part for part in parts if part not in done.stdout]
        yield f"notes with {values}", f"they lack {missing} {done.stderr}" if missing else ""


def seccomp_file_name(context):
    """The comment at the top of the manifest names the file that the init container writes."""
    objects = context.chart.objects({})
    pod = find(objects, "DaemonSet")["spec"]["template"]["spec"]
    written = pod["initContainers"][0]["args"][-1].rsplit("/", 1)[1]
    profile = pod["containers"][0]["securityContext"]["seccompProfile"]["localhostProfile"]
    yield ("the profile that is written is the one that is used, and the one that the manifest names",
           "" if written == profile and f"/{written}\n" in MANIFEST_HEAD else f"{written}, {profile}")


def package(context):
    """Packaged twice, the archive is the same, whenever its files were written, and it renders the same as the folder."""
    with tempfile.TemporaryDirectory() as directory:
        copy = pathlib.Path(directory) / "checkout"
        shutil.copytree(CHART, copy / "helm" / CHART.name, copy_function=shutil.copyfile)  # with different modification times
        (copy / "deploy").mkdir()
        shutil.copy(TOP / "deploy" / "package-chart.sh", copy / "deploy")
        archives = []
        for name, top in [("one", TOP), ("two", copy)]:
            done = subprocess.run([top / "deploy" / "package-chart.sh", f"{directory}/{name}"], check=True, text=True,
                                  capture_output=True, env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
            archives.append(pathlib.Path(done.stdout.strip()))
        one, two = (archive.read_bytes() for archive in archives)
        yield "the chart packaged twice is the same archive", "" if one == two else "the archives differ"
        for helm in ["helm 4", "helm 3"]:
            of_archive = context.chart.run("template", "x", archives[0], helm=helm)
            of_folder = context.chart.run("template", "x", CHART, helm=helm)
            yield (f"the package renders the same as the folder, {helm}",
                   "" if of_archive.returncode == 0 and of_archive.stdout == of_folder.stdout else of_archive.stderr or "differs")


CHECKS = [readme, manifest, versions, notes, seccomp_file_name, package]
