#!/bin/bash
# Demonstrates the product on any Debian 12 machine: installs missing packages, builds, boots an emulated
# server with two NUMA nodes and two pods, re-pins the CPUs of one pod to the other node, and moves its
# memory there. Exit status 0 only if all of that worked.
#   deploy/quickstart.sh [--kernel 6.1|6.12]
set -euo pipefail
cd "$(dirname "$0")/.."

kernel=6.12
case "${1:-}" in
  "") ;;
  --kernel) kernel=${2:?--kernel needs 6.1 or 6.12} ;;
  *) sed -n '2,5s/^# \?//p' "$0"; exit 1 ;;
esac
if [ "$(id -u)" -ne 0 ]; then
  echo "quickstart: root is needed, to install packages and to create a root file system: run it with sudo" >&2
  exit 1
fi

step() { printf '\n\033[1m== %s\033[0m\n' "$1"; }

step "1/4  Packages"
deploy/install-packages.sh

step "2/4  Build (the first time takes some minutes)"
cmake --preset release -DBUILD_TESTING=OFF >build.log 2>&1 || { cat build.log; exit 1; }
rm build.log
cmake --build --preset release --target products

step "3/4  The emulated machine's kernel and root file system (the first time takes a minute)"
tests/vm/build_image

step "4/4  A server with two NUMA nodes, kernel $kernel (boots in a few seconds)"
exec tests/vm/run_guest.py --kernel "$kernel" --topology two_node --limit-seconds 600 --program deploy/demo.py
