#!/bin/bash
# Installs what is missing, builds, and runs the tests.
#   tests/run.sh            everything once, engine and repair loop on both kernels; about 50 minutes from scratch on 2 cores
#   tests/run.sh --fast     without the emulated machine; under 2 minutes once built
#   tests/run.sh --long     adds test matrices, and sanitizer and clang builds, in the emulated machine too
set -euo pipefail
cd "$(dirname "$0")/.."

mode=${1:-}
case "$mode" in
  "" | --fast | --long) ;;
  *) sed -n '2,5s/^# \?//p' "$0"; exit 1 ;;
esac
if [ "$mode" != --fast ] && [ "$(id -u)" -ne 0 ]; then
  echo "tests: run this as root or with sudo (the emulated machine's root file system needs it), or with --fast" >&2
  exit 1
fi

jobs=$(nproc)
budget=""
# measured NAME COMMAND...: runs it and notes how long it took.
measured() {
  local name=$1 start=$SECONDS status=0
  shift
  "$@" || status=$?
  budget+=$(printf '  %-36s %3d:%02d' "$name" $(((SECONDS - start) / 60)) $(((SECONDS - start) % 60)))$'\n'
  return "$status"
}

build() {  # build PRESET
  cmake --preset "$1" -DBUILD_TESTING=ON &&
    cmake --build --preset "$1" -j "$jobs"
}

run_ctest() {  # run_ctest PRESET ARGUMENT...
  local preset=$1
  shift
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$jobs" "$@"
}

# Packages' versions as tested, for whoever has to reproduce a run.
record_versions() {
  mkdir -p build
  dpkg-query -W -f '${Package} ${Version}\n' >build/apt-versions.txt
}

finish() {
  local status=$?
  printf '\nTime (minutes:seconds)\n%s' "$budget"
  # Cases of the emulated machine that passed when tried again only: tests/vm/README.md says what to do about them.
  cat build/*/Testing/Temporary/LastTest.log 2>/dev/null | grep '^FLAKY' || true
  if [ "$status" -eq 0 ]; then
    echo "All tests passed${mode:+ ($mode)}."
  else
    echo "FAILED: see above for what did, and build/release/Testing/Temporary/LastTest.log for its output."
  fi
}
trap finish EXIT

measured "packages" deploy/install-packages.sh
record_versions
measured "build" build release

case "$mode" in
  --fast)
    measured "tests on this machine" run_ctest release -LE '^vm'
    ;;
  --long)
    for preset in asan tsan clang; do
      measured "build, $preset" build "$preset"
    done
    measured "tests, AddressSanitizer and UBSan" run_ctest asan -LE '^vm'
    # Debian's gRPC is not built for ThreadSanitizer: what goes through it is left out. So are processes that are held
    # still or scanned: the sanitizer would have a thread in each, keeps signals for itself, and refuses some mappings.
    measured "tests, ThreadSanitizer" run_ctest tsan -LE '^(vm|grpc)' -E '^(PtraceHold|component.ScanTest)'
    measured "emulated machine, AddressSanitizer" run_ctest asan -L '^vm$'
    measured "tests and emulated machine, all" run_ctest release
    ;;
  *)
    measured "emulated machine: images" tests/vm/build_image
    measured "tests on this machine" run_ctest release -LE '^vm'
    measured "emulated machine: guests" run_ctest release -L '^vm$'
    ;;
esac
