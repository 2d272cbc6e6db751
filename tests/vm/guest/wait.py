"""Waits for states that take an unknown time under emulation. No case loops for a fixed time."""

import time


def wait_until(what, probe, seconds=30, every=0.2):
    """Calls probe() until it returns something true, and returns that; TimeoutError naming `what` otherwise.

    Be generous with `seconds` (ten times what an idle guest takes): a deadline bounds a failure, it measures nothing.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for: {what} (last: {value!r})")
        time.sleep(every)


def stays_true(what, probe, seconds, every=0.5):
    """Calls probe() for `seconds`; AssertionError naming `what` as soon as it returns something false."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        assert probe(), f"no longer true after {time.monotonic() - start:.1f} s: {what}"
        time.sleep(every)
