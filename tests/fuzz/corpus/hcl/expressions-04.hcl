x0 = "a  ${~ 1 ~}  b"
x1 = "%{~ if true ~} x %{~ endif ~} "
x2 = <<EOF
a
  b
EOF

x3 = <<-EOF
    a
      b

    c
    EOF

x4 = <<-EOF
    a ${1}
  b
  EOF

x5 = <<EOF
%{ for x in [1, 2] ~}
${x}
%{ endfor ~}
EOF

x6 = <<-EOF
  %{ for x in [1, 2] ~}
  ${x}
  %{ endfor ~}
  end
  EOF

x7 = <<EOF
"quoted" 
 \\ $x $${y} %%{z}
EOF

x8 = "${NOMAD_PORT_http}"
x9 = "x ${NOMAD_ADDR_http}/y"
x10 = "${env["HOME"]}"
x11 = "${attr.kernel.name}-${meta.rack}"
