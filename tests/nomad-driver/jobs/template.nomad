job "template" {
  datacenters = ["dc1"]

  group "template-group" {
    task "template-task" {
      driver = "containerd-driver"

      config {
        image   = "ubuntu:16.04"
        command = "sleep"
        args    = ["600s"]

        mounts = [
          {
            type    = "bind"
            source  = "local/mosquitto.conf"
            target  = "/mosquitto/config/mosquitto.conf"
            options = ["rbind", "rw"]
          }
        ]
      }

      template {
        destination = "local/mosquitto.conf"
        data        = <<EOF
bind_address 0.0.0.0
allow_anonymous true
EOF
      }

      resources {
        cpu    = 500
        memory = 256
      }
    }
  }
}
