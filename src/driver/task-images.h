/* Images of tasks: what is not there is fetched by davit-image, once however many tasks wait for it, and what was fetched so is
 * removed again when no container has been made from it for a while. All of it is for the thread of the loop, and nothing here
 * waits.
 *
 * A start finds the image by itself (pull: never). Only where it does not, or its task says force_pull or load, somebody asks
 * task_images_want(), and starts once more. */
#pragma once
#include "dict.h"
#include "driver-conf.h"
#include "list.h"
#include "loop.h"
#include "plugin.h"

struct task_images;

/* The options are kept by a reference. Nothing is ever removed before they were said once more, with a plugin. */
struct task_images *task_images_new(struct loop *, struct driver_conf *);
/* The operator has said what is wanted (SetConfig). What is on its way goes on. @plugin: whose workers ask containerd what is in
 * use; NULL: nothing is removed. */
void task_images_configure(struct task_images *, struct plugin *, struct driver_conf *);
/* Pulls are ended; who waits is not told. The plugin has been drained. */
void task_images_free(struct task_images *);
DEFINE_CLEANUP(struct task_images, task_images_free)

struct image_want {
	struct driver_conf *conf;        /* where it is to be; a reference is kept; NULL: what was configured last */
	const char *name;                /* in full (ref.h) */
	const char *platform;            /* "linux/arm64"; NULL: the host's */
	const char *snapshotter;         /* NULL: the namespace's */
	const char *username, *password; /* NULL: who we are says the file, then the helper */
	const char *auth_file, *helper;  /* Docker's config.json; docker-credential-HELPER; NULL: none */
	int auth_fd;                     /* > 0: that file, where its name is not to be opened; the caller's, a copy is kept */
	bool auth_soft_fail;             /* refused, or a helper that fails: once more as nobody */
	int64_t timeout_ns;              /* of this wait; 0: none */
	int load_fd;                     /* > 0: the archive that it is read from instead; the caller's, a copy is kept */
	const char *load_name;           /* its name, for messages */
};

/* Who we are at the image's registry, of the options auth of the task and of the plugin: the task's where it says anything, else
 * the plugin's, each whole; in it a name and a password before a file, a file before a helper. Those that are said to be for
 * another registry are none. @host: of the image's reference (ref.h). All stay the options'. */
void image_want_login(struct image_want *, const char *host, const struct conf_auth *task, const struct conf_auth *plugin);

/* Who waits; stands inside its owner, who keeps it until done() has been called or image_wait_end(). The owner sets the functions.
 */
struct image_wait {
	/* Once, in a turn to come: 0, and the image is there; else its error, and image_may_come() says whether a later try may do.
	 */
	void (*done)(void *arg, int r, const struct err *err);
	/* For people: what is done, at once, and how far it is, every few seconds at most; may be NULL. */
	void (*event)(void *arg, const char *message, const struct dict *annotations);
	void *arg;
	/* ours: */
	struct list_node node;
	struct image_pull *pull;
	struct timer timer;
	int64_t timeout_ns;
};
/* The same image wanted by several is fetched once. */
void task_images_want(struct task_images *, const struct image_want *, struct image_wait *);
/* It waits no more; a pull that nobody waits for is ended. One that does not wait: nothing. */
void image_wait_end(struct image_wait *);

/* Is the error of a pull one that passes (a registry or containerd that is away, time that ran out), so that Nomad's restart policy
 * is what counts? Refused, absent or damaged ones are not. */
bool image_may_come(int r);

/* An image that a start is under way with, though no container tells of it yet; stands inside its owner. */
struct image_hold {
	struct list_node node;
	char *name;
};
void task_images_hold(struct task_images *, const char *name, struct image_hold *);
void image_hold_done(struct image_hold *); /* of a zeroed one: nothing */
/* A task has been removed, or we have just begun: look for images that nobody uses. Containers and labels in containerd say which
 * those are, so a plugin that comes back knows as much as one that went on. */
void task_images_look(struct task_images *);
