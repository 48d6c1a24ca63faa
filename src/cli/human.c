#include "human.h"
#include "clock.h"
#include "mem.h"
#include <string.h>

const char *human_size(int64_t bytes, char out[HUMAN_TEXT])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double n = (double)bytes;
	size_t unit = 0;
	int decimals;

	for (; n >= 999.5 && unit + 1 < sizeof units / sizeof *units; unit++)
		n /= 1000;
	decimals = unit == 0 || n >= 99.95 ? 0 : n >= 9.995 ? 1 : 2;
	(void)snprintf(out, HUMAN_TEXT, "%.*f%s", decimals, n, units[unit]);
	return out;
}

const char *human_memory(uint64_t bytes, char out[HUMAN_TEXT])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double n = (double)bytes;
	size_t unit = 0;

	for (; n >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
		n /= 1024;
	(void)snprintf(out, HUMAN_TEXT, "%.4g%s", n, units[unit]);
	return out;
}

const char *human_span(int64_t ns, char out[HUMAN_TEXT])
{
	static const struct {
		int64_t seconds, from;
		const char *name;
	} units[] = {
		{ 365 * 86400, 2 * 365 * 86400, "year" },
		{ 30 * 86400, 2 * 30 * 86400, "month" },
		{ 7 * 86400, 2 * 7 * 86400, "week" },
		{ 86400, 2 * 86400, "day" },
		{ 3600, 2 * 3600, "hour" },
		{ 60, 2 * 60, "minute" },
		{ 1, 0, "second" },
	};
	int64_t s = ns > 0 ? ns / NSEC_PER_SEC : 0;
	size_t i = 0;

	while (s < units[i].from)
		i++;
	s /= units[i].seconds;
	(void)snprintf(out, HUMAN_TEXT, "%lld %s%s", (long long)s, units[i].name, s == 1 ? "" : "s");
	return out;
}

const char *human_ago(int64_t then, int64_t now, char out[HUMAN_TEXT])
{
	char span[HUMAN_TEXT];

	out[0] = '\0';
	if (!then)
		return out;
	(void)human_span(now - then, span);
	(void)snprintf(out, HUMAN_TEXT, "%.40s ago", span);
	return out;
}

char *human_date(int64_t wall_ns)
{
	time_t seconds = wall_ns / NSEC_PER_SEC;
	struct tm tm;
	char text[64];

	if (!wall_ns || !localtime_r(&seconds, &tm) || !strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z %Z", &tm))
		return mem_strdup("");
	return mem_strdup(text);
}
