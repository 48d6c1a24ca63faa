# A batch job in two steps: one task prepares, the next reads what it made, writes into the host's volume, and ends.
#   nomad job run examples/nomad/agent/batch.nomad.hcl
job "batch" {
  type = "batch"

  group "steps" {
    volume "stock" {
      type   = "host"
      source = "stock"
    }

    task "prepare" {
      driver = "containerd-driver"

      lifecycle {
        hook = "prestart"
      }

      config {
        image   = "docker.io/library/busybox:latest"
        command = "sh"
        args    = ["-c", "seq 1 100 > ${NOMAD_ALLOC_DIR}/data/numbers"]
      }

      resources {
        cpu    = 50
        memory = 16
      }
    }

    task "sum" {
      driver = "containerd-driver"
      user   = "nobody"

      config {
        image      = "docker.io/library/busybox:latest"
        entrypoint = ["sh", "-c"]
        args       = ["awk '{ s += $1 } END { print s }' /alloc/data/numbers | tee /stock/sum"]
        tmpfs      = ["/scratch"]
        pids_limit = 64

        ulimit {
          nofile = "512:1024"
        }

        labels {
          purpose = "example"
        }
      }

      volume_mount {
        volume      = "stock"
        destination = "/stock"
      }

      resources {
        cpu    = 50
        memory = 16
      }
    }
  }
}
