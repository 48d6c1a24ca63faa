#include "test.h"
#include "job-table.h"
#include "mem.h"
#include "parse.h"
#include <fcntl.h>
#include <unistd.h>

/* Every option whose values go into a job or a task is told by the JSON that it makes there, or by its error. */
struct target {
	struct job *job;
	struct task *task;
};
typedef int parse_into(const char *s, struct target *, struct err *);

static char home[] = "HOME=/home/me", empty[] = "EMPTY=";
static char *const environment[] = { home, empty, NULL };

static int ports(const char *s, struct target *t, struct err *e) { return parse_ports(s, t->job, e); }
static int volume(const char *s, struct target *t, struct err *e) { return parse_volume(s, "/here/now", t->task, e); }
static int mount(const char *s, struct target *t, struct err *e) { return parse_mount(s, "/here/now", t->task, e); }
static int tmpfs(const char *s, struct target *t, struct err *e) { return parse_tmpfs(s, t->task, e); }
static int device(const char *s, struct target *t, struct err *e) { return parse_device(s, t->task, e); }
static int limit(const char *s, struct target *t, struct err *e) { return parse_ulimit(s, t->task, e); }
static int security(const char *s, struct target *t, struct err *e)
{
	const struct field *f = task_shape.fields;

	while (f->key || strcmp(f->flag, "security-opt") != 0)
		f++;
	return field_text(&task_shape, f, s, t->task, &(struct text_in){ 0 }, e);
}
static int sysctl(const char *s, struct target *t, struct err *e) { return parse_sysctl(s, t->task, e); }
static int host(const char *s, struct target *t, struct err *e) { return parse_extra_host(s, t->job, e); }
static int label(const char *s, struct target *t, struct err *e) { return parse_label(s, &t->task->labels, e); }
static int environ_(const char *s, struct target *t, struct err *e) { return parse_env(s, environment, &t->task->env, e); }

static const struct {
	parse_into *fn;
	const char *value, *made;
} right[] = {
	{ ports, "80", "\"ports\":[{\"inside\":80}]" },
	{ ports, "8080:80", "\"ports\":[{\"host\":8080,\"inside\":80}]" },
	{ ports, "0:80/UDP", "\"ports\":[{\"inside\":80,\"proto\":\"udp\"}]" },
	{ ports, "65535:65535/sctp", "\"ports\":[{\"host\":65535,\"inside\":65535,\"proto\":\"sctp\"}]" },
	{ ports, "127.0.0.1:8080:80", "\"ports\":[{\"host_ip\":\"127.0.0.1\",\"host\":8080,\"inside\":80}]" },
	{ ports, "127.0.0.1::80", "\"ports\":[{\"host_ip\":\"127.0.0.1\",\"inside\":80}]" },
	{ ports, ":8080:80", "\"ports\":[{\"host\":8080,\"inside\":80}]" },
	{ ports, "[::1]:8080:80", "\"ports\":[{\"host_ip\":\"::1\",\"host\":8080,\"inside\":80}]" },
	{ ports, "[::ffff:ffff:ffff]:8080:80", "\"ports\":[{\"host_ip\":\"255.255.255.255\",\"host\":8080,\"inside\":80}]" },
	{ ports, "8000-8001:80-81", "\"ports\":[{\"host\":8000,\"inside\":80},{\"host\":8001,\"inside\":81}]" },
	{ ports, "8000-8002:80/udp", "\"ports\":[{\"host\":8000,\"host_last\":8002,\"inside\":80,\"proto\":\"udp\"}]" },
	{ ports, "8000:80-80", "\"ports\":[{\"host\":8000,\"inside\":80}]" },
	{ ports, "80-81", "\"ports\":[{\"inside\":80},{\"inside\":81}]" },
	{ volume, "/srv", "\"mounts\":[{\"type\":\"volume\",\"target\":\"/srv\"}]" },
	{ volume, "data:/srv", "\"mounts\":[{\"type\":\"volume\",\"source\":\"data\",\"target\":\"/srv\"}]" },
	{ volume, "/a//b/../c/:/srv:ro",
	  "\"mounts\":[{\"source\":\"/a/c\",\"target\":\"/srv\",\"read_only\":true,\"options\":[\"create-src\"]}]" },
	{ volume, "./x:/srv:rw", "\"mounts\":[{\"source\":\"/here/now/x\",\"target\":\"/srv\",\"options\":[\"create-src\"]}]" },
	{ volume, "..:/srv", "\"mounts\":[{\"source\":\"/here\",\"target\":\"/srv\",\"options\":[\"create-src\"]}]" },
	{ volume, ".:/srv", "\"mounts\":[{\"source\":\"/here/now\",\"target\":\"/srv\",\"options\":[\"create-src\"]}]" },
	{ volume, "/a:/b:Z,ro,rslave",
	  "\"mounts\":[{\"source\":\"/a\",\"target\":\"/b\",\"read_only\":true,\"options\":[\"Z\",\"rslave\",\"create-src\"]}]" },
	{ volume, "d:/b:nocopy", "\"mounts\":[{\"type\":\"volume\",\"source\":\"d\",\"target\":\"/b\",\"options\":[\"nocopy\"]}]" },
	{ mount, "type=bind,src=/a,dst=/b,readonly", "\"mounts\":[{\"source\":\"/a\",\"target\":\"/b\",\"read_only\":true}]" },
	{ mount, "type=bind,source=./a,target=/b,ro=false,bind-propagation=rshared",
	  "\"mounts\":[{\"source\":\"/here/now/a\",\"target\":\"/b\",\"options\":[\"rshared\"]}]" },
	{ mount, "dst=/b,source=d,volume-nocopy",
	  "\"mounts\":[{\"type\":\"volume\",\"source\":\"d\",\"target\":\"/b\",\"options\":[\"nocopy\"]}]" },
	{ mount, "target=/b", "\"mounts\":[{\"type\":\"volume\",\"target\":\"/b\"}]" },
	{ mount, "type=tmpfs,destination=/b,tmpfs-size=1m,tmpfs-mode=1777",
	  "\"mounts\":[{\"type\":\"tmpfs\",\"target\":\"/b\",\"options\":[\"size=1048576\",\"mode=1777\"]}]" },
	{ mount, "type=bind,\"source=/a,b\",target=/c", "\"mounts\":[{\"source\":\"/a,b\",\"target\":\"/c\"}]" },
	{ mount, "\"type=bind\",\"source=/a\"\"b\"\"\",\"target=/c\"",
	  "\"mounts\":[{\"source\":\"/a\\\"b\\\"\",\"target\":\"/c\"}]" },
	{ mount, "Type=Bind,SRC=/a,Dst=/b,RO=T,consistency=cached",
	  "\"mounts\":[{\"source\":\"/a\",\"target\":\"/b\",\"read_only\":true}]" },
	{ mount, "type=bind,src=/a,dst=/b,bind-recursive=disabled,consistency=",
	  "\"mounts\":[{\"source\":\"/a\",\"target\":\"/b\",\"options\":[\"bind\"]}]" },
	{ mount, "type=bind,src=/a,dst=/b,readonly,bind-recursive=readonly",
	  "\"mounts\":[{\"source\":\"/a\",\"target\":\"/b\",\"read_only\":true,\"options\":[\"rro\"]}]" },
	{ mount, "src=d,dst=/b,volume-driver=local,volume-nocopy=false,ro=FALSE",
	  "\"mounts\":[{\"type\":\"volume\",\"source\":\"d\",\"target\":\"/b\"}]" },
	{ tmpfs, "/t", "\"mounts\":[{\"type\":\"tmpfs\",\"target\":\"/t\"}]" },
	{ tmpfs, "/t:size=1m,exec,ro",
	  "\"mounts\":[{\"type\":\"tmpfs\",\"target\":\"/t\",\"read_only\":true,\"options\":[\"size=1m\",\"exec\"]}]" },
	{ device, "/dev/fuse", "\"devices\":[{\"host\":\"/dev/fuse\"}]" },
	{ device, "/dev/fuse:rw", "\"devices\":[{\"host\":\"/dev/fuse\",\"access\":\"rw\"}]" },
	{ device, "/dev/a:/dev/b", "\"devices\":[{\"host\":\"/dev/a\",\"inside\":\"/dev/b\"}]" },
	{ device, "/dev/a:/dev/b:m", "\"devices\":[{\"host\":\"/dev/a\",\"inside\":\"/dev/b\",\"access\":\"m\"}]" },
	{ limit, "nofile=1024", "\"ulimits\":[{\"name\":\"nofile\",\"soft\":1024,\"hard\":1024}]" },
	{ limit, "nofile=1024:4096", "\"ulimits\":[{\"name\":\"nofile\",\"soft\":1024,\"hard\":4096}]" },
	{ limit, "core=0:unlimited", "\"ulimits\":[{\"name\":\"core\",\"hard\":-1}]" },
	{ limit, "memlock=-1", "\"ulimits\":[{\"name\":\"memlock\",\"soft\":-1,\"hard\":-1}]" },
	{ limit, "memlock=-1:-1", "\"ulimits\":[{\"name\":\"memlock\",\"soft\":-1,\"hard\":-1}]" },
	{ security, "no-new-privileges", "" },
	{ security, "no-new-privileges=false", "\"no_new_privileges\":false" },
	{ security, "no-new-privileges:false", "\"no_new_privileges\":false" },
	{ security, "no-new-privileges=0", "\"no_new_privileges\":false" },
	{ security, "seccomp=unconfined", "\"seccomp\":\"unconfined\"" },
	{ security, "seccomp=builtin", "" },
	{ security, "seccomp=/dev/../dev/null", "\"seccomp\":\"/dev/null\"" },
	{ security, "apparmor=my-profile", "\"apparmor\":\"my-profile\"" },
	{ security, "label=disable", "\"selinux\":[\"disable\"]" },
	{ security, "label:disable", "\"selinux\":[\"disable\"]" },
	{ security, "label=level:s0:c1,c2", "\"selinux\":[\"level:s0:c1,c2\"]" },
	{ security, "label=type:container_logreader_t", "\"selinux\":[\"type:container_logreader_t\"]" },
	{ security, "systempaths=unconfined", "\"masked_paths\":[],\"readonly_paths\":[]" },
	{ sysctl, "net.core.somaxconn=1024", "\"sysctl\":{\"net.core.somaxconn\":\"1024\"}" },
	{ sysctl, "net/ipv4/tcp_rmem=1 2 3", "\"sysctl\":{\"net.ipv4.tcp_rmem\":\"1 2 3\"}" },
	{ host, "db:10.0.0.5", "\"extra_hosts\":[\"db:10.0.0.5\"]" },
	{ host, "db=10.0.0.5", "\"extra_hosts\":[\"db:10.0.0.5\"]" },
	{ host, "db:[::1]", "\"extra_hosts\":[\"db:::1\"]" },
	{ host, "db:::1", "\"extra_hosts\":[\"db:::1\"]" },
	{ host, "gw=host-gateway", "\"extra_hosts\":[\"gw:host-gateway\"]" },
	{ label, "a", "\"labels\":{\"a\":\"\"}" },
	{ label, "a=b=c", "\"labels\":{\"a\":\"b=c\"}" },
	{ environ_, "A=1=2", "\"env\":[\"A=1=2\"]" },
	{ environ_, "A=", "\"env\":[\"A=\"]" },
	{ environ_, "HOME", "\"env\":[\"HOME=/home/me\"]" },
	{ environ_, "EMPTY", "\"env\":[\"EMPTY=\"]" },
	{ environ_, "HOM", "" },
};

/* The members that @t's job has more than an empty one. */
static char *members(const struct target *t)
{
	_cleanup_json_ json *j = job_to_json(t->job);
	_cleanup_buf_ struct buf b = { 0 };
	json *from = json_get(j, "ports") || json_get(j, "extra_hosts") ? j : json_at(json_get(j, "tasks"), 0);

	if (from == j)
		json_object_object_del(j, "tasks");
	json_write(from, &b);
	return mem_strndup(b.data + 1, b.len - 2);
}

static void right_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
		_cleanup_(job_freep) struct job *job = job_new();
		_cleanup_free_ char *made = NULL;
		struct target t = { job, job->tasks };
		struct err err = ERR_INIT;

		if (right[i].fn(right[i].value, &t, &err) < 0)
			fail_msg("%s: %s", right[i].value, err.msg);
		made = members(&t);
		if (strcmp(made, right[i].made) != 0)
			fail_msg("%s: %s, not %s", right[i].value, made, right[i].made);
	}
}

#define PORT_HINT "[IP:]HOST:INSIDE[/tcp|udp|sctp], numbers of 1 to 65535 or ranges"
#define VOLUME_HINT "such as data:/var/lib/data:ro"
#define MOUNT_HINT "type=bind|volume|tmpfs,source=..,target=..,readonly"
#define CSV_HINT "quote the whole field: '\"source=/a,b\",target=/c'; a quote in it is written twice"
#define DEVICE_HINT "such as /dev/fuse:/dev/fuse:rw"
#define LIMIT_HINT "numbers, or \"unlimited\": nofile=1024:4096"

static const struct {
	parse_into *fn;
	const char *value, *msg, *hint;
} wrong[] = {
	{ ports, "", "invalid port \"\": the port inside is not a number of 1 to 65535", PORT_HINT },
	{ ports, "0", "invalid port \"0\": the port inside is not a number of 1 to 65535", PORT_HINT },
	{ ports, "http", "invalid port \"http\": the port inside is not a number of 1 to 65535", PORT_HINT },
	{ ports, "80:http", "invalid port \"80:http\": the port inside is not a number of 1 to 65535", PORT_HINT },
	{ ports, "80:", "invalid port \"80:\": the port inside is not a number of 1 to 65535", PORT_HINT },
	{ ports, "80:65536", "invalid port \"80:65536\": the port inside is not a number of 1 to 65535", PORT_HINT },
	{ ports, "80:4294967376", "invalid port \"80:4294967376\": the port inside is not a number of 1 to 65535", PORT_HINT },
	{ ports, "80:+80", "invalid port \"80:+80\": the port inside is not a number of 1 to 65535", PORT_HINT },
	{ ports, "70000:80", "invalid port \"70000:80\": the host's port is not a number of 0 to 65535", PORT_HINT },
	{ ports, "-1:80", "invalid port \"-1:80\": the host's port is not a number of 0 to 65535", PORT_HINT },
	{ ports, "0-5:80-85", "invalid port \"0-5:80-85\": the host's port is not a number of 0 to 65535", PORT_HINT },
	{ ports, "80/icmp", "invalid port \"80/icmp\": the protocol is not tcp, udp or sctp", PORT_HINT },
	{ ports, "80/", "invalid port \"80/\": the protocol is not tcp, udp or sctp", PORT_HINT },
	{ ports, "80/tcp/udp", "invalid port \"80/tcp/udp\": the protocol is not tcp, udp or sctp", PORT_HINT },
	{ ports, "8000-8002:80-81", "invalid port \"8000-8002:80-81\": the two ranges differ in length", PORT_HINT },
	{ ports, "81-80", "invalid port \"81-80\": the port inside is not a number of 1 to 65535", PORT_HINT },
	{ ports, "localhost:80:80", "invalid port \"localhost:80:80\": not an IPv4 address before the ports", PORT_HINT },
	{ ports, "1.2.3:80:80", "invalid port \"1.2.3:80:80\": not an IPv4 address before the ports", PORT_HINT },
	{ ports, "[::1:80:80", "invalid port \"[::1:80:80\": the address in brackets has no end", PORT_HINT },
	{ ports, "[1.2.3.4]:80:80", "invalid port \"[1.2.3.4]:80:80\": not an IPv6 address in the brackets", PORT_HINT },
	{ ports, "1.2.3.4:1:2:3", "invalid port \"1.2.3.4:1:2:3\": the port inside is not a number of 1 to 65535", PORT_HINT },
	{ ports, "1-65535", "invalid port \"1-65535\": more than 4096 ports", PORT_HINT },

	{ volume, "", "invalid volume \"\": not [SOURCE:]TARGET[:OPTIONS]", VOLUME_HINT },
	{ volume, ":", "invalid volume \":\": not [SOURCE:]TARGET[:OPTIONS]", VOLUME_HINT },
	{ volume, ":/a", "invalid volume \":/a\": not [SOURCE:]TARGET[:OPTIONS]", VOLUME_HINT },
	{ volume, "a:", "invalid volume \"a:\": not [SOURCE:]TARGET[:OPTIONS]", VOLUME_HINT },
	{ volume, "/a:/b:ro,rw", "invalid volume option \"ro,rw\": it cannot be both ro and rw", "" },
	{ volume, "/a:/b:ro:rw", "invalid volume \"/a:/b:ro:rw\": not [SOURCE:]TARGET[:OPTIONS]", VOLUME_HINT },
	{ volume, "/a:ro", "invalid mount target \"ro\": not an absolute path", "" },
	{ volume, "data", "invalid mount target \"data\": not an absolute path", "" },
	{ volume, "/a:/", "invalid mount target \"/\": the root folder cannot be mounted over", "" },
	{ volume, "/a:/./..", "invalid mount target \"/./..\": the root folder cannot be mounted over", "" },
	{ volume, "a/b:/c", "invalid volume \"a/b\": neither a volume's name nor a path", "write ./a/b for a folder here" },
	{ volume, "-x:/c", "volume \"-x\": not a valid name",
	  "use letters and digits, with single . _ or - between them, at most 76 characters" },
	{ volume, "/a:/b:readonly", "invalid volume option \"readonly\": there is no such option", "such as ro, rw, nocopy" },
	{ volume, "/a:/b:rsalve", "invalid volume option \"rsalve\": there is no such option", "did you mean \"rslave\"?" },

	{ mount, "", "invalid mount \"\": no target", MOUNT_HINT },
	{ mount, "type=bind,source=/a", "invalid mount \"type=bind,source=/a\": no target", MOUNT_HINT },
	{ mount, "type=bind,target=/a", "invalid mount \"/a\": a bind wants a source", "" },
	{ mount, "type=nfs,target=/a", "invalid mount type \"nfs\": there is no such type", "bind, volume or tmpfs" },
	{ mount, "type=bind,source=a,target=/a", "invalid bind source \"a\": not a path", "write ./a for a folder here" },
	{ mount, "type=tmpfs,source=a,target=/a", "invalid mount \"/a\": a tmpfs has no source", "" },
	{ mount, "type=bind,source=\"/a,b\",target=/c",
	  "invalid mount \"type=bind,source=\"/a,b\",target=/c\": a quote in the middle of a field", CSV_HINT },
	{ mount, "\"source=/a,target=/c", "invalid mount \"\"source=/a,target=/c\": a quoted field does not end with its quote",
	  CSV_HINT },
	{ mount, "\"source=/a\"b,target=/c",
	  "invalid mount \"\"source=/a\"b,target=/c\": a quoted field does not end with its quote", CSV_HINT },
	{ mount, "target=/a,", "invalid mount key \"\": there is no such key", MOUNT_HINT },
	{ mount, "target=/a/..", "invalid mount target \"/a/..\": the root folder cannot be mounted over", "" },
	{ mount, "target=/a,tmpfs-size=1m", "invalid mount key \"tmpfs-size\": of another type", "it goes with type=tmpfs" },
	{ mount, "type=tmpfs,target=/a,volume-nocopy", "invalid mount key \"volume-nocopy\": of another type",
	  "it goes with type=volume" },
	{ mount, "type=bind,src=/a,target=/a,bind-recursive=readonly",
	  "invalid bind-recursive \"readonly\": the mount itself is not", "add readonly" },
	{ mount, "type=bind,src=/a,target=/a,bind-recursive=no", "invalid bind-recursive \"no\": there is no such word",
	  "enabled, disabled, writable or readonly" },
	{ mount, "target=/a,volume-driver=nfs", "invalid volume-driver \"nfs\": volumes have no drivers here, they are folders",
	  "mount it on the host and use type=bind" },
	{ mount, "target=/a,volume-opt=type=nfs", "invalid volume-opt \"type=nfs\": volumes have no options here, they are folders",
	  "mount it on the host and use type=bind" },
	{ mount, "target=/a,volume-label=a=b", "invalid volume-label \"a=b\": a mount gives a volume no labels",
	  "davit volume create --label K=V NAME" },
	{ mount, "target=/a,volume-subpath=b",
	  "invalid volume-subpath \"b\": a part of a volume or an image is not mounted by itself",
	  "mount the whole volume, or a folder of the host with type=bind" },
	{ mount, "traget=/a", "invalid mount key \"traget\": there is no such key", "did you mean \"target\"?" },
	{ mount, "target=/a,readonly=maybe", "invalid readonly \"maybe\": neither true nor false",
	  "true, false, or the word alone" },
	{ mount, "type=bind,src=/x,target=/a,bind-propagation=wild",
	  "invalid bind-propagation \"wild\": there is no such propagation", "[r]private, [r]shared or [r]slave" },
	{ mount, "target=/a,tmpfs-mode=999", "invalid tmpfs-mode \"999\": not an octal mode", "such as 1777" },
	{ mount, "target=/a,tmpfs-size=big", "invalid tmpfs-size \"big\": not a size",
	  "a number and a unit of b, k, m, g, t or p: 512m, 1.5g, 1GiB" },
	{ mount, "target=a", "invalid mount target \"a\": not an absolute path", "" },
	{ mount, "target=/a,source=", "invalid mount \"source\": empty", "" },

	{ tmpfs, "", "invalid mount target \"\": not an absolute path", "" },
	{ tmpfs, "t", "invalid mount target \"t\": not an absolute path", "" },
	{ tmpfs, "/t:size", "invalid tmpfs option \"size\": there is no such option", "did you mean \"size=\"?" },
	{ tmpfs, "/t:size=", "invalid tmpfs option \"size=\": there is no such option", "did you mean \"size=\"?" },
	{ tmpfs, "/t:noexce", "invalid tmpfs option \"noexce\": there is no such option", "did you mean \"noexec\"?" },

	{ device, "", "invalid device \"\": not HOST[:INSIDE[:rwm]]", DEVICE_HINT },
	{ device, "fuse", "invalid device \"fuse\": not an absolute path", "" },
	{ device, "/dev/a:", "invalid device \"/dev/a:\": not HOST[:INSIDE[:rwm]]", DEVICE_HINT },
	{ device, "/dev/a:/dev/b:", "invalid device \"/dev/a:/dev/b:\": not HOST[:INSIDE[:rwm]]", DEVICE_HINT },
	{ device, "/dev/a:/dev/b:rx", "invalid device access \"rx\": not made of r, w and m", "" },
	{ device, "/dev/a:/dev/b:r:w", "invalid device \"/dev/a:/dev/b:r:w\": not HOST[:INSIDE[:rwm]]", DEVICE_HINT },
	{ device, "/dev/a:b", "invalid device \"b\": not an absolute path", "" },

	{ limit, "nofile", "invalid ulimit \"nofile\": not NAME=SOFT[:HARD]", LIMIT_HINT },
	{ limit, "=5", "invalid ulimit \"=5\": not NAME=SOFT[:HARD]", LIMIT_HINT },
	{ limit, "nofile=", "invalid ulimit \"nofile=\": not NAME=SOFT[:HARD]", LIMIT_HINT },
	{ limit, "nofile=-2", "invalid ulimit \"nofile=-2\": not NAME=SOFT[:HARD]", LIMIT_HINT },
	{ limit, "nofile=1:", "invalid ulimit \"nofile=1:\": not NAME=SOFT[:HARD]", LIMIT_HINT },
	{ limit, "nofile=1:2:3", "invalid ulimit \"nofile=1:2:3\": not NAME=SOFT[:HARD]", LIMIT_HINT },
	{ limit, "nofile=99999999999999999999", "invalid ulimit \"nofile=99999999999999999999\": not NAME=SOFT[:HARD]",
	  LIMIT_HINT },
	{ limit, "nofiel=5", "invalid ulimit \"nofiel\": there is no such limit", "did you mean \"nofile\"?" },
	{ limit, "nofile=5:4", "invalid ulimit \"nofile\": the soft limit is above the hard limit", "" },
	{ limit, "nofile=unlimited:4", "invalid ulimit \"nofile\": the soft limit is above the hard limit", "" },

	{ security, "no-new-privileges=no", "flag --security-opt no-new-privileges is true or false, not \"no\"", "" },
	{ security, "secomp=unconfined", "invalid security option \"secomp=unconfined\": not one that davit has",
	  "did you mean \"seccomp\"?" },
	{ security, "seccomp", "invalid security option \"seccomp\": not one that davit has",
	  "seccomp=FILE|unconfined, no-new-privileges[=false], apparmor=PROFILE|unconfined, label=disable|KEY:VALUE, "
	  "systempaths=unconfined, mask=PATH[:PATH], unmask=PATH[:PATH]|ALL" },
	{ security, "label=typ:x_t", "invalid SELinux label \"typ:x_t\": no part of one",
	  "disable, or one of user:, role:, type:, level: and filetype: with a value" },
	{ security, "label=type:", "invalid SELinux label \"type:\": empty", "" },
	{ security, "label=type:a:b", "invalid SELinux label \"type:a:b\": not a name of SELinux's", "" },
	{ security, "label=level:s0 c1", "invalid SELinux label \"level:s0 c1\": not a level such as s0:c1,c2", "" },
	{ security, "label", "invalid security option \"label\": not one that davit has",
	  "seccomp=FILE|unconfined, no-new-privileges[=false], apparmor=PROFILE|unconfined, label=disable|KEY:VALUE, "
	  "systempaths=unconfined, mask=PATH[:PATH], unmask=PATH[:PATH]|ALL" },

	{ sysctl, "net.core.somaxconn", "invalid sysctl \"net.core.somaxconn\": not NAME=VALUE",
	  "such as net.core.somaxconn=1024" },
	{ sysctl, "=1", "invalid sysctl \"=1\": not NAME=VALUE", "such as net.core.somaxconn=1024" },
	{ sysctl, "net.core.somaxconn=", "invalid sysctl \"net.core.somaxconn=\": not NAME=VALUE",
	  "such as net.core.somaxconn=1024" },
	{ sysctl, "vm.swappiness=1", "invalid sysctl \"vm.swappiness\": not separate for containers: it would change the host",
	  "net.*, fs.mqueue.*, kernel.msg*, kernel.sem, kernel.shm* and kernel.domainname are; sysctl -w for the host" },
	{ sysctl, "net../../vm=1", "invalid sysctl \"net......vm\": not the name of a kernel parameter", "" },

	{ host, "db", "invalid extra host \"db\": not NAME:IP", "such as db:10.0.0.5" },
	{ host, ":1.2.3.4", "invalid extra host \":1.2.3.4\": not NAME:IP", "" },
	{ host, "db:", "invalid extra host \"db:\": not an IP address after the \":\" (nor \"host-gateway\")", "" },
	{ host, "db:10.0.0", "invalid extra host \"db:10.0.0\": not an IP address after the \":\" (nor \"host-gateway\")", "" },
	{ host, "d b:10.0.0.1", "invalid extra host \"d b:10.0.0.1\": not a host name before the \":\"", "" },
	{ host, "db:10.0.0.1\n1.1.1.1 bank",
	  "invalid extra host \"db:10.0.0.1?1.1.1.1 bank\": not an IP address after the \":\" (nor "
	  "\"host-gateway\")",
	  "" },

	{ label, "", "invalid label \"\": no name before \"=\"", "" },
	{ label, "=x", "invalid label \"\": no name before \"=\"", "" },
	{ label, "davit.complete=y", "invalid label \"davit.complete\": reserved for davit",
	  "choose another beginning than davit." },
	{ label, "containerd.io/x=y", "invalid label \"containerd.io/x\": reserved for containerd", "" },
	{ environ_, "", "invalid environment variable \"\": no name", "" },
	{ environ_, "=x", "invalid environment variable \"=x\": no name before \"=\"", "" },
};

static void wrong_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		_cleanup_(job_freep) struct job *job = job_new();
		struct target t = { job, job->tasks };
		struct err err = ERR_INIT;
		_cleanup_free_ char *made = NULL;

		if (wrong[i].fn(wrong[i].value, &t, &err) != -ERR_INVALID)
			fail_msg("%s is taken", wrong[i].value);
		assert_string_equal(err.msg, wrong[i].msg);
		assert_string_equal(err.hint, wrong[i].hint);
		made = members(&t);
		assert_string_equal(made, ""); /* nothing is written on failure */
	}
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		int64_t n;
	} good[] = {
		{ "0", 0 },
		{ "512", 512 },
		{ "512b", 512 },
		{ "64k", 65536 },
		{ "64KB", 65536 },
		{ "64kib", 65536 },
		{ "10M", 10 << 20 },
		{ "1.5g", 3221225472 / 2 },
		{ "1GiB", 1 << 30 },
		{ "2t", INT64_C(2) << 40 },
		{ "1p", INT64_C(1) << 50 },
		{ "0.5k", 512 },
	};
	static const char *const bad[] = { "",     "m",   "-1",  "+1",
					   "1x",   "1mm", "1 m", "1e3",
					   "0x10", "inf", "nan", ".5",
					   "1..5", "1bb", "1ib", "99999999999999999999999999999999999999999999999999" };
	int64_t n;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct err err = ERR_INIT;

		if (parse_size("memory", good[i].text, &n, &err) < 0)
			fail_msg("%s", err.msg);
		assert_int_equal(n, good[i].n);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = ERR_INIT;

		n = 77;
		if (parse_size("memory", bad[i], &n, &err) != -ERR_INVALID)
			fail_msg("%s is taken", bad[i]);
		assert_int_equal(n, 77);
		assert_memory_equal(err.msg, "invalid memory \"", 16);
	}
	assert_int_equal(parse_size("memory", "9999999p", &n, &(struct err)ERR_INIT), -ERR_INVALID);
}

static void processors(void **state)
{
	static const char *const bad[] = { "", "0.001", "-1", "two", "1.5x", "nan", "inf", "1e1", "0x2" };
	double n = 0;

	(void)state;
	assert_int_equal(parse_cpus("1.5", &n, NULL), 0);
	assert_true(n == 1.5);
	assert_int_equal(parse_cpus("64", &n, NULL), 0);
	assert_int_equal(parse_cpus("0", &n, NULL), 0);
	assert_true(n == 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (parse_cpus(bad[i], &n, NULL) != -ERR_INVALID)
			fail_msg("%s is taken", bad[i]);
}

static void users(void **state)
{
	static const char *const good[] = { "root",   "0",         "1000:1000", "bob:wheel", "4294967294", "99999999999x",
					    "_x-y.z", "dom\\user", "b\xc3\xb6", "",          ":",          "a:",
					    ":a" /* as in an image's configuration */ };
	static const char *const bad[] = {
		"a:b:c", "::", "a b", "a\n", "a\x7f", "a/b", "a:b\t", "4294967295", "99999999999999999999", "0:4294967295"
	};
	_cleanup_free_ char *most = mem_printf("%0256d", 0), *more = mem_printf("%0257d", 0);
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(parse_user(good[i], NULL), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (parse_user(bad[i], NULL) != -ERR_INVALID)
			fail_msg("%s is taken", bad[i]);
	assert_int_equal(parse_user(most, NULL), 0);
	assert_int_equal(parse_user(more, &err), -ERR_INVALID);
	assert_non_null(strstr(err.msg, "longer than 256"));
}

static void signals(void **state)
{
	static const struct {
		const char *text;
		int n;
	} good[] = {
		{ "TERM", 15 },     { "SIGTERM", 15 }, { "sigterm", 15 },    { "15", 15 },     { "1", 1 },
		{ "64", 64 },       { "RTMIN", 34 },   { "SIGRTMIN+3", 37 }, { "RTMAX", 64 },  { "RTMAX-1", 63 },
		{ "rtmin+30", 64 }, { "IOT", 6 },      { "CLD", 17 },        { "STKFLT", 16 },
	};
	static const char *const bad[] = { "",         "0",      "65",      "-1",     "SIG",  "TERM ", "RTMIN-1",
					   "RTMIN+31", "RTMIN+", "RTMAX+1", "RTMINX", "015x", "1.5" };
	struct err err = ERR_INIT;
	int sig = 99;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		if (parse_signal(good[i].text, &sig, NULL) < 0)
			fail_msg("%s", good[i].text);
		assert_int_equal(sig, good[i].n);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (parse_signal(bad[i], &sig, NULL) != -ERR_INVALID)
			fail_msg("%s is taken", bad[i]);
	assert_int_equal(parse_signal("SIGKIL", &sig, &err), -ERR_INVALID);
	assert_string_equal(err.msg, "invalid signal \"SIGKIL\": there is no such signal");
	assert_string_equal(err.hint, "did you mean \"KILL\"?");
}

/* @text in a file; the caller frees and unlinks. */
static char *file_of(const char *text, size_t len)
{
	char *path = mem_strdup("/tmp/test-parse.XXXXXX");
	_cleanup_close_ int fd = mkostemp(path, O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	return path;
}

static void env_files(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *made, *msg;
	} files[] = {
#define TEXT(s) s, sizeof s - 1
		{ TEXT(""), "", NULL },
		{ TEXT("A=1\n# comment\n\n   B = not\n"), NULL,
		  "4: invalid line \"B = not\": white space in the name before \"=\"" },
		{ TEXT("\xef\xbb\xbf"
		       "A=1\r\n  B=2 \n#C=3\nHOME\nNOT_SET\nD=\"q\""),
		  "A=1|B=2 |HOME=/home/me|D=\"q\"", NULL },
		{ TEXT("A=1\n=2"), NULL, "2: invalid environment variable \"=2\": no name before \"=\"" },
		{ TEXT("export A=1"), NULL, "1: invalid line \"export A=1\": white space in the name before \"=\"" },
		{ TEXT("A=\0b"), NULL, " has a NUL byte, so it is not text" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		_cleanup_free_ char *path = file_of(files[i].text, files[i].len), *made = NULL, *want = NULL;
		_cleanup_strv_ struct strv env = { 0 };
		struct err err = ERR_INIT;
		int r = parse_env_file(path, environment, NULL, &env, &err);

		(void)unlink(path);
		if (files[i].made) {
			assert_int_equal(r, 0);
			made = strv_join(&env, "|");
			assert_string_equal(made, files[i].made);
			continue;
		}
		assert_int_equal(r, -ERR_INVALID);
		want = mem_printf("%s%s:%s", files[i].msg[0] == ' ' ? "env file: " : "", path, files[i].msg);
		assert_string_equal(err.msg, want);
	}
	assert_int_equal(parse_env_file("/nowhere/env", environment, NULL, &(struct strv){ 0 }, NULL), -ERR_NOT_FOUND);
}

static void label_files(void **state)
{
	_cleanup_free_ char *path = file_of("a=1\n#x\n b\n", 10), *bad = file_of("a=1\ncontainerd.io/x=2\n", 22), *want = NULL;
	_cleanup_dict_ struct dict d = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(parse_label_file(path, NULL, &d, NULL), 0);
	assert_int_equal(d.n, 2);
	assert_string_equal(dict_get(&d, "b"), "");
	assert_int_equal(parse_label_file(bad, NULL, &d, &err), -ERR_INVALID);
	want = mem_printf("%s:2: invalid label \"containerd.io/x\": reserved for containerd", bad);
	assert_string_equal(err.msg, want);
	(void)unlink(path);
	(void)unlink(bad);
}

static void label_lengths(void **state)
{
	_cleanup_free_ char *most = mem_printf("k=%04095d", 0), *more = mem_printf("k=%04096d", 0);
	_cleanup_dict_ struct dict d = { 0 };

	(void)state;
	assert_int_equal(parse_label(most, &d, NULL), 0);
	assert_int_equal(parse_label(more, &d, NULL), -ERR_INVALID);
}

RUN_TESTS("parse", cmocka_unit_test(right_values), cmocka_unit_test(wrong_values), cmocka_unit_test(sizes),
	  cmocka_unit_test(processors), cmocka_unit_test(users), cmocka_unit_test(signals), cmocka_unit_test(env_files),
	  cmocka_unit_test(label_files), cmocka_unit_test(label_lengths))
