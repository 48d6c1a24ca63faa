/* The labels that davit gives to what it makes in containerd, all in one place. People's own cannot begin so (check_label()). */
#pragma once

#define LABEL_PREFIX "davit."

/* Of a job's claim, a lease (claim.h); the first two are on the container record too. */
#define CLAIM_JOB LABEL_PREFIX "job"         /* name */
#define CLAIM_ID LABEL_PREFIX "id"           /* of the container */
#define CLAIM_NETWORK LABEL_PREFIX "network" /* NAME,... */
#define CLAIM_NETNS LABEL_PREFIX "netns"
#define CLAIM_JOINS \
	LABEL_PREFIX "joins"             /* id of the job whose network it is in (netshare.h); at a later start it may be another \
					  */
#define CLAIM_PORTS LABEL_PREFIX "ports" /* "*:18080/tcp,127.0.0.1:53/udp,..." */
#define CLAIM_SNAPSHOTTER LABEL_PREFIX "snapshotter"

/* Of the container record (record.h). */
#define RECORD_REMOVE LABEL_PREFIX "remove" /* "1" for --rm */
/* When it had been made (RFC 3339). A --rm job loses it once it is started; one that is made and started at once never has it. */
#define RECORD_COMPLETE LABEL_PREFIX "complete"
#define RECORD_STARTED LABEL_PREFIX "started"         /* when it was last started (RFC 3339); none: never */
#define RECORD_EXIT LABEL_PREFIX "exit"               /* "CODE TIME" of the last exit, once the task is gone */
#define RECORD_TASK_EXIT LABEL_PREFIX "task-exit"     /* of a job of several tasks, on each task's: its own, as RECORD_EXIT */
#define RECORD_MOUNT_LABEL LABEL_PREFIX "mount-label" /* SELinux label of the container's root; none: it has none */
#define RECORD_OF LABEL_PREFIX "of"                   /* of a further task: the job's id, which is its first container's */
#define RECORD_SET LABEL_PREFIX "set"                 /* of which set the job is; none: of none */
#define RECORD_STOPPED LABEL_PREFIX "stopped"         /* when a person stopped it (RFC 3339), since it was last started */
#define RECORD_UPDATED LABEL_PREFIX "updated"         /* when its limits or its policy were last changed (RFC 3339) */
#define RECORD_RESTARTS LABEL_PREFIX "restarts"       /* restart-policy.h: what its ends have counted up, when it is due */
#define RECORD_BOOT LABEL_PREFIX "boot"               /* in which boot it was last started (boot-id.h) */
#define RECORD_TROUBLE LABEL_PREFIX "trouble"         /* why its last restart came to nothing */
#define RECORD_PLACE LABEL_PREFIX "place"             /* its number in the set, as in its file */
#define RECORD_RECOVERY \
	LABEL_PREFIX "recovery"             /* recovery.h: the id of the job of its set whose failure it is started again for \
					     */
#define RECORD_HEALTH LABEL_PREFIX "health" /* of each task, once a check has made up its mind: health.h */
/* Of a job of several tasks, with RECORD_RESTARTS and RECORD_TROUBLE, of task N as LABEL.N (monitored_label()): */
#define RECORD_BEGUN LABEL_PREFIX "begun" /* when that task was last started alone (RFC 3339) */
#define RECORD_DONE LABEL_PREFIX "done"   /* its end, as RECORD_EXIT, after which it is not started again while the others run */
/* Of a job that an agent of Nomad's looks after: its allocation. The name is Nomad's. */
#define RECORD_AGENT "com.hashicorp.nomad.alloc_id"
/* Its extension: the job's JSON. */
#define RECORD_JOB LABEL_PREFIX "job"
#define RECORD_JOB_TYPE "davit.v1.Job"

/* Annotations of the spec of a task in a user namespace, with a number behind: struct spec_map's sources. */
#define SPEC_MAPPED LABEL_PREFIX "mapped."

/* Of the top snapshot of an image that davit-image unpacked with overlayfs: struct image's layers. A snapshot's folders stay as
 * long as it does. */
#define IMAGE_LAYERS LABEL_PREFIX "layers"
/* Of an image record that was made for a task of Nomad's: who may remove it again (driver/task-images.h). */
#define IMAGE_MADE_FOR LABEL_PREFIX "made-for"
#define IMAGE_MADE_FOR_NOMAD "nomad"
/* Of an image record, behind it a platform: "TARGET MANIFEST CONFIG CHAIN", the way from the target to a platform's configuration,
 * all by digest. A reader trusts it only when TARGET is what the record points to. */
#define PLATFORM_LABELS LABEL_PREFIX "image/"
