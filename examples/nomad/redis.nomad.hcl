# One task of one group: the job is called redis-cache-0.
#   davit run -f examples/nomad/redis.nomad.hcl -var version=7
variable "version" {
  type    = string
  default = "7"
}

job "redis" {
  datacenters = ["dc1"]
  type        = "service"

  group "cache" {
    network {
      port "db" {
        to = 6379
      }
    }

    task "redis" {
      driver = "docker"

      config {
        image = "docker.io/library/redis:${var.version}"
        ports = ["db"]
        args  = ["redis-server", "--maxmemory", "128mb"]
      }

      resources {
        cpu    = 500
        memory = 256
      }
    }
  }
}
