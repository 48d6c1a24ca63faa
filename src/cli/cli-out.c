/* What the program says: results on standard output, notices and errors on standard error. */
#include "cli.h"
#include "log.h"
#include "ref.h"
#include "term.h"
#include "utf8.h"
#include <limits.h>
#include <poll.h>
#include <string.h>

/* While nobody reads (a pager, a stopped terminal) an interrupt is heard; what there is room for is said even after one. */
static int out_await_room(const struct cli *cli, struct err *err)
{
	const struct cancel *cancel = cli->ctx.cancel;
	struct pollfd p[2] = { { .fd = STDOUT_FILENO, .events = POLLOUT }, { .fd = cancel ? cancel->fd : -1, .events = POLLIN } };
	int r;

	do
		r = poll(p, 2, -1);
	while (r < 0 && errno == EINTR);
	return r > 0 && !p[0].revents ? ctx_check(&cli->ctx, err) : 0;
}

static int out_write_all(struct cli *cli, const char *text, size_t len, struct err *err)
{
	while (len && !cli->out_closed) {
		int r = out_await_room(cli, err);
		ssize_t n;

		if (r < 0)
			return r;
		n = write(STDOUT_FILENO, text, len < PIPE_BUF ? len : PIPE_BUF); /* which does not block where there is room */
		if (n >= 0) {
			text += n;
			len -= (size_t)n;
		} else if (errno == EPIPE) {
			cli->out_closed = true;
		} else if (errno != EINTR && errno != EAGAIN) {
			return err_sys(err, errno, "standard output");
		}
	}
	return 0;
}

/* The one gate to standard output: what peers and jobs put into names and labels cannot command a terminal. */
int cli_out(struct cli *cli, const char *text, size_t len, struct err *err)
{
	_cleanup_buf_ struct buf plain = { 0 };

	if (!isatty(STDOUT_FILENO))
		return out_write_all(cli, text, len, err);
	(void)utf8_disarm_text(&plain, text, len);
	return out_write_all(cli, buf_str(&plain), plain.len, err);
}

int cli_outf(struct cli *cli, struct err *err, const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	return cli_out(cli, buf_str(&text), text.len, err);
}

int cli_out_removed(struct cli *cli, int r, const char *noun, const struct strv *names, bool dry_run, struct err *err)
{
	int out = 0;

	for (size_t i = 0; out >= 0 && i < names->n; i++)
		out = cli_outf(cli, r < 0 ? NULL : err, "%s %s%s\n", dry_run ? "would remove" : "removed", noun,
			       ref_familiar(names->v[i]));
	return r < 0 ? r : out;
}

int cli_out_json(struct cli *cli, json *j, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };

	json_write(j, &text);
	buf_addc(&text, '\n');
	return cli_out(cli, buf_str(&text), text.len, err);
}

int cli_out_pretty(struct cli *cli, json *j, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };

	json_write_pretty(j, &text);
	buf_addc(&text, '\n');
	return cli_out(cli, text.data, text.len, err);
}

int cli_out_table(struct cli *cli, const struct table *t, bool whole, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };

	table_write(t, whole ? 0 : term_width(STDOUT_FILENO), &text);
	term_disarm(STDOUT_FILENO, text.data);
	return cli_out(cli, text.data, strlen(text.data), err);
}

static size_t lines_in(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* Each line ends what stood in its place, and the last one all that stood below. */
int cli_out_screen(struct cli *cli, const char *text, struct err *err)
{
	const unsigned height = term_height(STDOUT_FILENO);
	const size_t n = lines_in(text), fit = height > 2 && n > height - 1 ? height - 2 : n;
	_cleanup_buf_ struct buf screen = { 0 };

	buf_adds(&screen, "\033[H");
	for (size_t i = 0; i < fit; i++) {
		const size_t len = strcspn(text, "\n");

		(void)utf8_disarm_text(&screen, text, len);
		buf_adds(&screen, "\033[K\n");
		text += len + 1;
	}
	if (fit < n)
		buf_addf(&screen, "... and %zu lines more, for which the terminal is too low\033[K\n", n - fit);
	buf_adds(&screen, "\033[J");
	return out_write_all(cli, screen.data, screen.len, err);
}

void cli_notice(const struct cli *cli, const char *fmt, ...)
{
	_cleanup_buf_ struct buf line = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&line, fmt, ap);
	va_end(ap);
	buf_adds(&line, "");
	utf8_disarm(line.data);
	term_disarm(STDERR_FILENO, line.data);
	if (cli->global.json_log)
		log_info("%s", line.data);
	else
		dprintf(STDERR_FILENO, "davit: %s\n", line.data);
}

/* Where nothing better is known: whoever is not root mostly lacks just that. */
static const char *remedy_of(const struct cli *cli, const struct err *e)
{
	bool denied = e->code == ERR_PERMISSION && cli->fail_code == EXIT_DAVIT && geteuid() != 0;

	return e->hint[0] ? e->hint : denied ? "run as root: sudo davit ..." : err_remedy(e);
}

/* "MESSAGE (REMEDY)"; what stands in parentheses at the end of the message is joined by it. */
static void add_error_message(const char *msg, const char *remedy, struct buf *out)
{
	size_t n = strlen(msg);
	const char *open = strrchr(msg, '(');
	bool joined = remedy && open && open > msg && open[-1] == ' ' && strchr(open, ')') == msg + n - 1;

	buf_add(out, msg, joined ? n - 1 : n);
	if (remedy)
		buf_addf(out, "%s%s)", joined ? "; " : " (", remedy);
}

void cli_report(const struct cli *cli, const struct err *e)
{
	_cleanup_buf_ struct buf line = { 0 };
	bool color = !cli->global.json_log && term_color(STDERR_FILENO);
	const char *remedy = remedy_of(cli, e);

	add_error_message(e->msg, remedy, &line);
	term_disarm(STDERR_FILENO, line.data);
	if (cli->global.json_log || !color) {
		log_error("%s", buf_str(&line));
		return;
	}
	dprintf(STDERR_FILENO, "\033[31mdavit:\033[0m %s\n", buf_str(&line)); /* err_set() disarmed the text */
}
