/* The words of Docker's and podman's command lines, as `docker run --help` (20.10 and 28), `podman run --help` (4.3), `docker --help` and
 * `podman --help` list them. */
#pragma once

/* docker run, with hidden ones that scripts use */
static const char *const docker_run_flags[] = {
	"add-host", "annotation", "attach", "blkio-weight", "blkio-weight-device", "cap-add", "cap-drop", "cgroup-parent",
	"cgroupns", "cidfile", "cpu-count", "cpu-percent", "cpu-period", "cpu-quota", "cpu-rt-period", "cpu-rt-runtime",
	"cpu-shares", "cpus", "cpuset-cpus", "cpuset-mems", "detach", "detach-keys", "device", "device-cgroup-rule",
	"device-read-bps", "device-read-iops", "device-write-bps", "device-write-iops", "disable-content-trust", "dns", "dns-opt",
	"dns-option", "dns-search", "domainname", "entrypoint", "env", "env-file", "expose", "gpus", "group-add", "health-cmd",
	"health-interval", "health-retries", "health-start-interval", "health-start-period", "health-timeout", "help", "hostname",
	"init", "interactive", "io-maxbandwidth", "io-maxiops", "ip", "ip6", "ipc", "isolation", "kernel-memory", "label",
	"label-file", "link", "link-local-ip", "log-driver", "log-opt", "mac-address", "memory", "memory-reservation",
	"memory-swap", "memory-swappiness", "mount", "name", "net", "net-alias", "network", "network-alias", "no-healthcheck",
	"oom-kill-disable", "oom-score-adj", "pid", "pids-limit", "platform", "privileged", "publish", "publish-all", "pull",
	"quiet", "read-only", "restart", "rm", "runtime", "security-opt", "shm-size", "sig-proxy", "stop-signal", "stop-timeout",
	"storage-opt", "sysctl", "tmpfs", "tty", "ulimit", "use-api-socket", "user", "userns", "uts", "volume", "volume-driver",
	"volumes-from", "workdir",
};

/* podman run */
static const char *const podman_run_flags[] = {
	"add-host", "annotation", "arch", "attach", "authfile", "blkio-weight", "blkio-weight-device", "cap-add", "cap-drop",
	"cgroup-conf", "cgroup-parent", "cgroupns", "cgroups", "chrootdirs", "cidfile", "conmon-pidfile", "cpu-period",
	"cpu-quota", "cpu-rt-period", "cpu-rt-runtime", "cpu-shares", "cpus", "cpuset-cpus", "cpuset-mems", "detach",
	"detach-keys", "device", "device-cgroup-rule", "device-read-bps", "device-read-iops", "device-write-bps",
	"device-write-iops", "disable-content-trust", "dns", "dns-option", "dns-search", "entrypoint", "env", "env-file",
	"env-host", "env-merge", "expose", "gidmap", "group-add", "health-cmd", "health-interval", "health-on-failure",
	"health-retries", "health-start-period", "health-timeout", "help", "hostname", "hostuser", "http-proxy", "image-volume",
	"init", "init-path", "interactive", "ip", "ip6", "ipc", "label", "label-file", "log-driver", "log-opt", "mac-address",
	"memory", "memory-reservation", "memory-swap", "memory-swappiness", "mount", "name", "net", "network", "network-alias",
	"no-healthcheck", "no-hosts", "oom-kill-disable", "oom-score-adj", "os", "passwd", "passwd-entry", "personality", "pid",
	"pidfile", "pids-limit", "platform", "pod", "pod-id-file", "preserve-fds", "privileged", "publish", "publish-all", "pull",
	"quiet", "read-only", "read-only-tmpfs", "replace", "requires", "restart", "rm", "rmi", "rootfs", "sdnotify",
	"seccomp-policy", "secret", "security-opt", "shm-size", "sig-proxy", "stop-signal", "stop-timeout", "subgidname",
	"subuidname", "sysctl", "systemd", "timeout", "tls-verify", "tmpfs", "tty", "tz", "uidmap", "ulimit", "umask", "unsetenv",
	"unsetenv-all", "user", "userns", "uts", "variant", "volume", "volumes-from", "workdir",
};

/* docker */
static const char *const docker_commands[] = {
	"attach", "build", "builder", "buildx", "checkpoint", "commit", "completion", "compose", "config", "container", "context",
	"cp", "create", "diff", "events", "exec", "export", "history", "image", "images", "import", "info", "init", "inspect",
	"kill", "load", "login", "logout", "logs", "manifest", "network", "node", "pause", "plugin", "port", "ps", "pull", "push",
	"rename", "restart", "rm", "rmi", "run", "save", "scout", "search", "secret", "service", "stack", "start", "stats", "stop",
	"swarm", "system", "tag", "top", "trust", "unpause", "update", "version", "volume", "wait",
};

/* podman */
static const char *const podman_commands[] = {
	"attach", "auto-update", "build", "commit", "container", "cp", "create", "diff", "events", "exec", "export", "generate",
	"healthcheck", "help", "history", "image", "images", "import", "info", "init", "inspect", "kill", "kube", "load", "login",
	"logout", "logs", "machine", "manifest", "mount", "network", "pause", "pod", "port", "ps", "pull", "push", "rename",
	"restart", "rm", "rmi", "run", "save", "search", "secret", "start", "stats", "stop", "system", "tag", "top", "unmount",
	"unpause", "unshare", "untag", "update", "version", "volume", "wait",
};
