"""Words and names that the glossary of agent/README.md has replaced: pattern -> what to use.

A pattern is searched in each line of each text file. Files that may use the words are listed below.
"""

import re

# Verbs are found as words of their own and as parts of names (some_word, SomeWord).
_VERB_PARTS = r"(?<![A-Za-z])[%s%s]%s(?![a-z])|(?<=[a-z])%s%s(?![a-z])"


def _verb(first, rest):
    lower, upper = first.lower(), first.upper()
    return _VERB_PARTS % (lower, upper, rest, upper, rest)


RETIRED_WORDS = {re.compile(pattern): better for pattern, better in {
    r"\bHostPaths\b": "Host",
    r"\bMigrationContext\b": "EngineContext (engine/context.h)",
    r"SecondSource|[Ss]econd[_ ]source|SECOND_SOURCE|[Ss]econd (opinion|look)|CounterCheck|[Cc]ounter[ _-]check": "cross-check",
    r"\bPageRun\b|\bpage[_ ]runs?\b": "PageSpan, page span",
    r"\bScanSegment\b": "ScanRange",
    r"\bRunMigration\b": "the present name of the class that does a migration's work",
    r"^(?!.*(--bandwidth|\balias)).*--throttle\b": "--bandwidth (only lines about the alias may name the old flag)",
    r"\b[Hh]eld calls?\b": "stalled call",
    _verb("t", "(ells?|elling|old)"): "report, say, log, notify or show",
    _verb("m", "end(s|ed|ing)?"): "fix",
    r"\b[Bb]ut for\b": "except",
    r"\b[Ww]hat is so\b": "facts or state",
    r"\b[Ff]or want of\b": "because there is no ...",
}.items()}

# The history, the licence, this list and its test.
MAY_USE_RETIRED_WORDS = {
    "CHANGELOG.md",
    "LICENSE",
    "tests/lint/retired_words.py",
    "tests/lint/rules_test.py",
}
