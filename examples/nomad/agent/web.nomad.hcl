# A web server behind a port of the host, whose page is a template: a new value in the variable reaches it without a restart.
#   nomad var put nomad/jobs/web greeting=hello && nomad job run examples/nomad/agent/web.nomad.hcl
job "web" {
  type = "service"

  group "site" {
    network {
      mode = "bridge"

      port "http" {
        to = 8080
      }
    }

    service {
      provider = "nomad"
      name     = "site"
      port     = "http"

      check {
        type     = "http"
        path     = "/index.html"
        interval = "5s"
        timeout  = "2s"
      }
    }

    task "server" {
      driver       = "containerd-driver"
      kill_timeout = "2s"

      config {
        image           = "docker.io/library/busybox:latest"
        command         = "httpd"
        args            = ["-f", "-p", "${NOMAD_PORT_http}", "-h", "${NOMAD_TASK_DIR}/www"]
        readonly_rootfs = true
        cap_drop        = ["ALL"]
        init            = true
      }

      template {
        destination   = "local/www/index.html"
        change_mode   = "signal"
        change_signal = "SIGHUP"
        data          = <<EOT
{{ with nomadVar "nomad/jobs/web" }}{{ .greeting }}{{ end }} from {{ env "NOMAD_ALLOC_INDEX" }}
EOT
      }

      resources {
        cpu        = 100
        memory     = 32
        memory_max = 64
      }
    }
  }
}
