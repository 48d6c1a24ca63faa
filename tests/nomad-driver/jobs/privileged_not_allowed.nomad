job "privileged_not_allowed" {
  datacenters = ["dc1"]

  group "privileged_not_allowed-group" {
    task "privileged_not_allowed-task" {
      driver = "containerd-driver"

      config {
        image      = "ubuntu:16.04"
        command    = "sleep"
        args       = ["600s"]
        privileged = true
      }

      resources {
        cpu    = 500
        memory = 256
      }
    }
  }
}
