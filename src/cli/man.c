/* davit(1). The page is committed as docs/davit.1, so that installing needs no run of the program; a test compares. */
#include "help.h"
#include "mem.h"
#include <string.h>

#define DATE "2026-11-24"

/* @s as roff text: backslashes and dashes escaped, and a line that would be taken for a request defused. */
static void roff(struct buf *out, const char *s)
{
	for (bool begin = true; *s; begin = *s == '\n', s++) {
		if (begin && (*s == '.' || *s == '\''))
			buf_adds(out, "\\&");
		if (*s == '-')
			buf_adds(out, "\\-");
		else if (*s == '\\')
			buf_adds(out, "\\e");
		else
			buf_addc(out, *s);
	}
}

/* An empty line is a new paragraph, a line that begins with a blank stands as it is. */
static void paragraphs(struct buf *out, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		_cleanup_free_ char *line = mem_strndup(text, len);

		if (!len)
			buf_adds(out, ".PP\n");
		roff(out, line);
		if (len)
			buf_addc(out, '\n');
		text += len + (text[len] == '\n');
	}
}

static void flag(struct buf *out, const struct opt *o)
{
	buf_adds(out, ".TP\n");
	if (o->letter)
		buf_addf(out, "\\fB\\-%c\\fR, ", o->letter);
	buf_adds(out, "\\fB\\-\\-");
	roff(out, o->name);
	buf_adds(out, "\\fR");
	if (o->also) {
		buf_adds(out, ", \\fB\\-\\-");
		roff(out, o->also);
		buf_adds(out, "\\fR");
	}
	if (o->arg) {
		buf_adds(out, " \\fI");
		roff(out, o->arg);
		buf_adds(out, "\\fR");
	}
	buf_addc(out, '\n');
	roff(out, o->help);
	buf_adds(out, ".\n");
}

/* A topic is a paragraph of its own in front of its flags; "Flags" and "Global" say nothing that the heading does not. */
static void flags(struct buf *out, const struct opt *o)
{
	for (; o && o->name; o++) {
		if (o->topic && !o->hidden && strcmp(o->topic, "Flags") != 0 && strcmp(o->topic, "Global") != 0)
			buf_addf(out, ".PP\n\\fI%s\\fR\n", o->topic);
		if (!o->hidden)
			flag(out, o);
	}
}

static void command(struct buf *out, const struct command *cmd)
{
	_cleanup_free_ char *path = command_path(cmd);
	_cleanup_free_ struct opt *opts = command_opts(cmd);

	buf_adds(out, ".SS \"davit ");
	roff(out, path);
	buf_adds(out, *cmd->usage ? " " : "");
	roff(out, cmd->usage);
	buf_adds(out, "\"\n");
	roff(out, cmd->summary);
	buf_adds(out, ".\n");
	if (cmd->text) {
		buf_adds(out, ".PP\n");
		paragraphs(out, cmd->text);
	}
	flags(out, opts);
	if (cmd->examples) {
		buf_adds(out, ".PP\n\\fIExamples\\fR\n.PP\n.nf\n");
		roff(out, cmd->examples);
		buf_adds(out, "\n.fi\n");
	}
	for (const struct command *const *sub = cmd->sub; sub && *sub; sub++)
		command(out, *sub);
}

static const char description[] =
	"davit runs container jobs through containerd: it makes the network, the file system and the process of a job, "
	"forwards its ports, keeps its logs, and cleans up after it. No daemon of its own is needed. When nothing listens "
	"at containerd's default address and none was named, davit starts a containerd of its own (davit engine).\n"
	"\n"
	"A job is named by its name, its id, or three or more characters that its id begins with. Flags may be joined (-it), "
	"take their value behind a blank or an equals sign, and end at \"--\". Results go to standard output, everything for "
	"people to standard error; lists are printed as JSON lines with --format json.\n";

static const char ending[] =
	".SH \"EXIT STATUS\"\n"
	"run, start \\-\\-attach and exec end with the exit status of the job's process, 128+N when signal N killed it.\n"
	".TP\n125\nan error of davit itself, in every command: output that was lost (a full disk) is one\n"
	".TP\n126\nthe job's command cannot be invoked\n"
	".TP\n127\nthe job's command is not found\n"
	".TP\n130, 143, 129\ninterrupted by SIGINT, SIGTERM, SIGHUP; what had been begun is undone\n"
	".TP\n141\nwhoever read the output has gone (run, start \\-\\-attach, exec, logs); the job goes on\n"
	".TP\n1\ndoctor found an error\n"
	".SH ENVIRONMENT\n"
	"CONTAINERD_ADDRESS, CONTAINERD_NAMESPACE, CONTAINERD_SNAPSHOTTER, CNI_PATH and NETCONFPATH stand for the global "
	"flags that name them; a flag wins. DAVIT_RUNTIME is the runtime of jobs that name none: davit where its shim is "
	"installed beside davit, else runc. NO_COLOR switches colours off.\n"
	".SH FILES\n"
	".TP\n/run/davit\nstate of running jobs\n"
	".TP\n/var/lib/davit\nlogs, volumes, and the engine's data\n"
	".TP\n/etc/cni/net.d\nnetworks\n"
	".SH \"SEE ALSO\"\n.BR ctr (8),\n.BR runc (8),\n.BR crun (1)\n";

void help_man(struct buf *out)
{
	buf_adds(out, ".TH DAVIT 1 " DATE " \"davit " DAVIT_VERSION "\" \"User Commands\"\n.SH NAME\n"
		      "davit \\- run container jobs through containerd\n.SH SYNOPSIS\n"
		      ".B davit\n[\\fIFLAGS\\fR] \\fICOMMAND\\fR [\\fIFLAGS\\fR] [\\fIARGUMENT\\fR...]\n.SH DESCRIPTION\n");
	paragraphs(out, description);
	buf_adds(out, ".SH \"GLOBAL FLAGS\"\nBefore or after the command.\n");
	flags(out, global_opts);
	buf_adds(out, ".SH COMMANDS\n");
	for (const struct command *const *cmd = commands; *cmd; cmd++)
		command(out, *cmd);
	buf_adds(out, ending);
}
