/* Most plugins build on what the ones before them did: on the interface, or on a result that was changed. portmap and firewall
 * do not: they hand prevResult on as they got it, look at its addresses alone, and each keeps to chains of its own (portmap in
 * the table nat, firewall in filter); so neighbours of these types run side by side. tuning and bandwidth change the result,
 * sbr and vrf the routes: they, and whatever is not known, run alone. Source: the plugins' cmdAdd and cmdDel, 1.1.1 and 1.9.1. */
#include "cni-plan.h"
#include "forward.h"
#include "mem.h"
#include <string.h>
#include <sys/socket.h>

enum { N_RULES = 2 };

static bool passes_on(const char *type) { return !strcmp(type, "portmap") || !strcmp(type, "firewall"); }

static const char *plugin_type(const struct cni_place *p) { return json_get_str(p->plugin, "type"); }

/* May @last run beside those before it, back to place @first? Two of one type would share their chains. */
static bool runs_beside(const struct cni_place *all, size_t first, size_t last)
{
	if (!passes_on(plugin_type(&all[last])))
		return false;
	for (size_t i = first; i < last; i++)
		if (!passes_on(plugin_type(&all[i])) || !strcmp(plugin_type(&all[i]), plugin_type(&all[last])))
			return false;
	return true;
}

static size_t plan_plugins(json *plugins, struct cni_place *all)
{
	const size_t n = json_len(plugins);
	size_t first = 0; /* of the stage */

	for (size_t i = 0; i < n; i++) {
		all[i].plugin = json_at(plugins, i);
		all[i].ports = json_get_bool(json_get_object(all[i].plugin, "capabilities"), "portMappings", false);
		if (i && !runs_beside(all, first, i))
			first = i;
		all[i].stage = (unsigned)first;
	}
	return n;
}

static size_t find_firewall(const struct cni_place *all, size_t n)
{
	size_t i = 0;

	while (i + 1 < n && strcmp(plugin_type(&all[i]), "firewall") != 0)
		i++;
	return i;
}

size_t cni_plan(json *list, bool rules, struct cni_place **ret)
{
	json *plugins = json_get_array(list, "plugins");
	struct cni_place *all = mem_array(struct cni_place, json_len(plugins) + N_RULES);
	size_t n = plan_plugins(plugins, all);

	if (rules) {
		const size_t of = find_firewall(all, n);

		all[n++] = (struct cni_place){ .family = AF_INET, .ports = true, .stage = all[of].stage, .of = of };
		all[n++] = (struct cni_place){ .family = AF_INET6, .ports = true, .stage = all[of].stage, .of = of };
	}
	*ret = all;
	return n;
}

bool cni_plan_waits(const struct cni_place *all, size_t i, size_t j, bool back)
{
	const struct cni_place *later = &all[back ? j : i], *earlier = &all[back ? i : j];

	if (later->stage != earlier->stage)
		return later->stage > earlier->stage;
	return later->family && !earlier->family && earlier == &all[later->of];
}
