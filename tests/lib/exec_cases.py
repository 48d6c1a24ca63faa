"""The nine cases of Nomad's conformance suite for a process beside a task: plugins/drivers/testutils/exec_testing.go."""

# name, command, terminal, what is typed, output, error output (a pattern), exit code
CASES = (
    ("notty: basic", "echo hello stdout; echo hello stderr >&2; exit 43", False, "", "hello stdout\n", "^hello stderr\n$", 43),
    ("notty: streaming", "for n in 1 2 3; do echo $n; sleep 1; done", False, "", "1\n2\n3\n", "^$", 0),
    ("notty: stty check", "stty size", False, "", "", "stty: .?standard input.?: Inappropriate ioctl for device\n", 1),
    ("notty: stdin passing", "echo hello from command; head -n1", False, "hello from stdin\n", "hello from command\nhello from stdin\n", "^$", 0),
    ("tty: basic", "echo hello stdout; echo hello stderr >&2; exit 43", True, "", "hello stdout\r\nhello stderr\r\n", "^$", 43),
    ("tty: streaming", "for n in 1 2 3; do echo $n; sleep 1; done", True, "", "1\r\n2\r\n3\r\n", "^$", 0),
    ("tty: stty check", "n=0; until [ \"$(stty size 2>/dev/null)\" = '100 100' ] || [ $((n += 1)) -gt 200 ]; do sleep 0.1; done; stty size", True, "",
     "100 100\r\n", "^$", 0),
    ("tty: stdin passing", "head -n1", True, "hello from stdin\n", "hello from stdin\r\nhello from stdin\r\n", "^$", 0),
    ("tty: children processes", "{ sleep 3; echo from background; } & echo from main; exec sleep 1", True, "", "from main\r\n", "^$", 0),
)
