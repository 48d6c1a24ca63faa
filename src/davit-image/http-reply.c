/* What a server answers: its headers and body as they come, where it leads, and why it failed. */
#include "http-reply.h"
#include "mem.h"
#include "url.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	REDIRECTS = 10,
	STREAM_MAX = 1 << 20, /* untaken bytes of a stream before it pauses */
	HEADERS_MAX = 64,
	HEADER_MAX = 8192,
	HEAD_MAX = 256 << 10, /* bytes of all headers of an answer */
	REDIRECT_BODY = 64 << 10,
};

static bool leads_elsewhere(const struct http_reply *r)
{
	int status = http_status(r);

	return (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) && http_header(r, "location");
}

size_t http_reply_on_body(char *p, size_t size, size_t n, void *arg)
{
	struct http_reply *r = arg;

	n *= size;
	if (leads_elsewhere(r)) { /* what such an answer says is not for us; much of it is not waited for */
		r->passed += n;
		return r->passed > REDIRECT_BODY ? 0 : n;
	}
	if (r->stream && r->body.len >= STREAM_MAX) {
		r->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (!r->stream && n > r->max - r->body.len) {
		r->too_long = true;
		return 0;
	}
	buf_add(&r->body, p, n);
	return n;
}

static void reply_take_header(struct http_reply *r, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n), *end = line + n;
	_cleanup_free_ char *key = NULL, *value = NULL;
	const char *before;

	if (!colon || n > HEADER_MAX || r->got.n >= HEADERS_MAX)
		return;
	key = mem_strndup(line, (size_t)(colon - line));
	for (char *c = key; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	for (colon++; colon < end && (*colon == ' ' || *colon == '\t'); colon++)
		;
	while (end > colon && isspace((unsigned char)end[-1]))
		end--;
	before = dict_get(&r->got, key);
	value = mem_printf("%s%s%.*s", before ? before : "", before ? ", " : "", (int)(end - colon), colon);
	dict_set(&r->got, key, value);
}

size_t http_reply_on_header(char *p, size_t size, size_t n, void *arg)
{
	struct http_reply *r = arg;

	n *= size;
	r->head += n;
	r->head_too_long = r->head > HEAD_MAX;
	if (r->head_too_long)
		return 0;
	if (n > 5 && strncasecmp(p, "HTTP/", 5) == 0)
		dict_done(&r->got); /* the next answer, after one of 1xx or a redirect */
	else
		reply_take_header(r, p, n);
	return n;
}

size_t http_reply_on_send(char *p, size_t size, size_t n, void *arg)
{
	struct http_reply *r = arg;
	size_t has = http_unsent(r);

	n *= size;
	n = n < has ? n : has;
	if (!n && r->left) {
		r->starved = true;
		return CURL_READFUNC_PAUSE;
	}
	memcpy(p, r->out.data + r->taken, n);
	r->taken += n;
	r->left -= (int64_t)n;
	if (r->taken == r->out.len) {
		buf_reset(&r->out);
		r->taken = 0;
	}
	return n;
}

void http_feed(struct http_reply *r, const void *p, size_t n)
{
	buf_drop(&r->out, r->taken); /* what has gone: else all of a blob stays that the network is slower with than containerd */
	r->taken = 0;
	buf_add(&r->out, p, n);
	if (!r->starved || r->ended)
		return;
	r->starved = false;
	(void)curl_easy_pause(r->easy, CURLPAUSE_CONT);
}

size_t http_unsent(const struct http_reply *r) { return r->out.len - r->taken; }

const char *http_url(const struct http_reply *r) { return r->url; }

void http_reply_set_headers(struct http_reply *r)
{
	const char *authorization = r->own_authorization;

	if (http_elsewhere(r))
		authorization = r->authorize ? r->authorize(r->authorize_arg, r->url) : NULL;
	free(r->authorization);
	r->authorization = mem_strdup(authorization);
	curl_slist_free_all(TAKE_PTR(r->headers));
	if (r->accept)
		r->headers = curl_slist_append(r->headers, r->accept);
	for (size_t i = 0; i < r->own.n && !http_elsewhere(r); i++)
		r->headers = curl_slist_append(r->headers, r->own.v[i]);
	if (r->authorization) {
		_cleanup_free_ char *line = mem_printf("Authorization: %s", r->authorization);

		r->headers = curl_slist_append(r->headers, line);
	}
	(void)curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
}

char *http_location(const struct http_reply *r)
{
	const char *said = http_header(r, "location");
	CURLU *u = curl_url();
	char *full = NULL, *url = NULL;

	if (!u)
		abort(); /* memory */
	if (said && curl_url_set(u, CURLUPART_URL, r->url, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_URL, said, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &full, 0) == CURLUE_OK)
		url = mem_strdup(full);
	curl_free(full);
	curl_url_cleanup(u);
	return url;
}

/* A form holds a secret: it is for whom it was meant. */
static bool may_lead_to(const struct http_reply *r, const char *url)
{
	const char *host, *path;
	bool from_tls, tls;
	size_t n;

	return url && url_split(url, &tls, &host, &n, &path) == 0 && url_split(r->url, &from_tls, &host, &n, &path) == 0 &&
	       (tls || !from_tls) && !r->form;
}

bool http_reply_redirect(struct http_reply *r)
{
	_cleanup_free_ char *url = NULL;

	if (r->sends || (r->result != CURLE_OK && r->passed <= REDIRECT_BODY) || !leads_elsewhere(r))
		return false;
	url = http_location(r);
	r->not_allowed = !may_lead_to(r, url);
	r->too_many = ++r->redirects > REDIRECTS;
	if (r->not_allowed || r->too_many)
		return false;
	(void)curl_multi_remove_handle(r->h->multi, r->easy);
	free(r->url);
	r->url = TAKE_PTR(url);
	r->passed = 0;
	http_reply_set_headers(r);
	(void)curl_easy_setopt(r->easy, CURLOPT_URL, r->url);
	(void)curl_multi_add_handle(r->h->multi, r->easy);
	return true;
}

bool http_ended(const struct http_reply *r) { return r->ended; }

int http_status(const struct http_reply *r)
{
	long status = 0;

	(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

const char *http_header(const struct http_reply *r, const char *lower) { return dict_get(&r->got, lower); }

const char *http_authorization(const struct http_reply *r) { return r->authorization; }

const char *http_elsewhere(const struct http_reply *r)
{
	const char *host, *path, *its_host, *its_path;
	size_t n, its_n;
	bool tls, its_tls;

	if (url_split(r->asked, &tls, &host, &n, &path) == 0 && url_split(r->url, &its_tls, &its_host, &its_n, &its_path) == 0 &&
	    tls == its_tls && n == its_n && strncasecmp(host, its_host, n) == 0)
		return NULL;
	return r->url;
}

int64_t http_offset(const struct http_reply *r, int64_t asked)
{
	const char *range = http_header(r, "content-range");
	char *end = NULL;
	int64_t at;

	if (http_status(r) != 206)
		return 0;
	if (!range)
		return asked;
	if (strncasecmp(range, "bytes ", 6) != 0 || !isdigit((unsigned char)range[6]))
		return -1;
	errno = 0;
	at = strtoll(range + 6, &end, 10);
	return errno || *end != '-' ? -1 : at;
}

struct buf *http_body(struct http_reply *r) { return &r->body; }

void http_take(struct http_reply *r, struct buf *to)
{
	buf_done(to);
	*to = TAKE_STRUCT(r->body);
	if (!r->paused)
		return;
	r->paused = false;
	(void)curl_easy_pause(r->easy, CURLPAUSE_CONT);
}

static const struct {
	CURLcode result;
	enum errc code;
	bool transient;
	const char *text, *hint;
} failures[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, ERR_UNAVAILABLE, false, "the host name cannot be resolved",
	  "check the registry's name and /etc/resolv.conf" },
	{ CURLE_COULDNT_RESOLVE_PROXY, ERR_UNAVAILABLE, false, "the proxy's name cannot be resolved", "check https_proxy" },
	{ CURLE_COULDNT_CONNECT, ERR_UNAVAILABLE, true, NULL, NULL },
	{ CURLE_OPERATION_TIMEDOUT, ERR_DEADLINE, true, NULL, NULL },
	{ CURLE_PEER_FAILED_VERIFICATION, ERR_PERMISSION, false, NULL,
	  "trust its authority with ca in /etc/containerd/certs.d/HOST/hosts.toml" },
	{ CURLE_SSL_CACERT_BADFILE, ERR_INVALID, false, "a ca file of hosts.toml cannot be read", NULL },
	{ CURLE_SSL_CERTPROBLEM, ERR_INVALID, false, NULL, NULL },
	{ CURLE_SSL_CONNECT_ERROR, ERR_UNAVAILABLE, false, NULL,
	  "a registry without TLS is named http://... in /etc/containerd/certs.d/HOST/hosts.toml" },
	{ CURLE_OUT_OF_MEMORY, ERR_EXHAUSTED, false, /* so says libcurl */
	  "a line of the answer's headers is longer than 100 KiB", NULL },
	{ CURLE_URL_MALFORMAT, ERR_INVALID, false, NULL, NULL },
	{ CURLE_UNSUPPORTED_PROTOCOL, ERR_INVALID, false, NULL, NULL },
	{ CURLE_PARTIAL_FILE, ERR_UNAVAILABLE, true, "the connection ended early", NULL },
	{ CURLE_GOT_NOTHING, ERR_UNAVAILABLE, true, NULL, NULL },
	{ CURLE_RECV_ERROR, ERR_UNAVAILABLE, true, NULL, NULL },
	{ CURLE_SEND_ERROR, ERR_UNAVAILABLE, true, NULL, NULL },
	{ CURLE_SEND_FAIL_REWIND, ERR_UNAVAILABLE, true, "the connection ended early", NULL },
	{ CURLE_HTTP2, ERR_UNAVAILABLE, true, NULL, NULL },
	{ CURLE_HTTP2_STREAM, ERR_UNAVAILABLE, true, NULL, NULL },
};
enum { N_FAILURES = sizeof failures / sizeof *failures };

bool http_transient(const struct http_reply *r)
{
	for (size_t i = 0; i < N_FAILURES; i++)
		if (failures[i].result == r->result)
			return failures[i].transient;
	return false;
}

bool http_no_tls(const struct http_reply *r) { return r->result == CURLE_SSL_CONNECT_ERROR; }

static const char *failure_text(const struct http_reply *r)
{
	long sys = 0;

	if (r->result == CURLE_COULDNT_CONNECT)
		(void)curl_easy_getinfo(r->easy, CURLINFO_OS_ERRNO, &sys);
	if (sys)
		return strerrordesc_np((int)sys);
	return *r->text ? r->text : curl_easy_strerror(r->result);
}

int http_result(const struct http_reply *r, struct err *err)
{
	const char *text = failure_text(r);

	if (r->too_long)
		return err_set(err, ERR_EXHAUSTED, "the answer is longer than %zu bytes", r->max);
	if (r->head_too_long)
		return err_set(err, ERR_EXHAUSTED, "the answer's headers are longer than %d KiB", HEAD_MAX >> 10);
	if (r->not_allowed)
		return err_set(err, ERR_PERMISSION, "it redirects to an address that is not allowed");
	if (r->too_many)
		return err_set(err, ERR_UNAVAILABLE, "more than %d redirects", REDIRECTS);
	if (r->result == CURLE_OK)
		return 0;
	for (size_t i = 0; i < N_FAILURES; i++) {
		if (failures[i].result != r->result)
			continue;
		(void)err_set(err, failures[i].code, "%s", failures[i].text ? failures[i].text : text);
		return failures[i].hint ? err_hint(err, -(int)failures[i].code, "%s", failures[i].hint) : -(int)failures[i].code;
	}
	return err_set(err, ERR_UNAVAILABLE, "%s", text);
}
