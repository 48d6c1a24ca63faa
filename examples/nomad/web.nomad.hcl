# Two instances of a group: a prestart task that writes the page, the server, and a sidecar beside it that reads its log.
#   davit run -f examples/nomad/web.nomad.hcl
variable "image" {
  type    = string
  default = "docker.io/library/busybox:latest"
}

locals {
  greeting = "hello from ${var.image}"
}

job "web" {
  type = "service"

  meta {
    owner = "examples"
  }

  group "site" {
    count = 2

    network {
      mode     = "bridge"
      hostname = "site"

      port "http" {
        to = 8080
      }
    }

    restart {
      attempts = 3
      delay    = "5s"
    }

    task "page" {
      driver = "containerd-driver"

      lifecycle {
        hook = "prestart"
      }

      config {
        image   = var.image
        command = "sh"
        args    = ["-c", "cp /local/index.html /alloc/index.html"]
      }

      template {
        destination = "local/index.html"
        data        = <<-EOT
          ${local.greeting}: instance {{ env "NOMAD_ALLOC_INDEX" }} of {{ env "NOMAD_META_owner" }}
        EOT
      }

      resources {
        cpu    = 100
        memory = 32
      }
    }

    task "server" {
      driver       = "containerd-driver"
      leader       = true
      kill_timeout = "2s"
      user         = "nobody"

      config {
        image   = var.image
        command = "httpd"
        args    = ["-f", "-v", "-p", "${NOMAD_PORT_http}", "-h", "${NOMAD_ALLOC_DIR}"]
      }

      env {
        INSTANCE = "${NOMAD_ALLOC_NAME}"
      }

      resources {
        cpu        = 200
        memory     = 64
        memory_max = 128
      }

      service {
        name = "site"
        port = "http"

        check {
          type     = "http"
          path     = "/"
          interval = "10s"
          timeout  = "2s"
        }
      }
    }

    task "watch" {
      driver = "containerd-driver"

      lifecycle {
        hook    = "poststart"
        sidecar = true
      }

      config {
        image   = var.image
        command = "sh"
        args    = ["-c", "while sleep 5; do wget -q -O /alloc/seen http://127.0.0.1:${NOMAD_PORT_http}/index.html; done"]
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }
  }
}
