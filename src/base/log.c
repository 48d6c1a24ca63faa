#include "log.h"
#include "buf.h"
#include "clock.h"
#include "json.h"
#include "utf8.h"

static struct {
	enum log_level max;
	enum log_form form;
	const char *module;
} sink = { .max = LOG_WARN, .module = "davit" };

static const char *const names[] = { "error", "warning", "info", "debug" };

/* hclog: three strings that its reader takes for granted, six decimals, and a line below 64 KiB, also when each byte becomes
 * \u00XX. */
enum { HCLOG_TEXT_MAX = 8 << 10, HCLOG_DECIMALS_END = 26 };

void log_init(enum log_level max, enum log_form form)
{
	sink.max = max;
	sink.form = form;
}

void log_module(const char *name) { sink.module = name; }

static void put_hclog(struct buf *line, enum log_level level, const struct buf *msg)
{
	static const char *const levels[] = { "error", "warn", "info", "debug" };
	char now[CLOCK_TEXT];

	(void)clock_rfc3339(clock_wall(), now);
	now[HCLOG_DECIMALS_END] = 'Z';
	now[HCLOG_DECIMALS_END + 1] = '\0';
	buf_addf(line, "{\"@level\":\"%s\",\"@message\":", levels[level]);
	json_quote(line, buf_str(msg), msg->len < HCLOG_TEXT_MAX ? msg->len : HCLOG_TEXT_MAX);
	buf_addf(line, ",\"@module\":\"%s\",\"@timestamp\":\"%s\"}\n", sink.module, now);
}

bool log_wants(enum log_level level) { return level <= sink.max; }

void log_line(enum log_level level, const char *fmt, ...)
{
	_cleanup_buf_ struct buf msg = { 0 }, line = { 0 };
	char now[CLOCK_TEXT];
	va_list ap;

	if (!log_wants(level))
		return;
	va_start(ap, fmt);
	buf_vaddf(&msg, fmt, ap);
	va_end(ap);
	if (sink.form == LOG_JSON) {
		buf_addf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"msg\":", clock_rfc3339(clock_wall(), now), names[level]);
		json_quote(&line, buf_str(&msg), msg.len);
		buf_adds(&line, "}\n");
	} else if (sink.form == LOG_LOGRUS) {
		buf_addf(&line, "time=\"%s\" level=%s msg=", clock_rfc3339(clock_wall(), now), names[level]);
		json_quote(&line, buf_str(&msg), msg.len);
		buf_adds(&line, "\n");
	} else if (sink.form == LOG_HCLOG) {
		put_hclog(&line, level, &msg);
	} else {
		if (msg.data)
			utf8_disarm(msg.data);
		buf_addf(&line, "davit: %s%s%s\n", level == LOG_ERROR ? "" : names[level], level == LOG_ERROR ? "" : ": ",
			 buf_str(&msg));
	}
	(void)!write(STDERR_FILENO, line.data, line.len); /* one write: lines of several processes stay whole */
}
