/* Flags of `docker run` and `podman run` that davit has not: what does it instead, or that nothing does. With the flags of
 * job-flags.c these are all there are: a test holds the lists of both programs against them, and docs/from-docker.md has a line
 * for each. */
#pragma once
#include "opt.h"

#define NO_NEIGHBOURS "jobs of a network find each other by name; --network-alias gives one another name"
#define CONF_GIVES "the network's configuration gives addresses: /etc/cni/net.d"
#define NO_HEALTH \
	"an unhealthy job is told of, and goes on: davit events --filter event=health_status, then davit restart JOB; or the " \
	"check ends the job: --health-cmd 'CHECK || kill 1'"
#define QUOTA "--cpus 1.5 sets quota and period"
#define BLKIO "no replacement: davit sets no limits of disks"
#define REALTIME "no replacement: davit sets no real-time budget"
#define WINDOWS "no replacement: it is for Windows"
#define ID_MAPS "--userns private maps all users; the range is davit's in /etc/subuid and /etc/subgid"
#define HOME_FILES "mount what it needs with -v FILE:/etc/passwd:ro"
#define OWN_FILES "the paths are davit's own: davit inspect JOB prints them"

#define DOCKER_ONLY_FLAGS \
	OPT_NOT_HERE("attach", 'a', "the foreground has all output; -i gives it input"), \
		OPT_NOT_HERE("cgroup-parent", 0, "a job's cgroup is /NAMESPACE/ID: --namespace puts jobs into another"), \
		OPT_NOT_HERE("cpu-count", 0, WINDOWS), OPT_NOT_HERE("cpu-percent", 0, WINDOWS), \
		OPT_NOT_HERE("cpu-rt-period", 0, REALTIME), OPT_NOT_HERE("cpu-rt-runtime", 0, REALTIME), \
		OPT_NOT_HERE("domainname", 0, "write it into the host name: --hostname web.example.com"), \
		OPT_NOT_HERE("io-maxbandwidth", 0, WINDOWS), OPT_NOT_HERE("io-maxiops", 0, WINDOWS), \
		OPT_NOT_HERE("isolation", 0, WINDOWS), \
		OPT_NOT_HERE("kernel-memory", 0, "-m limits what the kernel uses for the job, too"), \
		OPT_NOT_HERE("link", 0, NO_NEIGHBOURS), OPT_NOT_HERE("link-local-ip", 0, CONF_GIVES), \
		OPT_NOT_HERE("oom-kill-disable", 0, \
			     "no replacement: a job at its limit is killed; --oom-score-adj makes it a later victim"), \
		OPT_NOT_HERE("storage-opt", 0, "no replacement: a volume on a file system of its own bounds what is written"), \
		OPT_NOT_HERE("use-api-socket", 0, \
			     "mount the socket: -v /run/containerd/containerd.sock:/run/containerd/containerd.sock"), \
		OPT_NOT_HERE("volume-driver", 0, "mount it on the host, then -v /path:/dir"), \
		OPT_NOT_HERE("volumes-from", 0, "name the same volumes with -v")

#define PODMAN_ONLY_FLAGS \
	OPT_NOT_HERE("arch", 0, "--platform linux/arm64"), OPT_NOT_HERE("os", 0, "--platform linux/arm64"), \
		OPT_NOT_HERE("variant", 0, "--platform linux/arm/v7"), \
		OPT_NOT_HERE("cgroup-conf", 0, "no replacement: -m, --cpus, --cpuset-cpus and --pids-limit are the limits"), \
		OPT_NOT_HERE("cgroups", 0, "no replacement: every job has a cgroup, by which it is ended"), \
		OPT_NOT_HERE("chrootdirs", 0, OWN_FILES), \
		OPT_NOT_HERE("conmon-pidfile", 0, "davit has no conmon: containerd's shim runs the job"), \
		OPT_NOT_HERE("pidfile", 0, "davit inspect -f '{{.State.Pid}}' JOB prints the process"), \
		OPT_NOT_HERE("env-host", 0, "-e NAME takes one of ours; env >FILE, then --env-file FILE all of them"), \
		OPT_NOT_HERE("env-merge", 0, "-e NAME=VALUE replaces the image's"), \
		OPT_NOT_HERE("unsetenv", 0, "-e NAME= empties it"), \
		OPT_NOT_HERE("unsetenv-all", 0, "the command can do it: env -i PROGRAM"), \
		OPT_NOT_HERE("health-on-failure", 0, NO_HEALTH), OPT_NOT_HERE("hostuser", 0, HOME_FILES), \
		OPT_NOT_HERE("passwd", 0, HOME_FILES), OPT_NOT_HERE("passwd-entry", 0, HOME_FILES), \
		OPT_NOT_HERE("http-proxy", 0, "-e http_proxy takes one of our environment"), \
		OPT_NOT_HERE("image-volume", 0, "the image's volumes are volumes; -v NAME:DIR or --tmpfs DIR replaces one"), \
		OPT_NOT_HERE("init-path", 0, "--init takes davit-init; another one is the command of the image"), \
		OPT_NOT_HERE("no-hosts", 0, "mount one of your own: -v FILE:/etc/hosts:ro"), \
		OPT_NOT_HERE("personality", 0, "the command can set it: setarch"), \
		OPT_NOT_HERE("pod", 0, "jobs share a network with --network container:JOB"), \
		OPT_NOT_HERE("pod-id-file", 0, "jobs share a network with --network container:JOB"), \
		OPT_NOT_HERE("preserve-fds", 0, "no replacement: a job gets standard input and outputs only"), \
		OPT_NOT_HERE("read-only-tmpfs", 0, "--tmpfs /tmp --tmpfs /run beside --read-only"), \
		OPT_NOT_HERE("replace", 0, "davit rm -f NAME first: an absent one is no error"), \
		OPT_NOT_HERE("requires", 0, "davit run, once the other is there: davit ps -q --filter name=NAME"), \
		OPT_NOT_HERE("rmi", 0, "davit image rm IMAGE afterwards"), \
		OPT_NOT_HERE("rootfs", 0, "make an image of it: tar -C DIR -c . | davit image import - NAME"), \
		OPT_NOT_HERE("sdnotify", 0, "no replacement: systemd takes davit run in the foreground as it is"), \
		OPT_NOT_HERE("seccomp-policy", 0, "--security-opt seccomp=FILE"), \
		OPT_NOT_HERE("secret", 0, "mount a file: -v /path/file:/run/secrets/file:ro"), \
		OPT_NOT_HERE("subgidname", 0, ID_MAPS), OPT_NOT_HERE("subuidname", 0, ID_MAPS), \
		OPT_NOT_HERE("gidmap", 0, ID_MAPS), OPT_NOT_HERE("uidmap", 0, ID_MAPS), \
		OPT_NOT_HERE("systemd", 0, "no replacement: the command is an ordinary process 1"), \
		OPT_NOT_HERE("timeout", 0, "timeout 60 davit run ... in the foreground"), \
		OPT_NOT_HERE("tls-verify", 0, "containerd's hosts.toml says skip_verify, in /etc/containerd/certs.d/HOST"), \
		OPT_NOT_HERE("tz", 0, "-e TZ=Europe/Berlin"), \
		OPT_NOT_HERE("umask", 0, "the command can set it: sh -c 'umask 077; exec PROGRAM'")
