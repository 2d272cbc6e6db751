"""The JSON lines that a guest reports, and whether they are a complete run."""

import json

FILE = "results.jsonl"  # in the directory of a run
AGAIN = "again"  # below that directory, that of its failed cases when tried once more
# A case that failed and passed when it was tried again. tests/run.sh lists these cases: each is a bug to fix.
FLAKY = "FLAKY"


class Results:
    """Records of one run, fed as text arrives. An incomplete line waits for its rest; a line that is not JSON makes the run invalid."""

    def __init__(self, on_record=lambda record: None):
        self.records = []
        self.garbled = []
        self._on_record = on_record
        self._rest = ""

    def feed(self, text):
        lines = (self._rest + text).split("\n")
        self._rest = lines.pop()
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                self.garbled.append(line)
                continue
            self.records.append(record)
            self._on_record(record)

    def first(self, event, **fields):
        """The first record of this event with these fields, or None."""
        return next((record for record in self.records if record["event"] == event
                     and all(record.get(key) == value for key, value in fields.items())), None)

    def problem(self):
        """Why these records are not a complete run, or None."""
        if self.garbled or self._rest:
            return f"the guest's results are garbled: {(self.garbled + [self._rest])[0][:200]!r}"
        if not self.first("begin"):
            return "the guest never began its job"
        if not self.first("end"):
            return "the guest powered off before the end of its job"
        return None


def read(path):
    """The results in a file; empty if there is none."""
    results = Results()
    if path.exists():
        results.feed(path.read_text(errors="replace"))
    return results


def format_case(record):
    return f"{'ok  ' if record['ok'] else 'FAIL'} {record['name']} ({record['seconds']} s) {record['message']}".rstrip()
