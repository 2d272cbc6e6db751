"""Cases: functions that a decorator registers; each runs within a time limit.

The host lists cases without importing suites: a case is a top-level function that is decorated with @case(...), whose
arguments are literals.
"""

import contextlib
import signal
import time
import traceback

LIMITS = {}


def case(seconds=60, long=()):
    """Marks a function of a suite as a case that may take `seconds` of the guest's time, without clean-up.

    long: on which kernels it runs with --long only, such as ["6.1"]. Only host/plan.py reads this, from the source.
    """
    del long

    def register(function):
        LIMITS[function] = seconds
        return function
    return register


class CaseLog:
    """The lines that a case logs, each with the seconds since the case began. Also printed on the console."""

    def __init__(self):
        self.lines = []
        self._start = time.monotonic()

    def __call__(self, text):
        for line in str(text).splitlines():
            line = f"{time.monotonic() - self._start:7.2f} {line}"
            self.lines.append(line)
            print("    " + line, flush=True)


class TimeLimit(BaseException):
    """Not an Exception: no `except Exception` of a case swallows it."""


@contextlib.contextmanager
def limited(seconds):
    """Raises TimeLimit in the main thread when the body takes longer than `seconds`."""
    def expire(_signal, _frame):
        raise TimeLimit(f"took longer than its limit of {seconds} s")
    signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def run_case(function, machine):
    """Runs one case and its clean-up. Returns {ok, seconds, message, log}; any exception is a failure."""
    log = CaseLog()
    machine.log = log
    message = ""
    start = time.monotonic()

    def attempt(step, seconds):
        nonlocal message
        try:
            with limited(seconds):
                step()
        except BaseException as error:  # SystemExit too: one case never ends the others
            what = str(error) or traceback.extract_tb(error.__traceback__)[-1].line
            message = message or f"{type(error).__name__}: {what}"
            log(traceback.format_exc())

    if function in LIMITS:
        attempt(lambda: function(machine), LIMITS[function])
    else:
        message = "is not decorated with @case"
    if message:
        machine.log_state()
    attempt(machine.clean_up, 60)
    return {"ok": not message, "seconds": round(time.monotonic() - start, 2), "message": message, "log": log.lines}
