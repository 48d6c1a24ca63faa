#include "test.h"
#include "cni-cache.h"
#include "file.h"
#include "mem.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[32];

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/test-cache.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return file_remove_tree(dir, NULL);
}

static struct cni_entry *entry(const char *net, const char *id, const char *ifname)
{
	struct cni_entry *e = mem_new(struct cni_entry);
	static const char result[] = "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.0.0.2/24\"}]}";

	e->network = mem_strdup(net);
	e->container_id = mem_strdup(id);
	e->ifname = mem_strdup(ifname);
	e->netns = mem_strdup("/var/run/netns/x");
	e->args = mem_strdup("IP=10.0.0.2;K=a=b");
	buf_adds(&e->config, "{\"name\":\"n\"}");
	e->caps = json_new_object();
	json_put_str(e->caps, "k", "v");
	assert_int_equal(json_parse(result, sizeof result - 1, &e->result, NULL), 0);
	return e;
}

static void keep(const char *net, const char *id, const char *ifname)
{
	_cleanup_(cni_entry_freep) struct cni_entry *e = entry(net, id, ifname);

	assert_int_equal(cni_cache_write(dir, e, NULL), 0);
}

static void put(const char *name, const char *text)
{
	_cleanup_free_ char *path = mem_printf("%s/results/%s", dir, name), *parent = mem_printf("%s/results", dir);

	assert_int_equal(file_mkdirs(parent, 0700, NULL), 0);
	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

/* As libcni writes it, byte by byte but for the order of keys. */
static void written_and_read(void **state)
{
	_cleanup_(cni_entry_freep) struct cni_entry *e = NULL;
	_cleanup_free_ char *path = mem_printf("%s/results/n-c-1-eth0", dir);
	_cleanup_buf_ struct buf text = { 0 };
	struct stat st;

	(void)state;
	keep("n", "c-1", "eth0");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(file_read(path, 4096, &text, NULL), 0);
	assert_string_equal(
		text.data,
		"{\"kind\":\"cniCacheV1\",\"containerId\":\"c-1\",\"config\":\"eyJuYW1lIjoibiJ9\",\"ifName\":\"eth0\","
		"\"networkName\":\"n\",\"netns\":\"/var/run/netns/x\",\"cniArgs\":[[\"IP\",\"10.0.0.2\"],[\"K\",\"a=b\"]],"
		"\"capabilityArgs\":{\"k\":\"v\"},\"result\":{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.0.0.2/24\"}]}}");
	assert_int_equal(cni_cache_read(dir, "n", "c-1", "eth0", &e, NULL), 0);
	assert_string_equal(e->args, "IP=10.0.0.2;K=a=b");
	assert_string_equal(buf_str(&e->config), "{\"name\":\"n\"}");
	assert_string_equal(e->netns, "/var/run/netns/x");
	assert_non_null(json_get_array(e->result, "ips"));
	assert_string_equal(json_get_str(e->caps, "k"), "v");
	assert_int_equal(cni_cache_remove(dir, "n", "c-1", "eth0", NULL), 0);
	assert_int_equal(cni_cache_remove(dir, "n", "c-1", "eth0", NULL), 0);
	cni_entry_free(TAKE_PTR(e));
	assert_int_equal(cni_cache_read(dir, "n", "c-1", "eth0", &e, NULL), -ERR_NOT_FOUND);
}

static void damaged(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"7",
		"{\"kind\":\"cniCacheV2\"}",
		"{\"kind\":\"cniCacheV1\",\"config\":\"%%%\"}",
		"{\"kind\":\"cniCacheV1\",\"config\":\"eyJ\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct cni_entry *e = NULL;
		struct err err = ERR_INIT;

		put("n-c-eth0", texts[i]);
		assert_int_equal(cni_cache_read(dir, "n", "c", "eth0", &e, &err), -ERR_INVALID);
		assert_non_null(strstr(err.msg, "cached result "));
		assert_null(e);
	}
}

/* Fields of the wrong type are as good as absent. */
static void odd_but_sound(void **state)
{
	_cleanup_(cni_entry_freep) struct cni_entry *e = NULL;

	(void)state;
	put("n-c-eth0", "{\"kind\":\"cniCacheV1\",\"containerId\":7,\"networkName\":null,\"cniArgs\":[[\"a\"],7,[\"b\",\"c\"]],"
			"\"capabilityArgs\":[],"
			"\"result\":[]}");
	assert_int_equal(cni_cache_read(dir, "n", "c", "eth0", &e, NULL), 0);
	assert_string_equal(e->args, "b=c");
	assert_null(e->result);
	assert_null(e->caps);
	assert_string_equal(e->container_id, "c");
}

/* Before cniCacheV1 a file was the bare result. */
static void legacy(void **state)
{
	_cleanup_(cni_entry_freep) struct cni_entry *e = NULL;

	(void)state;
	put("n-c-eth0", "{\"cniVersion\":\"0.3.1\",\"ips\":[]}");
	assert_int_equal(cni_cache_read(dir, "n", "c", "eth0", &e, NULL), 0);
	assert_string_equal(e->network, "n");
	assert_string_equal(e->container_id, "c");
	assert_string_equal(e->ifname, "eth0");
	assert_string_equal(json_get_str(e->result, "cniVersion"), "0.3.1");
}

/* "a" of container "b-c" and "a-b" of container "c" have the same file. */
static void another_attachments(void **state)
{
	struct cni_entry *e = NULL;
	struct err err = ERR_INIT;

	(void)state;
	keep("a", "b-c", "eth0");
	assert_int_equal(cni_cache_read(dir, "a-b", "c", "eth0", &e, &err), -ERR_INVALID);
	assert_string_equal(err.msg, "cached result of a-b c eth0: it is that of a b-c eth0");
}

static char *found(const char *id)
{
	struct buf out = { 0 };
	struct list_node all;

	list_init(&all);
	assert_int_equal(cni_cache_find(dir, id, &all, NULL), 0);
	list_for_each(it, &all) {
		struct cni_entry *e = container_of(it, struct cni_entry, node);

		buf_addf(&out, "%s/%s%s ", e->network, e->ifname, e->config.len ? "" : "?");
		list_unlink(it);
		cni_entry_free(e);
	}
	return buf_take(&out);
}

static void assert_found(const char *id, const char *want)
{
	_cleanup_free_ char *got = found(id);

	assert_string_equal(got, want);
}

static void found_by_container(void **state)
{
	(void)state;
	assert_found("c", ""); /* no folder yet */
	keep("one", "c", "eth0");
	keep("one", "c-2", "eth0");
	keep("two", "c", "eth1");
	keep("c", "d", "eth0");
	put("three-c-eth0", "");
	put("four-c-eth0", "{\"cniVersion\":\"0.2.0\"}");
	put("-c-eth0", "");
	put("five-c-", "");
	put("six-cc-eth0", "");
	put("seven-c-eth0.XXXXXX.too.long", "");
	put("eight-c-eth0", "{\"kind\":\"cniCacheV1\",\"containerId\":\"c\",\"networkName\":\"../x\",\"ifName\":\"eth0\"}");
	assert_found("c", "four/eth0? one/eth0 three/eth0? two/eth1 ");
	assert_found("c-2", "one/eth0 ");
	assert_found("d", "c/eth0 ");
	assert_found("e", "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("cni-cache", TEST(written_and_read), TEST(damaged), TEST(odd_but_sound), TEST(legacy), TEST(another_attachments),
	  TEST(found_by_container))
