#include "etc.h"
#include "file.h"
#include "mem.h"
#include <arpa/inet.h>
#include <string.h>

enum { HOST_FILE_MAX = 256 << 10 };
#define SYSTEMD_FILE "/run/systemd/resolve/resolv.conf"

void resolv_done(struct resolv *r)
{
	strv_done(&r->servers);
	strv_done(&r->search);
	strv_done(&r->options);
}

static void resolv_line(struct resolv *r, const struct strv *words)
{
	const char *key = words->n ? words->v[0] : "";

	if (*key == '#' || *key == ';' || words->n < 2)
		return;
	if (!strcmp(key, "nameserver")) {
		strv_push(&r->servers, words->v[1]);
		return;
	}
	if (!strcmp(key, "search") || !strcmp(key, "domain"))
		strv_done(&r->search); /* the last one counts: resolv.conf(5) */
	else if (strcmp(key, "options") != 0)
		return;
	for (size_t i = 1; i < words->n; i++)
		strv_push(strcmp(key, "options") ? &r->search : &r->options, words->v[i]);
}

void resolv_parse(struct resolv *r, const char *data, size_t len)
{
	while (len) {
		const char *nl = memchr(data, '\n', len);
		size_t n = nl ? (size_t)(nl - data) : len;
		_cleanup_free_ char *line = mem_strndup(data, n);
		_cleanup_strv_ struct strv words = { 0 };

		strv_split(&words, line, " \t\r\f\v");
		resolv_line(r, &words);
		data += n + (nl != NULL);
		len -= n + (nl != NULL);
	}
}

/* A server that only the host itself reaches: loopback, or link-local with the host's interface in it. */
static bool host_only(const char *server)
{
	struct in6_addr v6;

	return !strncmp(server, "127.", 4) || strchr(server, '%') ||
	       (inet_pton(AF_INET6, server, &v6) == 1 && (IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_LINKLOCAL(&v6)));
}

static void drop_host_only(struct strv *servers)
{
	struct strv kept = { 0 };

	for (size_t i = 0; i < servers->n; i++)
		if (!host_only(servers->v[i]))
			strv_push(&kept, servers->v[i]);
	strv_done(servers);
	*servers = kept;
}

static void resolv_read(struct resolv *r, const char *file, bool host_net)
{
	_cleanup_buf_ struct buf text = { 0 };

	if (file_read(file, HOST_FILE_MAX, &text, NULL) < 0)
		return; /* no file is as good as an empty one */
	resolv_parse(r, text.data, text.len);
	if (!host_net)
		drop_host_only(&r->servers);
}

static void resolv_from_host(const char *host_file, bool host_net, struct resolv *ret)
{
	_cleanup_(resolv_done) struct resolv upstream = { 0 };

	resolv_read(ret, host_file, host_net);
	if (ret->servers.n || host_net)
		return;
	resolv_read(&upstream, SYSTEMD_FILE, false);
	strv_add(&ret->servers, &upstream.servers);
	if (ret->servers.n)
		return;
	strv_push(&ret->servers, "8.8.8.8");
	strv_push(&ret->servers, "8.8.4.4");
}

static bool is_word(const char *s)
{
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return false;
	return *s;
}

static void put_words(struct buf *out, const char *key, const struct strv *words)
{
	bool begun = false;

	for (size_t i = 0; i < words->n; i++) {
		if (!is_word(words->v[i]))
			continue;
		buf_addf(out, "%s %s", begun ? "" : key, words->v[i]);
		begun = true;
	}
	if (begun)
		buf_addc(out, '\n');
}

static const struct strv *first_of(const struct strv *a, const struct strv *b, const struct strv *c)
{
	return a->n ? a : b->n ? b : c;
}

void etc_resolv_conf(struct buf *out, const char *host_file, const struct resolv *own, const struct resolv *net, bool host_net)
{
	_cleanup_(resolv_done) struct resolv host = { 0 };
	static const struct resolv none;
	const struct strv *servers, *search;

	net = net ? net : &none;
	resolv_from_host(host_file, host_net, &host);
	servers = first_of(&own->servers, &net->servers, &host.servers);
	for (size_t i = 0; i < servers->n; i++)
		if (is_word(servers->v[i]))
			buf_addf(out, "nameserver %s\n", servers->v[i]);
	search = first_of(&own->search, &net->search, &host.search);
	if (!(search->n == 1 && !strcmp(search->v[0], "."))) /* "." alone: no search list */
		put_words(out, "search", search);
	put_words(out, "options", first_of(&own->options, &net->options, &host.options));
}

/* "name:ip", the address perhaps in brackets. */
static void put_extra_host(struct buf *out, const char *entry, const char *gateway)
{
	const char *colon = strchr(entry, ':'), *ip = colon ? colon + 1 : NULL;
	size_t n;

	if (!ip || colon == entry)
		return;
	if (!strcmp(ip, "host-gateway"))
		ip = gateway;
	if (!ip || !*ip)
		return;
	ip += *ip == '[';
	n = strcspn(ip, "]/");
	buf_addf(out, "%.*s\t%.*s\n", (int)n, ip, (int)(colon - entry), entry);
}

void etc_hosts(struct buf *out, const struct strv *extra, const char *gateway)
{
	buf_adds(out, "127.0.0.1\tlocalhost\n"
		      "::1\tlocalhost ip6-localhost ip6-loopback\n"
		      "fe00::\tip6-localnet\n"
		      "ff00::\tip6-mcastprefix\n"
		      "ff02::1\tip6-allnodes\n"
		      "ff02::2\tip6-allrouters\n");
	for (size_t i = 0; extra && i < extra->n; i++)
		if (strcspn(extra->v[i], "\n\r") == strlen(extra->v[i]))
			put_extra_host(out, extra->v[i], gateway);
}

static bool stood_before(const struct strv *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names->v[i], names->v[n]))
			return true;
	return false;
}

/* What is no word, or would be a comment, would change the lines that follow. */
void etc_hosts_line(struct buf *out, const char *ip, const struct strv *names)
{
	bool begun = false;

	for (size_t i = 0; i < names->n; i++) {
		if (!is_word(names->v[i]) || strchr(names->v[i], '#') || stood_before(names, i))
			continue;
		if (begun)
			buf_addf(out, " %s", names->v[i]);
		else
			buf_addf(out, "%.*s\t%s", (int)strcspn(ip, "/"), ip, names->v[i]);
		begun = true;
	}
	if (begun)
		buf_addc(out, '\n');
}

/* The lines around our part: a job may write them too, so the last pair that belongs together counts. */
#define PART_BEGIN "# davit: jobs of its networks\n"
#define PART_END "# davit: end\n"

/* The last line @mark before @end, NULL: none. */
static const char *find_mark(const char *text, const char *end, const char *mark)
{
	const size_t n = strlen(mark);

	for (const char *p = (size_t)(end - text) < n ? NULL : end - n; p && p >= text; p--)
		if ((p == text || p[-1] == '\n') && !memcmp(p, mark, n))
			return p;
	return NULL;
}

void etc_hosts_keep(struct buf *out, const char *is, size_t len, const struct buf *lines)
{
	const char *end = is + len, *to = find_mark(is, end, PART_END), *from = to ? find_mark(is, to, PART_BEGIN) : NULL;
	const char *rest = from ? to + strlen(PART_END) : end;

	buf_add(out, is, (size_t)((from ? from : end) - is));
	if (lines->len) {
		if (out->len && out->data[out->len - 1] != '\n')
			buf_addc(out, '\n');
		buf_adds(out, PART_BEGIN);
		buf_add(out, lines->data, lines->len);
		buf_adds(out, PART_END);
	}
	buf_add(out, rest, (size_t)(end - rest));
}
