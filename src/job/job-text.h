/* The text forms of single fields, as people write them for flags: each is a field_text_fn of job-table.h. They make the same
 * value that the JSON form has. */
#pragma once
#include "job-table.h"

field_text_fn text_checked; /* a text that is checked at once; "" as though the flag were absent */
field_text_fn text_entrypoint, text_env, text_cpus, text_log, text_network, text_label, text_sysctl, text_extra_host;
field_text_fn text_ports, text_expose, text_volume, text_mount, text_tmpfs, text_device, text_ulimit;
field_text_fn text_seccomp, text_apparmor, text_selinux, text_systempaths, text_mask, text_unmask; /* parts of security-opt */
field_text_fn text_path; /* a path of the host, made absolute */
field_text_fn text_creds, text_restart, text_health_cmd, text_no_health, text_gpus, text_runtime_option;
field_text_fn text_rate, text_weight, text_hugepages;
