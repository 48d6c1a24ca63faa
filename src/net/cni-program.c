#include "cni-program.h"
#include "cni-net.h"
#include "cni-wish.h"
#include "forward.h"
#include "mem.h"
#include <stdlib.h>
#include <string.h>

static const char *const verb_names[] = { "ADD", "DEL", "CHECK" };

static json *runtime_config(const struct cni_op *op, json *plugin)
{
	json *can = json_get_object(plugin, "capabilities"), *out = NULL;

	if (!can || !op->entry->caps)
		return NULL;
	json_object_object_foreach(op->entry->caps, key, value) {
		if (!json_get_bool(can, key, false))
			continue;
		if (!out)
			out = json_new_object();
		json_put(out, key, json_object_get(value));
	}
	return out;
}

void cni_program_input(const struct cni_op *op, json *plugin, struct buf *out)
{
	_cleanup_json_ json *conf = json_new_object();
	json *rc = runtime_config(op, plugin), *args = cni_wish_args(op->list, plugin, op->entry->caps);

	json_object_object_foreach(plugin, key, value) {
		if (strcmp(key, "capabilities") != 0)
			json_put(conf, key, json_object_get(value));
	}
	json_put_str(conf, "name", op->entry->network);
	json_put_str(conf, "cniVersion", op->version);
	if (rc)
		json_put(conf, "runtimeConfig", rc);
	if (args)
		json_put(conf, "args", args);
	if (op->entry->result && (op->verb == CNI_ADD || cni_version(op->version) >= CNI_0_4_0))
		json_put(conf, "prevResult", json_object_get(op->entry->result));
	json_write(conf, out);
}

/* Plugins look for iptables in PATH, and that of a user who became root by su(1) has no sbin. */
void cni_program_env(const struct cni_op *op, struct strv *env)
{
	const char *path = getenv("PATH");
	_cleanup_free_ char *args = cni_wish_env(op->list, op->entry->args, op->entry->caps);

	for (char **e = environ; *e; e++)
		if (strncmp(*e, "CNI_", 4) != 0 && strncmp(*e, "PATH=", 5) != 0)
			strv_push(env, *e);
	strv_pushf(env, "PATH=%s%s" FORWARD_PATH, path ? path : "", path && *path ? ":" : "");
	strv_pushf(env, "CNI_COMMAND=%s", verb_names[op->verb]);
	strv_pushf(env, "CNI_CONTAINERID=%s", op->entry->container_id);
	strv_pushf(env, "CNI_NETNS=%s", op->entry->netns ? op->entry->netns : "");
	strv_pushf(env, "CNI_IFNAME=%s", op->entry->ifname);
	strv_pushf(env, "CNI_PATH=%s", op->path);
	if (args)
		strv_pushf(env, "CNI_ARGS=%s", args);
}

static enum errc code_of(int64_t cni)
{
	switch (cni) {
	case 11: return ERR_UNAVAILABLE;
	case 4:
	case 6:
	case 7: return ERR_INVALID;
	case 1:
	case 2: return ERR_UNIMPLEMENTED;
	default: return ERR_INTERNAL;
	}
}

/* Adds ": " and @text, its white space folded: iptables speaks in several lines. */
static void add_folded(struct buf *out, const char *text)
{
	_cleanup_strv_ struct strv words = { 0 };

	strv_split(&words, text ? text : "", " \t\r\n");
	for (size_t i = 0; i < words.n; i++)
		buf_addf(out, "%s%s", i ? " " : out->len ? ": " : "", words.v[i]);
}

int cni_program_error(struct child *child, int status, struct err *err)
{
	_cleanup_json_ json *j = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	struct buf *out = child_out(child);
	enum errc code = ERR_INTERNAL;
	char how[64];
	int r;

	if (json_parse(buf_str(out), out->len, &j, NULL) >= 0 && json_get_str(j, "msg")) {
		code = code_of(json_get_int(j, "code", 999));
		add_folded(&text, json_get_str(j, "msg"));
		add_folded(&text, json_get_str(j, "details"));
	}
	if (!text.len) {
		buf_adds(&text, child_describe(status, how));
		add_folded(&text, buf_str(child_err(child)));
	}
	r = err_set(err, code, "%s", text.data);
	return strstr(text.data, "tables\": executable file not found") ? err_hint(err, r, "apt-get install iptables") : r;
}
