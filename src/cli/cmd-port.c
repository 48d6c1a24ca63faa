#include "cli.h"
#include "commands.h"
#include "format.h"
#include "job-inspect.h"
#include "mem.h"
#include "port.h"
#include <stdlib.h>
#include <string.h>

/* Which of a job's ports are asked for: "80", "80/tcp"; inside 0: all. */
struct port_wish {
	int64_t inside;
	enum port_proto proto;
};

static int port_wish_parse(const char *text, struct port_wish *ret, struct err *err)
{
	const char *slash = strchr(text, '/');
	char *end;

	*ret = (struct port_wish){ .inside = strtol(text, &end, 10), .proto = PORT_TCP };
	while (slash && ret->proto <= PORT_SCTP && strcmp(slash + 1, port_proto_name(ret->proto)) != 0)
		ret->proto++;
	if (text[0] >= '0' && text[0] <= '9' && (*end == '\0' || end == slash) && ret->inside >= 1 && ret->inside <= UINT16_MAX &&
	    ret->proto <= PORT_SCTP)
		return 0;
	return err_hint(err, err_set(err, ERR_INVALID, "port \"%.80s\": not PORT or PORT/PROTO", text),
			"write 80, 80/tcp or 53/udp");
}

static bool port_is_wished(json *port, const struct port_wish *w)
{
	return !w->inside ||
	       (json_get_int(port, "inside", 0) == w->inside && !strcmp(json_get_str(port, "proto"), port_proto_name(w->proto)));
}

/* As the list of ports has it, which leaves defaults away. */
static json *port_whole(json *port)
{
	json *o = json_new_object();
	const char *ip = json_get_str(port, "host_ip"), *proto = json_get_str(port, "proto");

	json_put_int(o, "inside", json_get_int(port, "inside", 0));
	json_put_str(o, "proto", proto ? proto : port_proto_name(PORT_TCP));
	json_put_str(o, "host_ip", ip ? ip : "0.0.0.0");
	json_put_int(o, "host", json_get_int(port, "host", 0));
	return o;
}

/* "80/tcp -> 0.0.0.0:8080"; of one that was asked for, what stands behind the arrow. */
static int port_print_text(struct cli *cli, json *port, bool alone, struct err *err)
{
	const char *ip = json_get_str(port, "host_ip");
	const bool v6 = strchr(ip, ':') != NULL;
	_cleanup_free_ char *to = mem_printf("%s%s%s:%d", v6 ? "[" : "", ip, v6 ? "]" : "", (int)json_get_int(port, "host", 0));

	if (alone)
		return cli_outf(cli, err, "%s\n", to);
	return cli_outf(cli, err, "%d/%s -> %s\n", (int)json_get_int(port, "inside", 0), json_get_str(port, "proto"), to);
}

static bool port_has_job(json *job)
{
	const char *status = json_get_str(json_get_object(job, "state"), "status");

	return status && (!strcmp(status, "running") || !strcmp(status, "paused"));
}

static int no_such_port(json *job, const struct port_wish *w, struct err *err)
{
	const char *name = json_get_str(job, "name");

	if (!port_has_job(job))
		return err_hint(err, err_set(err, ERR_PRECONDITION, "job %s: is not running", name),
				"start it with: davit start %s", name);
	return err_hint(
		err,
		err_set(err, ERR_NOT_FOUND, "job %s: does not publish port %d/%s", name, (int)w->inside, port_proto_name(w->proto)),
		"davit port %s lists those that it does", name);
}

/* Only what runs has ports. */
static int print_ports(struct cli *cli, json *job, const struct port_wish *w, bool as_json, struct err *err)
{
	json *ports = port_has_job(job) ? json_get_array(json_get_object(job, "job"), "ports") : NULL;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < json_len(ports); i++) {
		_cleanup_json_ json *port = port_whole(json_at(ports, i));

		if (!port_is_wished(port, w))
			continue;
		n++;
		r = as_json ? cli_out_json(cli, port, err) : port_print_text(cli, port, w->inside, err);
	}
	return r >= 0 && w->inside && !n ? no_such_port(job, w, err) : r;
}

static int port_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	struct port_wish wish = { 0 };
	_cleanup_json_ json *job = NULL;
	int r = args->n > 1 ? port_wish_parse(args->v[1], &wish, err) : 0;

	if (r >= 0)
		r = cli_core(cli, err);
	if (r >= 0)
		r = job_inspect(cli->core, args->v[0], &cli->ctx, &job, err);
	return r < 0 ? r : print_ports(cli, job, &wish, format_is_json(opts), err);
}

const struct command cmd_port = {
	.name = "port",
	.usage = "[FLAGS] JOB [PORT[/PROTO]]",
	.summary = "Print where a job's ports are published",
	.text = "A line for each: the port inside the job and the host's. With PORT the host's alone, without a protocol tcp's. A "
		"job\n"
		"that does not run publishes none.",
	.examples = "  davit port web\n  davit port web 80\n  curl \"http://$(davit port web 80/tcp)\"",
	.opts = format_opts,
	.words = COMPLETE_JOB,
	.min = 1,
	.max = 2,
	.size = sizeof(struct format_flags),
	.init = format_init,
	.run = port_run,
};
