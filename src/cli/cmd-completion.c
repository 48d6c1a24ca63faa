/* Completion scripts, written from the tables of commands and flags. Both shells get the same functions, zsh through its
 * bashcompinit; names of jobs, images and volumes are asked of davit itself, which starts no engine for it.
 *
 * The functions: the flags that take a value, with the words it may be (_davit_value), the words and flags of a command
 * (_davit_command), names that davit knows (_davit_ask), and the walk over the line that finds which of them is wanted
 * (_davit_words). Variables that zsh gives a meaning (path, words, status) are not used. */
#include "cli.h"
#include "commands.h"
#include "mem.h"
#include <string.h>

/* The words that stand for @words. @job and its like are asked for at the end, when they are wanted. */
static void words_of(const char *words, struct buf *out)
{
	if (!words || !strcmp(words, COMPLETE_FILE))
		return;
	if (strcmp(words, COMPLETE_COMMAND) != 0) {
		buf_adds(out, words);
		return;
	}
	for (const struct command *const *c = commands; *c; c++)
		buf_addf(out, "%s%s", c == commands ? "" : " ", (*c)->name);
}

/* What a command is called in the scripts: "image-load"; the caller frees. */
static char *key_of(const struct command *c)
{
	char *key = command_path(c), *blank = strchr(key, ' ');

	if (blank)
		*blank = '-';
	return key;
}

/* run:--name|run:-n) offer="..." ;; for each flag that takes a value. */
static void value_cases(const char *key, const struct opt *o, struct buf *out)
{
	for (; o && o->name; o++) {
		if (!o->arg || o->hidden)
			continue;
		buf_addf(out, "    %s:--%s", key, o->name);
		if (o->also)
			buf_addf(out, "|%s:--%s", key, o->also);
		if (o->letter)
			buf_addf(out, "|%s:-%c", key, o->letter);
		buf_adds(out, ") offer=\"");
		words_of(o->words, out);
		for (const char *const *w = o->choices; w && *w; w++)
			buf_addf(out, "%s%s", w == o->choices ? "" : " ", *w);
		buf_adds(out, "\" ;;\n");
	}
}

static void completion_flags_of(const struct opt *o, struct buf *out)
{
	for (; o && o->name; o++)
		if (!o->hidden)
			buf_addf(out, " --%s", o->name);
}

static void command_case(const struct command *c, struct buf *out)
{
	_cleanup_free_ char *key = key_of(c);
	_cleanup_free_ struct opt *opts = command_opts(c);

	buf_addf(out, "    %s) offer=\"", key);
	for (const struct command *const *s = c->sub; s && *s; s++)
		buf_addf(out, "%s%s", s == c->sub ? "" : " ", (*s)->name);
	words_of(c->words, out);
	buf_adds(out, "\"; flags=\"");
	completion_flags_of(opts, out);
	buf_addf(out, "\"%s%s ;;\n", c->sub ? "; group=1" : "", c->stop_at_first ? "; stops=1" : "");
}

typedef void each_fn(const struct command *, struct buf *);

static void each(const struct command *const *list, each_fn *one, struct buf *out)
{
	for (; list && *list; list++) {
		one(*list, out);
		each((*list)->sub, one, out);
	}
}

static void command_values(const struct command *c, struct buf *out)
{
	_cleanup_free_ char *key = key_of(c);
	_cleanup_free_ struct opt *opts = command_opts(c);

	value_cases(key, opts, out);
}

static const char ask[] = "_davit_ask() {\n"
			  "  case $offer in\n"
			  "    " COMPLETE_JOB ") set -- ps -a --format names ;;\n"
			  "    " COMPLETE_IMAGE ") set -- images --format names ;;\n"
			  "    " COMPLETE_VOLUME ") set -- volume ls --format names ;;\n"
			  "    " COMPLETE_NETWORK ") set -- network ls --format names ;;\n"
			  "    *) return ;;\n"
			  "  esac\n"
			  "  offer=$(davit --no-engine \"${global[@]}\" \"$@\" 2>/dev/null)\n"
			  "}\n";

/* The words between the first and the one at the cursor are walked. bash splits words at "=" and ":", zsh does not: they are
 * joined first, and what stands before the last such character is taken off the answers for bash. */
static const char walk[] =
	"_davit_words() {\n"
	"  local cmd=\"\" offer=\"\" flags=\"\" group=\"\" stops=\"\" cur=\"\" before=\"\" w i glue=\"\" skip=\"\" breaks=\"\"\n"
	"  local -a line global\n"
	"  line=() global=() COMPREPLY=()\n"
	"  for ((i = 1; i <= COMP_CWORD; i++)); do\n"
	"    w=${COMP_WORDS[i]}\n"
	"    case $w in\n"
	"      [=:]*) glue=1; cur=$cur$w ;;\n"
	"      *) if [ -n \"$glue\" ]; then cur=$cur$w; glue=\"\"; else [ $i = 1 ] || line+=(\"$cur\"); cur=$w; fi ;;\n"
	"    esac\n"
	"  done\n"
	"  _davit_command\n"
	"  for w in \"${line[@]}\"; do\n"
	"    if [ -n \"$skip\" ]; then\n"
	"      case $skip in -n|--namespace|--address) global+=(\"$skip\" \"$w\") ;; esac\n"
	"      skip=\"\"; continue\n"
	"    fi\n"
	"    case $w in\n"
	"      --namespace=*|--address=*|-n=*) global+=(\"$w\"); continue ;;\n"
	"      --*=*|-?=*) continue ;;\n"
	"      --) return 0 ;;\n"
	"      --*) if _davit_value \"$cmd:$w\"; then skip=$w; fi; continue ;;\n"
	"      -?*) if _davit_value \"$cmd:-${w: -1}\"; then skip=-${w: -1}; fi; continue ;;\n"
	"    esac\n"
	"    if [ -z \"$cmd\" ]; then cmd=$w; elif [ -n \"$group\" ]; then cmd=$cmd-$w; elif [ -n \"$stops\" ]; then return 0; fi\n"
	"    group=\"\"; _davit_command\n"
	"  done\n"
	"  _davit_command\n"
	"  if [ -n \"$skip\" ]; then\n"
	"    _davit_value \"$cmd:$skip\"\n"
	"  else\n"
	"    case $cur in\n"
	"      --*=*) before=${cur%%=*}; _davit_value \"$cmd:$before\" || return 0; before=$before= ;;\n"
	"      -*) offer=$flags ;;\n"
	"    esac\n"
	"  fi\n"
	"  _davit_ask\n"
	"  for w in $offer; do\n"
	"    [[ $before$w == \"$cur\"* ]] && COMPREPLY+=(\"$before$w\")\n"
	"  done\n"
	"  [[ ${COMP_WORDBREAKS-} == *=* ]] && breaks=\"=\"\n"
	"  [[ ${COMP_WORDBREAKS-} == *:* ]] && breaks=\"$breaks:\"\n"
	"  if [ -n \"$breaks\" ] && [[ $cur == *[$breaks]* ]]; then\n"
	"    before=${cur%\"${cur##*[$breaks]}\"}\n"
	"    COMPREPLY=(\"${COMPREPLY[@]#\"$before\"}\")\n"
	"  fi\n"
	"  return 0\n"
	"}\n";

static void script(struct buf *out)
{
	buf_adds(out, ask);
	buf_adds(out, "# Into offer: what the value of a flag, as in run:--pull, may be. False when it takes none.\n"
		      "_davit_value() {\n  offer=\"\"\n  case $1 in\n");
	each(commands, command_values, out);
	value_cases("*", global_opts, out);
	buf_adds(out, "    *) return 1 ;;\n  esac\n}\n"
		      "# Into offer and flags: what may stand behind a command.\n"
		      "_davit_command() {\n  case $cmd in\n    \"\") offer=\"");
	words_of(COMPLETE_COMMAND, out);
	buf_adds(out, "\"; flags=\"\" ;;\n");
	each(commands, command_case, out);
	buf_adds(out, "    *) offer=\"\"; flags=\"\" ;;\n  esac\n  flags=\"$flags");
	completion_flags_of(global_opts, out);
	buf_adds(out, "\"\n}\n");
	buf_adds(out, walk);
}

/* zsh runs the file as a function of its own when it lies in its fpath; sourced, it registers itself. */
static const char zsh_begin[] = "#compdef davit\nautoload -U +X bashcompinit && bashcompinit\n";
static const char zsh_end[] = "if [ \"${funcstack[1]}\" = _davit ]; then _bash_complete -o default -F _davit_words; else\n"
			      "  complete -o default -F _davit_words davit\nfi\n";
static const char bash_begin[] = "# bash completion of davit, made by: davit completion bash\n";
static const char bash_end[] = "complete -o default -F _davit_words davit\n";

static int completion_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	bool zsh = !strcmp(args->v[0], "zsh");

	(void)opts;
	if (!zsh && strcmp(args->v[0], "bash") != 0)
		return err_set(err, ERR_INVALID, "shell \"%s\": completion is there for bash and zsh", args->v[0]);
	buf_adds(&text, zsh ? zsh_begin : bash_begin);
	script(&text);
	buf_adds(&text, zsh ? zsh_end : bash_end);
	return cli_out(cli, text.data, text.len, err);
}

const struct command cmd_completion = {
	.name = "completion",
	.usage = "bash|zsh",
	.summary = "Print a completion script",
	.words = "bash zsh",
	.min = 1,
	.max = 1,
	.text = "An installed davit has it where bash and zsh look for it.",
	.examples = "  source <(davit completion bash)",
	.run = completion_run,
};
