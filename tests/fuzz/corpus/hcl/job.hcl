variable "img" {
  type = string
  default = "redis"
}
variable "n" { default = 3 }
locals {
  a = "${var.img}:7"
  b = [for i in [1,2,3] : i * 2 if i > 1]
}
// hi
job "x" {
  /* multi
  line */
  count = var.n # c
  group "g" {
    network {
      port "http" { to = 80 }
    }
    task "t" {
      driver = "docker"
      config {
        image = local.a
        args  = ["-p", "${NOMAD_PORT_http}", "$${foo}", env["HOME"], "${ NOMAD_X }"]
        x = { a = 1, b : "two"
          c = [] }
      }
      template {
        data = <<-EOT
          hello ${var.img}
            world
          %{ for x in local.b ~}
          item ${x}
          %{ endfor ~}
          end
        EOT
        destination = "local/x"
      }
      dynamic "env" {
        for_each = { a = 1, b = 2 }
        labels = [env.key]
        content { v = env.value }
      }
      meta = { y = true ? 1 : "x", "z.z" = 1.50, w = local.b[*] }
    }
  }
}
