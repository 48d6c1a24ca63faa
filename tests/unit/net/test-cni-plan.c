#include "test.h"
#include "cni-plan.h"
#include "mem.h"
#include "strv.h"
#include <sys/socket.h>

static json *list_of(const char *types)
{
	_cleanup_strv_ struct strv all = { 0 };
	json *list = json_new_object(), *plugins = json_new_array();

	strv_split(&all, types, " ");
	for (size_t i = 0; i < all.n; i++) {
		json *plugin = json_new_object();

		json_put_str(plugin, "type", all.v[i]);
		json_append(plugins, plugin);
	}
	json_put(list, "plugins", plugins);
	return list;
}

static const char *name_of(const struct cni_place *p)
{
	return p->plugin ? json_get_str(p->plugin, "type") : p->family == AF_INET ? "rule4" : "rule6";
}

/* Who runs in each turn, were all of a turn to end at once. */
static char *turns(const struct cni_place *all, size_t n, bool back)
{
	struct buf out = { 0 };
	bool ended[32] = { false };

	for (size_t left = n; left;) {
		bool now[32] = { false };

		for (size_t i = 0; i < n; i++) {
			now[i] = !ended[i];
			for (size_t j = 0; j < n; j++)
				now[i] = now[i] && (ended[j] || !cni_plan_waits(all, i, j, back));
		}
		buf_adds(&out, out.len ? " |" : "");
		for (size_t i = 0; i < n; i++) {
			if (!now[i])
				continue;
			buf_addf(&out, "%s%s", out.len ? " " : "", name_of(&all[i]));
			ended[i] = true;
			left--;
		}
	}
	return buf_take(&out);
}

static const struct plan {
	const char *types, *add, *del;
	bool rules;
} plans[] = {
	{ "bridge", "bridge", "bridge", false },
	{ "a b c", "a | b | c", "c | b | a", false },
	{ "bridge portmap firewall", "bridge | portmap firewall", "portmap firewall | bridge", false },
	{ "bridge firewall portmap", "bridge | firewall portmap", "firewall portmap | bridge", false },
	{ "bridge portmap firewall", "bridge | portmap firewall | rule4 rule6", "portmap rule4 rule6 | firewall | bridge", true },
	{ "bridge tuning portmap firewall bandwidth", "bridge | tuning | portmap firewall | bandwidth",
	  "bandwidth | portmap firewall | tuning | bridge", false },
	{ "bridge firewall tuning portmap", "bridge | firewall | rule4 rule6 | tuning | portmap",
	  "portmap | tuning | rule4 rule6 | firewall | bridge", true },
	{ "bridge portmap portmap firewall", "bridge | portmap | portmap firewall", "portmap firewall | portmap | bridge", false },
};

static void orders(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
		const struct plan *p = &plans[i];
		_cleanup_json_ json *list = list_of(p->types);
		struct cni_place *all = NULL;
		size_t n = cni_plan(list, p->rules, &all);
		_cleanup_free_ char *add = turns(all, n, false), *del = turns(all, n, true);

		assert_string_equal(add, p->add);
		assert_string_equal(del, p->del);
		free(all);
	}
}

RUN_TESTS("cni-plan", cmocka_unit_test(orders))
