# What the README of nomad-driver-containerd has beside its examples.
job "options" {
  datacenters = ["dc1"]

  group "options-group" {
    task "options-task" {
      driver = "containerd-driver"

      config {
        image              = "ubuntu:16.04"
        command            = "sleep"
        args               = ["600s"]
        image_pull_timeout = "10m"
        host_dns           = false
        pids_limit         = 100
        shm_size           = "128M"
        seccomp            = true
        seccomp_profile    = "/var/lib/s1/seccomp.json"

        auth {
          username = "user"
          password = "pass"
        }

        mounts = [
          {
            source  = "/var/lib/s1"
            target  = "/target/t1"
            options = ["rbind", "ro"]
          },
          {
            type    = "volume"
            source  = "/var/lib/s1"
            target  = "/target/t2"
            options = ["rbind", "rw"]
          },
          {
            type    = "tmpfs"
            source  = "tmpfs"
            target  = "/target/t3"
            options = ["nosuid", "size=1m"]
          }
        ]
      }

      resources {
        cpu    = 500
        memory = 256
      }
    }
  }
}
