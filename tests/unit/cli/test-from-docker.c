/* What davit says of Docker's flags and commands that it has not. That it says something of each is davit-docs' to see, which
 * writes docs/from-docker.md. */
#include "test.h"
#include "alias.h"
#include "command.h"
#include "docker-view.h"
#include "job-flags.h"
#include "job-table.h"
#include "mem.h"

static const struct opt *find(const struct opt *table, const char *name)
{
	for (; table && table->name; table++)
		if (!strcmp(table->name, name) || (table->also && !strcmp(table->also, name)))
			return table;
	return NULL;
}

/* What is instead fits where it is shown. */
static void remedies_fit(void **state)
{
	_cleanup_free_ struct opt *opts = run_opts_make();
	struct err err = ERR_INIT;

	(void)state;
	for (const struct opt *o = opts; o->name; o++)
		assert_true(!o->instead || strlen(o->instead) < sizeof err.hint);
}

/* Each other name leads to a command, with flags that it has. */
static void other_names_lead_somewhere(void **state)
{
	_cleanup_strv_ struct strv all = { 0 };
	size_t missing = 0;

	(void)state;
	alias_list(&all);
	assert_true(all.n > 20);
	for (size_t i = 0; i < all.n; i++) {
		_cleanup_strv_ struct strv words = { 0 };
		const struct command *cmd = NULL, *const *list = commands;
		_cleanup_free_ struct opt *opts = NULL;
		bool ours;
		char *is = strchr(all.v[i], '=');
		int r = 0;

		strv_split(&words, is + 1, " ");
		for (size_t k = 0; r >= 0 && k < words.n && words.v[k][0] != '-'; k++) {
			r = command_find(list, cmd ? cmd->name : NULL, words.v[k], &cmd, NULL);
			list = r < 0 ? NULL : cmd->sub;
		}
		if (r < 0 && !command_elsewhere(words.v[0], &ours))
			fail_msg("%s", all.v[i]);
		opts = r >= 0 ? command_opts(cmd) : NULL;
		if (r >= 0 && words.v[words.n - 1][0] == '-' && !find(opts, words.v[words.n - 1] + 2))
			fail_msg("%s: no such flag", all.v[i]);
		missing += r < 0;
	}
	assert_true(missing < all.n / 2);
}

/* HostConfig has each row that names a key of it: as it was given, else the default. */
static void host_config_has_the_rows(void **state)
{
	_cleanup_json_ json *given = NULL, *bare = NULL;
	json *host;
	static const char job[] = "{\"job\":{\"tasks\":[{\"image\":\"i\",\"memory_reservation\":8388608,\"cap_add\":[\"ALL\"]}],"
				  "\"remove\":true}}";
	size_t rows = 0;

	(void)state;
	assert_int_equal(json_parse(job, sizeof job - 1, &given, NULL), 0);
	assert_int_equal(json_parse("{\"job\":{\"tasks\":[{}]}}", 22, &bare, NULL), 0);
	docker_view_job(given);
	docker_view_job(bare);
	for (const struct field *f = task_shape.fields; f < task_shape.fields + task_shape.n; f++) {
		json *v = f->docker ? json_get(json_get(bare, "HostConfig"), f->docker) : NULL;

		rows += f->docker != NULL;
		if (f->docker && !v)
			fail_msg("HostConfig without %s", f->docker);
		if (f->type == FIELD_SIZE && v)
			assert_int_equal(json_object_get_int64(v), f->otherwise);
	}
	assert_true(rows > 12);
	host = json_get(given, "HostConfig");
	assert_int_equal(json_get_int(host, "MemoryReservation", 0), 8388608);
	assert_int_equal(json_get_int(host, "ShmSize", 0), 64 << 20);
	assert_int_equal(json_len(json_get_array(host, "CapAdd")), 1);
	assert_int_equal(json_len(json_get_array(host, "CapDrop")), 0);
	assert_true(json_get_bool(host, "AutoRemove", false));
}

RUN_TESTS("from-docker", cmocka_unit_test(host_config_has_the_rows), cmocka_unit_test(remedies_fit),
	  cmocka_unit_test(other_names_lead_somewhere))
