#include "ref.h"
#include "digest.h"
#include "mem.h"
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { NAME_MAX_ = 255, TAG_MAX = 128 };

void ref_done(struct ref *r)
{
	free(r->host);
	free(r->path);
	free(r->tag);
	free(r->digest);
	free(r->name);
	*r = (struct ref){ 0 };
}

static bool lower(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

static bool alnum(char c) { return lower(c) || (c >= 'A' && c <= 'Z'); }

/* What may stand between two runs of letters and digits: one dot, one or two underscores, any number of dashes. */
static size_t separator(const char *s)
{
	size_t dashes = strspn(s, "-");

	if (*s == '.')
		return 1;
	if (*s == '_')
		return s[1] == '_' ? 2 : 1;
	return dashes;
}

/* path-component ["/" path-component]* up to the end of @s. */
static bool path_valid(const char *s)
{
	for (;;) {
		size_t n = 0;

		while (lower(s[n]))
			n++;
		if (!n)
			return false;
		s += n;
		if (!*s)
			return true;
		n = *s == '/' ? 1 : separator(s);
		if (!n)
			return false;
		s += n;
	}
}

static bool tag_valid(const char *s)
{
	size_t n = strlen(s);

	if (!n || n > TAG_MAX || !(alnum(*s) || *s == '_'))
		return false;
	for (; *s; s++)
		if (!alnum(*s) && !strchr("_.-", *s))
			return false;
	return true;
}

static bool port_valid(const char *s)
{
	size_t n = strspn(s, "0123456789");
	long port = n <= 5 ? strtol(s, NULL, 10) : 0;

	return !s[n] && port >= 1 && port <= 65535;
}

/* A DNS name, an IPv4 address or an IPv6 address in brackets, with or without a port. */
static bool host_valid(const char *s)
{
	const char *end = s;

	if (*s == '[') {
		end = s + 1 + strspn(s + 1, "0123456789abcdefABCDEF:");
		if (end == s + 1 || *end++ != ']')
			return false;
	} else {
		while (alnum(*end) || ((*end == '.' || *end == '-') && end > s && (alnum(end[1]) || end[1] == '-')))
			end++;
	}
	return end > s && (!*end || (*end == ':' && port_valid(end + 1)));
}

/* The first component is a registry when it cannot be a user's name on Docker Hub. */
static bool host_like(const char *s, size_t n)
{
	if (n == 9 && strncmp(s, "localhost", 9) == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (strchr(".:[", s[i]) || isupper((unsigned char)s[i]))
			return true;
	return false;
}

static const char *split_host(const char *s, struct ref *ref)
{
	const char *slash = strchr(s, '/');

	if (!slash || !host_like(s, (size_t)(slash - s))) {
		ref->host = mem_strdup("docker.io");
		return s;
	}
	ref->host = mem_strndup(s, (size_t)(slash - s));
	if (strcmp(ref->host, "index.docker.io") == 0) {
		free(ref->host);
		ref->host = mem_strdup("docker.io");
	}
	return slash + 1;
}

/* Cuts "@digest" and ":tag" off @rest. */
static void split_tail(char *rest, struct ref *ref)
{
	char *at = strchr(rest, '@'), *colon;

	if (at) {
		*at = '\0';
		ref->digest = mem_strdup(at + 1);
	}
	colon = strrchr(rest, ':');
	if (colon) {
		*colon = '\0';
		ref->tag = mem_strdup(colon + 1);
	} else if (!at) {
		ref->tag = mem_strdup("latest");
	}
}

/* "sha256:1111..." as a name with a tag reads like an image's digest, and says nothing of it. */
static bool like_digest(const char *s)
{
	static const char *const algorithms[] = { "sha256", "sha384", "sha512" };

	for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
		if (strncmp(s, algorithms[i], 6) == 0 && (!s[6] || strchr(":@", s[6])))
			return true;
	return false;
}

static bool official(const struct ref *ref)
{
	return strcmp(ref->host, "docker.io") == 0 && strncmp(ref->path, "library/", 8) == 0;
}

static void set_path(struct ref *ref, const char *path)
{
	bool bare = strcmp(ref->host, "docker.io") == 0 && !strchr(path, '/');

	ref->path = mem_printf("%s%s", bare ? "library/" : "", path);
}

static const char *fault(const struct ref *ref, const char *path)
{
	const char *p;

	for (p = path; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			return "a repository name is in lower case";
	if (!*path)
		return "the repository's name is missing";
	if (digest_hex(path, 64))
		return "64 hexadecimal digits are a digest, not a name";
	if (official(ref) && like_digest(ref->path + 8))
		return "it is called as a digest is";
	if (!strcmp(ref->host, "https:") || !strcmp(ref->host, "http:"))
		return "it begins with the registry's host, without https://";
	if (!host_valid(ref->host))
		return "the registry's name is not a host";
	if (!path_valid(path))
		return "a repository name has letters and digits, with . _ __ or - between them";
	if (strlen(ref->host) + 1 + strlen(ref->path) > NAME_MAX_)
		return "the name is longer than 255 bytes";
	if (ref->tag && !tag_valid(ref->tag))
		return "a tag has at most 128 letters, digits, _ . and -";
	if (ref->digest && !digest_valid(ref->digest))
		return "a digest is sha256: and 64 lower-case hexadecimal digits";
	return NULL;
}

int ref_parse(const char *s, struct ref *ret, struct err *err)
{
	_cleanup_(ref_done) struct ref ref = { 0 };
	_cleanup_free_ char *path = NULL;
	const char *wrong;

	path = mem_strdup(split_host(s, &ref));
	split_tail(path, &ref);
	set_path(&ref, path);
	wrong = fault(&ref, path);
	if (wrong)
		return err_set(err, ERR_INVALID, "image \"%.300s\": %s", s, wrong);
	ref.name = mem_printf("%s/%s%s%s%s%s", ref.host, ref.path, ref.tag ? ":" : "", ref.tag ? ref.tag : "",
			      ref.digest ? "@" : "", ref.digest ? ref.digest : "");
	*ret = TAKE_STRUCT(ref);
	return 0;
}

const char *ref_familiar(const char *name)
{
	const char *slash;

	if (strncmp(name, "docker.io/", 10) != 0)
		return name;
	if (strncmp(name + 10, "library/", 8) == 0 && !strchr(name + 18, '/'))
		return like_digest(name + 18) ? name : name + 18;
	slash = strchr(name + 10, '/');
	return slash && !host_like(name + 10, (size_t)(slash - name - 10)) ? name + 10 : name;
}
