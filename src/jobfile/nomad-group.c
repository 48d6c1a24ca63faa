/* Of a group: its network, its ports, its volumes. */
#include "nomad.h"
#include "mem.h"
#include <string.h>

#define KEYS(rows) .keys = rows, .n = sizeof rows / sizeof *rows

/* network */

int nomad_network_mode(struct nomad *n, const struct node *v, struct err *err)
{
	const struct field *f = nomad_field(&job_shape, "network");
	struct node *made = NULL;
	const char *mode = NULL;
	int r = nomad_text(n, v, &mode, err);

	if (r < 0 || !mode || !strcmp(mode, "bridge")) /* davit's own bridge */
		return r;
	if (!strncmp(mode, "cni/", 4))
		mode += 4;
	else if (strcmp(mode, "host") != 0 && strcmp(mode, "none") != 0)
		return err_hint(err, nomad_bad(n, v, err, "mode \"%.80s\": not one of Nomad's", mode),
				"bridge, host, none, cni/NAME");
	r = nomad_node(n, v, NODE_TEXT, mode, &made, err);
	return r < 0 ? r : nomad_put(n, f, v->key, made, err);
}

static int port_static(struct nomad *n, const struct node *v, struct err *err)
{
	return nomad_whole(n, v, 0, 65535, &n->now.numbers[0], err);
}

static int port_to(struct nomad *n, const struct node *v, struct err *err)
{
	return nomad_whole(n, v, -1, 65535, &n->now.numbers[1], err);
}

static const struct nomad_key port_keys[] = {
	{ "static", .call = port_static },
	{ "to", .call = port_to },
	{ "host_network", .cluster = true },
	{ "ignore_collision", .cluster = true },
};
static const struct nomad_block port_block = { .name = "", KEYS(port_keys) };

int nomad_port_block(struct nomad *n, const struct node *v, struct err *err)
{
	const struct node *label = hcl_label(v, 0);
	const bool host = n->job->network && !strcmp(n->job->network, "host");
	struct port *p;
	int r;

	n->now = (struct nomad_now){ 0 };
	r = nomad_spend(n, sizeof *p, err);
	if (r >= 0)
		r = nomad_walk(n, &port_block, hcl_body(v), err);
	if (r < 0)
		return err_wrap(err, r, "port %s", label->key);
	if (n->job->n_ports == JOB_PORTS_MAX)
		return nomad_bad_key(n, label, err, "more than %d ports", JOB_PORTS_MAX);
	if (nomad_port(n, label->key))
		return nomad_bad_key(n, label, err, "two ports are called \"%s\"", label->key);
	p = job_add_port(n->job);
	p->name = mem_strdup(label->key);
	p->host = (uint16_t)n->now.numbers[0];
	p->inside = (uint16_t)(n->now.numbers[1] > 0 && !host ? n->now.numbers[1] : n->now.numbers[0]); /* 0: as on the host */
	return 0;
}

/* volumes */

static int volume_type(struct nomad *n, const struct node *v, struct err *err)
{
	const char *type = NULL;
	int r = nomad_text(n, v, &type, err);

	if (r < 0 || !type || !strcmp(type, "host"))
		return r;
	return err_hint(err, nomad_bad(n, v, err, "type \"%.80s\": only \"host\" is known", type),
			"with type \"host\" the source is a volume of davit's, or what --host-volume names");
}

static int volume_source(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->now.source, err); }

static int volume_read_only(struct nomad *n, const struct node *v, struct err *err)
{
	return nomad_switch(n, v, &n->now.read_only, err);
}

static int volume_per_alloc(struct nomad *n, const struct node *v, struct err *err) { return nomad_switch(n, v, &n->now.env, err); }

static const struct nomad_key volume_keys[] = {
	{ "type", .call = volume_type },
	{ "source", .call = volume_source },
	{ "read_only", .call = volume_read_only },
	{ "per_alloc", .call = volume_per_alloc },
	{ "sticky", .cluster = true },
	{ "access_mode", .cluster = true },
	{ "attachment_mode", .cluster = true },
	{ "mount_options", .cluster = true, .is_block = true },
};
static const struct nomad_block volume_block = { .name = "", KEYS(volume_keys) };

int nomad_volume_block(struct nomad *n, const struct node *v, struct err *err)
{
	const struct node *label = hcl_label(v, 0);
	int r;

	n->now = (struct nomad_now){ 0 };
	r = nomad_spend(n, sizeof *n->volumes, err);
	if (r >= 0)
		r = nomad_walk(n, &volume_block, hcl_body(v), err);
	if (r < 0)
		return err_wrap(err, r, "volume %s", label->key);
	if (n->n_volumes == ARRAY_MAX)
		return nomad_bad_key(n, label, err, "more than %d volumes", ARRAY_MAX);
	for (size_t i = 0; i < n->n_volumes; i++)
		if (!strcmp(n->volumes[i].name, label->key))
			return nomad_bad_key(n, label, err, "two volumes are called \"%s\"", label->key);
	n->volumes = mem_resize(n->volumes, (n->n_volumes + 1) * sizeof *n->volumes);
	n->volumes[n->n_volumes++] = (struct nomad_volume){ .name = label->key,
							    .source = n->now.source ? n->now.source : label->key,
							    .read_only = n->now.read_only,
							    .per_alloc = n->now.env };
	return 0;
}
