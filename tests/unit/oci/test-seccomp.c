#include "test.h"
#include "json.h"
#include "mem.h"
#include "seccomp.h"
#include <fcntl.h>
#include <linux/capability.h>
#include <unistd.h>

#define BIT(n) (UINT64_C(1) << (n))
enum { NO, YES, WHEN /* an argument allows */, ENOSYS_ };

static json *profile(uint64_t caps)
{
	_cleanup_buf_ struct buf b = { 0 };
	json *j = NULL;

	seccomp_default(caps, &b);
	assert_int_equal(json_parse(b.data, b.len, &j, NULL), 0);
	return j;
}

/* What the profile says about @name, and that it says it once (but for rules with arguments). */
static int verdict(json *p, const char *name)
{
	json *rules = json_get(p, "syscalls");
	int found = NO;

	for (size_t i = 0; i < json_len(rules); i++) {
		json *rule = json_at(rules, i), *names = json_get(rule, "names");

		for (size_t k = 0; k < json_len(names); k++) {
			if (strcmp(json_text(json_at(names, k)), name) != 0)
				continue;
			assert_true(found == NO || (found == WHEN && json_get(rule, "args")));
			found = json_get(rule, "args")                                    ? WHEN
				: !strcmp(json_get_str(rule, "action"), "SCMP_ACT_ALLOW") ? YES
											  : ENOSYS_;
			if (found == ENOSYS_)
				assert_int_equal(json_get_int(rule, "errnoRet", 0), 38);
		}
	}
	return found;
}

static const struct {
	const char *name;
	int without;
	uint64_t cap;
	int with;
} rows[] = {
	{ "read", YES, 0, YES },
	{ "openat2", YES, 0, YES },
	{ "ptrace", YES, BIT(CAP_SYS_PTRACE), YES },
	{ "semtimedop", YES, 0, YES },
	{ "io_uring_setup", NO, ~UINT64_C(0), NO },
	{ "keyctl", NO, ~UINT64_C(0), NO },
	{ "add_key", NO, ~UINT64_C(0), NO },
	{ "userfaultfd", NO, ~UINT64_C(0), NO },
	{ "kexec_load", NO, ~UINT64_C(0), NO },
	{ "swapon", NO, ~UINT64_C(0), NO },
	{ "pivot_root", NO, ~UINT64_C(0), NO },
	{ "socket", WHEN, ~UINT64_C(0), WHEN },
	{ "socketpair", WHEN, ~UINT64_C(0), WHEN },
	{ "socketcall", ENOSYS_, ~UINT64_C(0), ENOSYS_ },
	{ "lsm_set_self_attr", NO, BIT(CAP_SYS_ADMIN), YES },
	{ "map_shadow_stack", YES, 0, YES },
	{ "personality", WHEN, ~UINT64_C(0), WHEN },
	{ "clone", WHEN, BIT(CAP_SYS_ADMIN), YES },
	{ "clone3", ENOSYS_, BIT(CAP_SYS_ADMIN), YES },
	{ "unshare", NO, BIT(CAP_SYS_ADMIN), YES },
	{ "mount", NO, BIT(CAP_SYS_ADMIN), YES },
	{ "setns", NO, BIT(CAP_SYS_ADMIN), YES },
	{ "bpf", NO, BIT(39), YES },
	{ "bpf", NO, BIT(CAP_SYS_ADMIN), YES },
	{ "perf_event_open", NO, BIT(38), YES },
	{ "syslog", NO, BIT(CAP_SYSLOG), YES },
	{ "reboot", NO, BIT(CAP_SYS_BOOT), YES },
	{ "chroot", NO, BIT(CAP_SYS_CHROOT), YES },
	{ "init_module", NO, BIT(CAP_SYS_MODULE), YES },
	{ "mbind", NO, BIT(CAP_SYS_NICE), YES },
	{ "kcmp", NO, BIT(CAP_SYS_PTRACE), YES },
	{ "iopl", NO, BIT(CAP_SYS_RAWIO), YES },
	{ "settimeofday", NO, BIT(CAP_SYS_TIME), YES },
	{ "vhangup", NO, BIT(CAP_SYS_TTY_CONFIG), YES },
	{ "open_by_handle_at", NO, BIT(CAP_DAC_READ_SEARCH), YES },
	{ "mount", NO, BIT(CAP_NET_ADMIN), NO },
};

static void follows_the_capabilities(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_json_ json *without = profile(0), *with = profile(rows[i].cap);

		if (verdict(without, rows[i].name) != rows[i].without || verdict(with, rows[i].name) != rows[i].with)
			fail_msg("%s: %d and %d", rows[i].name, verdict(without, rows[i].name), verdict(with, rows[i].name));
	}
}

static void says_nothing_twice(void **state)
{
	_cleanup_json_ json *p = profile(~UINT64_C(0));
	json *rules = json_get(p, "syscalls");
	size_t n = 0;

	(void)state;
	assert_string_equal(json_get_str(p, "defaultAction"), "SCMP_ACT_ERRNO");
	assert_int_equal(json_get_int(p, "defaultErrnoRet", 0), 1);
	for (size_t i = 0; i < json_len(rules); i++)
		for (size_t k = 0; k < json_len(json_get(json_at(rules, i), "names")); k++, n++)
			(void)verdict(p, json_text(json_at(json_get(json_at(rules, i), "names"), k)));
	assert_true(n > 380);
}

/* What the rules about argument 0 of @name say of @value. */
static bool lets_pass(json *p, const char *name, uint64_t value)
{
	json *rules = json_get(p, "syscalls");

	for (size_t i = 0; i < json_len(rules); i++) {
		json *rule = json_at(rules, i), *arg = json_at(json_get(rule, "args"), 0);

		if (strcmp(json_text(json_at(json_get(rule, "names"), 0)), name) != 0)
			continue;
		assert_string_equal(json_get_str(arg, "op"), "SCMP_CMP_MASKED_EQ");
		if ((value & (uint64_t)json_get_int(arg, "value", 0)) == (uint64_t)json_get_int(arg, "valueTwo", 0))
			return true;
	}
	return false;
}

static void looks_at_32_bits_of_a_family(void **state)
{
	static const char allowed[] = "1110000111100111111001101011111111011001011111"; /* by number, up to AF_MCTP */
	static const uint64_t above[] = { 0, UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_C(0xffffffff) << 32 };
	_cleanup_json_ json *p = profile(~UINT64_C(0));

	(void)state;
	for (uint64_t family = 0; family < 300; family++) {
		bool wanted = family < sizeof allowed - 1 && allowed[family] == '1';

		for (size_t i = 0; i < sizeof above / sizeof *above; i++) {
			if (lets_pass(p, "socket", family | above[i]) != wanted)
				fail_msg("family %llu of %llx", (unsigned long long)family, (unsigned long long)above[i]);
			assert_int_equal(lets_pass(p, "socketpair", family | above[i]), family == 1);
		}
		assert_false(lets_pass(p, "socket", family | UINT64_C(1) << 31));
	}
}

static void knows_the_machines(void **state)
{
	static const struct {
		const char *machine, *call, *first;
	} machine_rows[] = {
		{ "amd64", "arch_prctl", "SCMP_ARCH_X86_64" },
		{ "arm64", "set_tls", "SCMP_ARCH_AARCH64" },
		{ "riscv64", "riscv_flush_icache", "SCMP_ARCH_RISCV64" },
		{ "vax", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof machine_rows / sizeof *machine_rows; i++) {
		_cleanup_buf_ struct buf b = { 0 };
		_cleanup_json_ json *j = NULL;

		seccomp_default_of(machine_rows[i].machine, 0, &b);
		assert_int_equal(json_parse(b.data, b.len, &j, NULL), 0);
		for (size_t k = 0; machine_rows[k].call; k++)
			assert_int_equal(verdict(j, machine_rows[k].call), k == i ? YES : NO);
		if (machine_rows[i].first)
			assert_string_equal(json_text(json_at(json_get(j, "architectures"), 0)), machine_rows[i].first);
		else
			assert_int_equal(json_len(json_get(j, "architectures")), 0);
	}
}

static int load(const char *text, uint64_t caps, struct buf *out, struct err *err)
{
	char path[] = "/tmp/test-seccomp.XXXXXX";
	_cleanup_close_ int fd = mkostemp(path, O_CLOEXEC);
	int r;

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	r = seccomp_load(path, caps, out, err);
	(void)unlink(path);
	return r;
}

static const struct {
	const char *file;
	uint64_t caps;
	const char *made;
} files[] = {
	{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", 0, "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[]}" },
	{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"architectures\":[\"SCMP_ARCH_X\"],\"flags\":[\"F\"],"
	  "\"syscalls\":"
	  "[{\"name\":\"a\",\"action\":\"SCMP_ACT_ALLOW\",\"args\":[],\"comment\":\"c\"},"
	  "{\"names\":[\"b\",\"c\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":5,\"args\":[{\"index\":0,\"value\":"
	  "18446744073709551615,"
	  "\"op\":\"SCMP_CMP_EQ\"}]}]}",
	  0,
	  "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"architectures\":[\"SCMP_ARCH_X\"],\"flags\":[\"F\"],"
	  "\"syscalls\":"
	  "[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ALLOW\"},{\"names\":[\"b\",\"c\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":"
	  "5,"
	  "\"args\":[{\"index\":0,\"value\":18446744073709551615,\"op\":\"SCMP_CMP_EQ\"}]}]}" },
#define CONDITION(c) "{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ALLOW\"," c "}]}"
#define TAKEN "{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ALLOW\"}]}"
#define LEFT "{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[]}"
	{ CONDITION("\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}"), BIT(CAP_SYS_ADMIN), TAKEN },
	{ CONDITION("\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}"), BIT(CAP_CHOWN), LEFT },
	{ CONDITION("\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\",\"CAP_CHOWN\"]}"), BIT(CAP_CHOWN), LEFT },
	{ CONDITION("\"includes\":{\"caps\":[\"CAP_OF_TOMORROW\"]}"), ~UINT64_C(0), LEFT },
	{ CONDITION("\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}"), BIT(CAP_SYS_ADMIN), LEFT },
	{ CONDITION("\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}"), 0, TAKEN },
	{ CONDITION("\"includes\":{\"minKernel\":\"4.8\"}"), 0, TAKEN },
	{ CONDITION("\"includes\":{\"minKernel\":\"999.0\"}"), 0, LEFT },
	{ CONDITION("\"includes\":{\"minKernel\":\"tomorrow\"}"), 0, LEFT },
	{ CONDITION("\"includes\":{\"arches\":[\"pdp11\"]}"), 0, LEFT },
	{ CONDITION("\"excludes\":{\"arches\":[\"amd64\",\"arm64\",\"riscv64\",\"other\"]}"), 0, LEFT },
	{ CONDITION("\"includes\":null,\"excludes\":{}"), 0, TAKEN },
};

static void decides_the_conditions_of_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		_cleanup_buf_ struct buf b = { 0 };
		struct err err = ERR_INIT;

		if (load(files[i].file, files[i].caps, &b, &err) < 0)
			fail_msg("%s: %s", files[i].file, err.msg);
		assert_string_equal(b.data, files[i].made);
		buf_reset(&b);
		assert_int_equal(seccomp_load(files[i].file, files[i].caps, &b, &err), 0); /* by its text */
		assert_string_equal(b.data, files[i].made);
	}
}

static void refuses_files(void **state)
{
	static const struct {
		const char *file, *why;
	} bad[] = {
		{ "", "JSON line 1 column 1: empty" },
		{ "{}", "\"defaultAction\" is missing or unknown" },
		{ "[]", "\"defaultAction\" is missing or unknown" },
		{ "{\"defaultAction\":\"allow\"}", "\"defaultAction\" is missing or unknown" },
		{ "{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[{\"names\":[\"a\"]}]}",
		  "syscalls[0]: \"action\" is missing or unknown" },
		{ "{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[{\"action\":\"SCMP_ACT_LOG\"}]}",
		  "syscalls[0]: \"names\" is missing" },
		{ "{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[{\"names\":[7],\"action\":\"SCMP_ACT_LOG\"}]}",
		  "syscalls[0]: \"names\" wants names of system calls" },
		{ "{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[7]}", "syscalls[0]: \"action\" is missing or unknown" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		_cleanup_buf_ struct buf b = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(load(bad[i].file, 0, &b, &err), -ERR_INVALID);
		assert_int_equal(b.len, 0);
		assert_memory_equal(err.msg, "seccomp profile /tmp/test-seccomp.", 34);
		if (!strstr(err.msg, bad[i].why))
			fail_msg("%s, not %s", err.msg, bad[i].why);
	}
	assert_int_equal(seccomp_load("/nowhere/profile", 0, &(struct buf){ 0 }, NULL), -ERR_NOT_FOUND);
}

RUN_TESTS("seccomp", cmocka_unit_test(follows_the_capabilities), cmocka_unit_test(says_nothing_twice),
	  cmocka_unit_test(looks_at_32_bits_of_a_family), cmocka_unit_test(knows_the_machines),
	  cmocka_unit_test(decides_the_conditions_of_files), cmocka_unit_test(refuses_files))
