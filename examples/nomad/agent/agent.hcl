# An agent, server and client in one, with containerd-driver: to try it on one machine.
#   nomad agent -config=examples/nomad/agent/agent.hcl -plugin-dir=/usr/local/lib/nomad/plugins
bind_addr = "127.0.0.1"
data_dir  = "/var/lib/nomad"

server {
  enabled          = true
  bootstrap_expect = 1
}

client {
  enabled  = true
  servers  = ["127.0.0.1"]
  cni_path = "/opt/cni/bin:/usr/lib/cni"

  host_volume "stock" {
    path = "/srv/stock"
  }
}

plugin "containerd-driver" {
  config {
    containerd_runtime = "io.containerd.runc.v2"
    allow_privileged   = false
    pids_limit         = 4096

    gc {
      image       = true
      image_delay = "10m"
    }
  }
}
