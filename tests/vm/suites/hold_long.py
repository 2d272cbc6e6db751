"""Hold mode, often enough to meet what is rare."""

from guest.case import case
from suites.hold import kill_nine_at_random


@case(seconds=1800)
def kill_nine(machine):
    """kill -9 of the mover at 200 random points: the target runs again within 1 s each time."""
    kill_nine_at_random(machine, 200)
