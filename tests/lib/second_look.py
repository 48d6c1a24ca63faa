"""A second look at the few cases of a run that failed: run again, alone.

One that passes then is neither passed nor forgotten: it is counted as skipped, and printed as "FLAKY" with what it said. It is a fault that
is mended the day it is seen; but one moment of a busy machine among thousands of cases does not say that a change is wrong. What a sanitizer
found, and what was left behind, is never looked at twice: that is no moment's. `.ci/run` bears three such cases altogether.
"""
import re

AT_MOST = 2  # of one run; where more fail, it is no moment's
NEVER = re.compile(r"Sanitizer|runtime error:|left behind|core dumped|SIGSEGV|SIGABRT|ended with -")


def deserves(said):
    """@said: what each failed case said."""
    return 0 < len(said) <= AT_MOST and not any(NEVER.search(text) for text in said)


def line(label, name):
    return f"FLAKY {label} {name}: failed once, passed when it was run again alone"
