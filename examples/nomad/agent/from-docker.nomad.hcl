# A job as Nomad's docker driver has it: only the driver's name is another.
#   nomad job run examples/nomad/agent/from-docker.nomad.hcl
job "from-docker" {
  type = "service"

  group "app" {
    network {
      port "http" {
        static = 18090
      }
    }

    task "app" {
      driver = "containerd-driver"

      config {
        image       = "busybox:latest"
        command     = "httpd"
        args        = ["-f", "-p", "18090", "-h", "/www"]
        work_dir    = "/www"
        hostname    = "app"
        ports       = ["http"]
        cap_drop    = ["net_raw"]
        extra_hosts = ["db:127.0.0.1"]
        shm_size    = 33554432

        mount {
          type     = "bind"
          source   = "local/index.html"
          target   = "/www/index.html"
          readonly = true
        }

        mount {
          type   = "tmpfs"
          target = "/cache"

          tmpfs_options {
            size = 1048576
          }
        }
      }

      template {
        destination = "local/index.html"
        data        = "as with docker\n"
      }

      resources {
        cpu    = 100
        memory = 32
      }
    }
  }
}
