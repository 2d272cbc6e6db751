#!/bin/bash
# Installs what is missing, builds, and runs the tests. The goals are for two idle cores.
#   tests/run.sh            every suite, the main ones on both kernels; goal: 35 minutes from scratch, 20 once built
#   tests/run.sh --fast     without the emulated machine; goal: 90 seconds once built
#   tests/run.sh --long     adds test matrices, sanitizer and clang builds, the emulated machine with AddressSanitizer,
#                           and clang-tidy on all files: hours
set -euo pipefail
cd "$(dirname "$0")/.."

mode=${1:-}
case "$mode" in
  "" | --fast | --long) ;;
  *) sed -n '2,6s/^# \?//p' "$0"; exit 1 ;;
esac
if [ "$mode" != --fast ] && [ "$(id -u)" -ne 0 ]; then
  echo "tests: run this as root or with sudo (the emulated machine's root file system needs it), or with --fast" >&2
  exit 1
fi

jobs=$(nproc)
# Without --long clang-tidy checks so many sources at most: about two minutes. The others are listed.
most_tidied=12
budget=""
mkdir -p build
test_times=$(mktemp build/test-times.XXXXXX)

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
  local preset=$1 status=0
  shift
  # One more than CPUs: some tests mostly wait. Guests run one at a time, whatever this number.
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j $((jobs + 1)) "$@" || status=$?
  # Lines "SECONDS PRESET TEST". The log is ctest's last one: the next ctest overwrites it.
  awk -v preset="$preset" '/^[0-9]+\/[0-9]+ Test: / { test = $3 } /^Test time =/ { print $4, preset, test }' \
    "build/$preset/Testing/Temporary/LastTest.log" >>"$test_times" || true
  return "$status"
}

# The versions of all packages, for whoever has to reproduce a run.
record_versions() {
  dpkg-query -W -f '${Package} ${Version}\n' >build/apt-versions.txt
}

is_complete=""  # not after a signal, either

finish() {
  if [ -s "$test_times" ]; then
    printf '\nThe slowest tests (seconds)\n'
    sort -rn "$test_times" | awk 'NR <= 10 { printf "  %8.1f  %s: %s\n", $1, $2, $3 }'
  fi
  rm -f "$test_times"
  printf '\nTime (minutes:seconds)\n%s' "$budget"
  # Cases of the emulated machine that failed once and then passed: tests/vm/README.md says what to do about them.
  cat build/*/Testing/Temporary/LastTest.log 2>/dev/null | grep '^FLAKY' || true
  if [ -n "$is_complete" ]; then
    echo "All tests passed${mode:+ ($mode)}."
  else
    echo "FAILED: the failures are above; build/*/Testing/Temporary/LastTest.log has the output of the last tests."
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
    measured "clang-tidy, all files" tests/lint/tidy.py --all --jobs "$jobs"
    measured "tests, AddressSanitizer and UBSan" run_ctest asan -LE '^vm'
    # Debian's gRPC is not built for ThreadSanitizer: tests that go through it are left out. So are tests that hold or scan
    # processes: the sanitizer would have a thread in each process, keeps signals for itself, and refuses some mappings.
    measured "tests, ThreadSanitizer" run_ctest tsan -LE '^(vm|grpc)' -E '^(PtraceHold|component.ScanTest)'
    measured "emulated machine, AddressSanitizer" run_ctest asan -L '^vm$'
    measured "tests and emulated machine, all" run_ctest release
    ;;
  *)
    measured "clang-tidy, changed files" tests/lint/tidy.py --most "$most_tidied" --jobs "$jobs"
    measured "emulated machine: images" tests/vm/build_image
    measured "tests on this machine" run_ctest release -LE '^vm'
    measured "emulated machine: guests" run_ctest release -L '^vm$'
    ;;
esac
is_complete=1
