#include "plugin-host.h"
#include "base64.h"
#include "clock.h"
#include "mem.h"
#include "host-methods.h"
#include "status.pb-c.h"
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOG_MAX = 8 << 20, LINE_MAX_BYTES = 64 << 10 };

void handshake_done(struct handshake *h)
{
	free(h->network);
	free(h->address);
	free(h->protocol);
	free(h->cert);
	free(h->multiplex);
	*h = (struct handshake){ 0 };
}

/* The next field, and what follows it; NULL behind the last. */
static char *field_take(const char **rest)
{
	const char *from = *rest, *end;

	if (!from)
		return NULL;
	end = strchrnul(from, '|');
	*rest = *end ? end + 1 : NULL;
	return mem_strndup(from, (size_t)(end - from));
}

static unsigned number_take(const char **rest)
{
	_cleanup_free_ char *text = field_take(rest);

	return text ? (unsigned)strtoul(text, NULL, 10) : 0;
}

int handshake_parse(const char *line, struct handshake *ret, struct err *err)
{
	_cleanup_(handshake_done) struct handshake h = { 0 };
	const char *rest = line;

	h.core = number_take(&rest);
	h.app = number_take(&rest);
	h.network = field_take(&rest);
	h.address = field_take(&rest);
	h.protocol = field_take(&rest);
	h.cert = field_take(&rest);
	h.multiplex = field_take(&rest);
	if (h.core != 1 || h.app != 2 || !h.network || strcmp(h.network, "unix") != 0 || !h.address || *h.address != '/')
		return err_set(err, ERR_INVALID, "handshake \"%s\": not 1|2|unix|/PATH|grpc|", line);
	if (!h.protocol || strcmp(h.protocol, "grpc") != 0 || (h.cert && strlen(h.cert) > 50) || rest)
		return err_set(err, ERR_INVALID, "handshake \"%s\": not grpc without a certificate", line);
	*ret = TAKE_STRUCT(h);
	return 0;
}

void host_done(struct host *p)
{
	grpc_free(p->grpc);
	child_free(p->child);
	handshake_done(&p->said);
	*p = (struct host){ 0 };
}

static void environment(const struct host_spec *spec, struct strv *env)
{
	static const char *const nomads[] = { "PLUGIN_MIN_PORT=10000", "PLUGIN_MAX_PORT=25000", "PLUGIN_PROTOCOL_VERSIONS=2" };

	for (char **e = environ; *e; e++)
		if (strncmp(*e, PLUGIN_COOKIE_KEY "=", strlen(PLUGIN_COOKIE_KEY "=")) != 0)
			strv_push(env, *e);
	for (size_t i = 0; i < sizeof nomads / sizeof *nomads; i++)
		strv_setenv(env, nomads[i]);
	if (!spec->cookie || *spec->cookie)
		strv_pushf(env, PLUGIN_COOKIE_KEY "=%s", spec->cookie ? spec->cookie : PLUGIN_COOKIE);
	if (spec->env)
		strv_setenvs(env, spec->env);
}

/* Its line, without the end, once it is whole; NULL before. */
static char *first_line(struct child *c)
{
	const struct buf *out = child_out(c);
	const char *end = out->len ? memchr(out->data, '\n', out->len) : NULL;

	return end ? mem_strndup(out->data, (size_t)(end - out->data)) : NULL;
}

static int ended_instead(struct host *p, struct err *err)
{
	char how[64];
	const char *log = buf_str(child_err(p->child));

	return err_set(err, ERR_PRECONDITION, "plugin ended without a handshake: %s: %.*s",
		       child_describe(child_status(p->child), how), (int)strcspn(log, "\n"), log);
}

static int await_handshake(struct host *p, struct err *err)
{
	const struct ctx ctx = ctx_within(NULL, HOST_HANDSHAKE_MS);
	_cleanup_free_ char *line = NULL;

	while (!(line = first_line(p->child))) {
		int r;

		if (child_ended(p->child))
			return ended_instead(p, err);
		r = loop_turn(p->loop, &ctx, err);
		if (r < 0)
			return err_wrap(err, r, "handshake");
	}
	return handshake_parse(line, &p->said, err);
}

int host_start(struct host *p, struct loop *loop, const struct host_spec *spec, struct err *err)
{
	_cleanup_strv_ struct strv env = { 0 };
	char *const argv[] = { (char *)(uintptr_t)spec->path, NULL };
	const struct child_spec how = {
		.path = spec->path,
		.argv = argv,
		.out_max = LINE_MAX_BYTES,
		.err_max = LOG_MAX,
		.inherit_err = spec->inherit_err,
	};
	struct child_spec child = how;
	int64_t since = clock_mono();
	int r;

	*p = (struct host){ .loop = loop };
	environment(spec, &env);
	child.envp = strv_argv(&env);
	r = child_start(loop, &child, &p->child, err);
	if (r == 0)
		r = await_handshake(p, err);
	p->ready_ns = clock_mono() - since;
	if (r == 0)
		r = grpc_open(loop, p->said.address, &p->grpc, err);
	return r;
}

int host_attach(struct host *p, struct loop *loop, const char *address, struct err *err)
{
	*p = (struct host){ .loop = loop };
	p->said.address = mem_strdup(address);
	return grpc_open(loop, address, &p->grpc, err);
}

int host_connect(const struct host *p, struct grpc **ret, struct err *err) { return grpc_open(p->loop, p->said.address, ret, err); }

int host_call(struct grpc *g, const struct host_method *m, const ProtobufCMessage *request, const struct ctx *ctx, struct arena *a,
	      const ProtobufCMessage **ret, struct err *err)
{
	_cleanup_(grpc_call_freep) struct grpc_call *call = grpc_start(g, m->path, NULL, ctx);
	_cleanup_buf_ struct buf out = { 0 }, in = { 0 };
	int r;

	pb_pack(request, &out);
	grpc_send(call, buf_str(&out), out.len, true);
	r = grpc_unary_end(call, ctx, &in, err);
	return r < 0 ? r : pb_unpack(m->answer, buf_str(&in), in.len, a, ret, err);
}

static void shutdown_ask(struct host *p, const struct ctx *ctx)
{
	_cleanup_(grpc_call_freep) struct grpc_call *call = grpc_start(p->grpc, "/plugin.GRPCController/Shutdown", NULL, ctx);
	_cleanup_buf_ struct buf in = { 0 };

	grpc_send(call, NULL, 0, true);
	(void)grpc_unary_end(call, ctx, &in, NULL); /* its connection may end before the answer has come */
}

int host_shutdown(struct host *p, int64_t ms, struct err *err)
{
	const struct ctx ctx = ctx_within(NULL, ms);
	int r;

	if (!grpc_alive(p->grpc)) {
		grpc_free(TAKE_PTR(p->grpc));
		(void)host_connect(p, &p->grpc, NULL); /* it may be about to end, and have no socket any more */
	}
	if (p->grpc)
		shutdown_ask(p, &ctx);
	r = child_wait(p->child, &ctx, err);
	if (r < 0)
		child_kill(p->child, SIGKILL);
	return r < 0 ? err_wrap(err, r, "plugin after Shutdown") : r;
}

/* gRPC leaves the padding out. */
static int details_decode(const char *text, struct buf *out)
{
	_cleanup_buf_ struct buf padded = { 0 };

	buf_adds(&padded, text);
	while (padded.len % 4)
		buf_addc(&padded, '=');
	return base64_decode(out, buf_str(&padded), padded.len, NULL);
}

/* RecoverableError is one bool, number 1; false is left out. */
int host_recoverable(const struct grpc_call *call, bool *ret_recoverable)
{
	static const char type[] = "/hashicorp.nomad.plugins.shared.structs.RecoverableError";
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_buf_ struct buf raw = { 0 };
	const ProtobufCMessage *m = NULL;
	const Google__Rpc__Status *status;

	if (details_decode(grpc_details(call), &raw) < 0 || !raw.len ||
	    pb_unpack(&google__rpc__status__descriptor, buf_str(&raw), raw.len, &a, &m, NULL) < 0)
		return 0;
	status = (const Google__Rpc__Status *)m;
	for (size_t i = 0; i < status->n_details; i++) {
		const char *end = strchr(status->details[i]->type_url, '/');

		if (!end || strcmp(end, type) != 0)
			continue;
		*ret_recoverable = status->details[i]->value.len == 2 && !memcmp(status->details[i]->value.data, "\x08\x01", 2);
		return 1;
	}
	return 0;
}
