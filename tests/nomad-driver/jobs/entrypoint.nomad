job "entrypoint" {
  datacenters = ["dc1"]

  group "entrypoint-group" {
    task "entrypoint-task" {
      driver = "containerd-driver"

      config {
        image      = "ubuntu:16.04"
        entrypoint = ["/bin/bash"]
        args       = ["-c", "while true; do echo container1 container2; sleep 1; done"]
      }

      resources {
        cpu    = 500
        memory = 256
      }
    }
  }
}
