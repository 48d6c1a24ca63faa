/* Profile files. Docker's form is OCI's with conditions (capabilities, architectures, kernel) on each rule; here the
 * conditions are decided and taken out. */
#include "seccomp.h"
#include "cap.h"
#include "emit.h"
#include "file.h"
#include "json.h"
#include <string.h>
#include <sys/utsname.h>

enum { PROFILE_MAX = 1 << 20, RULES_MAX = 4096 };

#if defined(__x86_64__)
#define GO_ARCH "amd64"
#elif defined(__aarch64__)
#define GO_ARCH "arm64"
#elif defined(__riscv)
#define GO_ARCH "riscv64"
#else
#define GO_ARCH "other"
#endif

static uint64_t caps_of(json *names, bool *ret_unknown)
{
	uint64_t set = 0, bits;

	for (size_t i = 0; i < json_len(names); i++) {
		const char *name = json_text(json_at(names, i));

		if (name && cap_parse(name, &bits, NULL) >= 0)
			set |= bits;
		else
			*ret_unknown = true;
	}
	return set;
}

static bool has_arch(json *names)
{
	for (size_t i = 0; i < json_len(names); i++)
		if (json_text(json_at(names, i)) && !strcmp(json_text(json_at(names, i)), GO_ARCH))
			return true;
	return false;
}

static bool kernel_at_least(const char *want)
{
	struct utsname u;
	unsigned have[2] = { 0 }, need[2] = { 0 };

	if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &have[0], &have[1]) != 2 || sscanf(want, "%u.%u", &need[0], &need[1]) != 2)
		return false;
	return have[0] != need[0] ? have[0] > need[0] : have[1] >= need[1];
}

/* Every condition of "includes" holds, and none of "excludes". */
static bool applies(json *rule, uint64_t caps)
{
	json *in = json_get_object(rule, "includes"), *out = json_get_object(rule, "excludes");
	bool unknown = false, ignored = false;
	uint64_t wanted = caps_of(json_get_array(in, "caps"), &unknown), unwanted = caps_of(json_get_array(out, "caps"), &ignored);
	const char *min = json_get_str(in, "minKernel"), *below = json_get_str(out, "minKernel");

	if (unknown || (wanted & ~caps) || (unwanted & caps))
		return false;
	if ((json_len(json_get_array(in, "arches")) && !has_arch(json_get_array(in, "arches"))) ||
	    has_arch(json_get_array(out, "arches")))
		return false;
	return (!min || kernel_at_least(min)) && (!below || !kernel_at_least(below));
}

static bool known_action(const char *s)
{
	static const char *const actions[] = {
		"SCMP_ACT_KILL",  "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP",
		"SCMP_ACT_ERRNO", "SCMP_ACT_TRACE",        "SCMP_ACT_ALLOW",       "SCMP_ACT_LOG",
	};

	for (size_t i = 0; s && i < sizeof actions / sizeof *actions; i++)
		if (!strcmp(s, actions[i]))
			return true;
	return false;
}

static void emit_member(json *obj, const char *key, struct buf *out)
{
	json *v = json_get(obj, key);

	if (!v)
		return;
	emit_key(out, key);
	json_write(v, out);
}

static int emit_rule(json *rule, struct buf *out, struct err *err)
{
	const char *name = json_get_str(rule, "name");
	json *names = json_get_array(rule, "names");

	if (!known_action(json_get_str(rule, "action")))
		return err_set(err, ERR_INVALID, "\"action\" is missing or unknown");
	if (!name && !json_len(names))
		return err_set(err, ERR_INVALID, "\"names\" is missing");
	emit_open(out, NULL, '{');
	emit_open(out, "names", '[');
	emit_str(out, NULL, name);
	for (size_t i = 0; i < json_len(names); i++) {
		if (!json_text(json_at(names, i)))
			return err_set(err, ERR_INVALID, "\"names\" wants names of system calls");
		emit_str(out, NULL, json_text(json_at(names, i)));
	}
	emit_close(out, ']');
	emit_str(out, "action", json_get_str(rule, "action"));
	emit_member(rule, "errnoRet", out);
	if (json_len(json_get_array(rule, "args")))
		emit_member(rule, "args", out);
	emit_close(out, '}');
	return 0;
}

static int emit_rules(json *rules, uint64_t caps, struct buf *out, struct err *err)
{
	if (json_len(rules) > RULES_MAX)
		return err_set(err, ERR_EXHAUSTED, "more than %d rules", RULES_MAX);
	emit_open(out, "syscalls", '[');
	for (size_t i = 0; i < json_len(rules); i++) {
		int r = applies(json_at(rules, i), caps) ? emit_rule(json_at(rules, i), out, err) : 0;

		if (r < 0)
			return err_wrap(err, r, "syscalls[%zu]", i);
	}
	emit_close(out, ']');
	return 0;
}

#if defined(__x86_64__)
static const char native[] = "SCMP_ARCH_X86_64";
#elif defined(__aarch64__)
static const char native[] = "SCMP_ARCH_AARCH64";
#elif defined(__riscv)
static const char native[] = "SCMP_ARCH_RISCV64";
#else
static const char native[] = "";
#endif

/* OCI's list as it is; of Docker's map the row of this machine. */
static void emit_architectures(json *profile, struct buf *out)
{
	json *map = json_get_array(profile, "archMap");

	if (json_len(json_get_array(profile, "architectures"))) {
		emit_member(profile, "architectures", out);
		return;
	}
	for (size_t i = 0; i < json_len(map); i++) {
		const char *arch = json_get_str(json_at(map, i), "architecture");
		_cleanup_strv_ struct strv list = { 0 };

		if (!arch || strcmp(arch, native) != 0)
			continue;
		strv_push(&list, arch);
		json_get_strv(json_at(map, i), "subArchitectures", &list);
		emit_strv(out, "architectures", &list);
		return;
	}
}

static int emit_profile(json *profile, uint64_t caps, struct buf *out, struct err *err)
{
	int r;

	if (!known_action(json_get_str(profile, "defaultAction")))
		return err_set(err, ERR_INVALID, "\"defaultAction\" is missing or unknown");
	emit_open(out, NULL, '{');
	emit_member(profile, "defaultAction", out);
	emit_member(profile, "defaultErrnoRet", out);
	emit_architectures(profile, out);
	if (json_len(json_get_array(profile, "flags")))
		emit_member(profile, "flags", out);
	r = emit_rules(json_get_array(profile, "syscalls"), caps, out, err);
	emit_close(out, '}');
	return r;
}

int seccomp_read(const char *path, struct buf *out, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_json_ json *profile = NULL;
	int r = file_read(path, PROFILE_MAX, &text, err);

	if (r >= 0)
		r = json_parse(buf_str(&text), text.len, &profile, err);
	if (r < 0)
		return r;
	json_write(profile, out);
	return *buf_str(out) == '{' ? 0 : err_set(err, ERR_INVALID, "not an object");
}

int seccomp_load(const char *said, uint64_t caps, struct buf *out, struct err *err)
{
	const bool text = *said == '{';
	_cleanup_buf_ struct buf given = { 0 }, made = { 0 };
	_cleanup_json_ json *profile = NULL;
	int r;

	r = text ? (buf_adds(&given, said), 0) : file_read(said, PROFILE_MAX, &given, err);
	if (r < 0)
		return err_wrap(err, r, "seccomp profile");
	r = json_parse(buf_str(&given), given.len, &profile, err);
	if (r >= 0)
		r = emit_profile(profile, caps, &made, err);
	if (r < 0)
		return text ? err_wrap(err, r, "seccomp profile") : err_wrap(err, r, "seccomp profile %s", said);
	buf_add(out, made.data, made.len);
	return 0;
}
