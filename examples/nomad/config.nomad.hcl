# A configuration file from a template, mounted where the program wants it, and a volume that outlives the job.
#   davit volume create data && davit run -f examples/nomad/config.nomad.hcl
job "config" {
  type = "batch"

  group "once" {
    volume "data" {
      type   = "host"
      source = "data"
    }

    task "copy" {
      driver = "docker"

      config {
        image           = "docker.io/library/busybox:latest"
        entrypoint      = ["sh", "-c"]
        args            = ["cat /etc/app.conf | tee /data/app.conf"]
        readonly_rootfs = true
        cap_drop        = ["all"]

        mount {
          type     = "bind"
          source   = "local/app.conf"
          target   = "/etc/app.conf"
          readonly = true
        }

        ulimit {
          nofile = "1024:2048"
        }
      }

      volume_mount {
        volume      = "data"
        destination = "/data"
      }

      template {
        destination = "${NOMAD_TASK_DIR}/app.conf"
        change_mode = "noop"
        perms       = "0640"
        data        = <<EOT
[app]
name = {{ env "NOMAD_JOB_NAME" | toUpper }}
{{- range $i, $w := split "," "a,b" }}
word{{ $i }} = {{ $w }}
{{- end }}
EOT
      }
    }
  }
}
