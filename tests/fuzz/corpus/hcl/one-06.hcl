x = <<-EOF
  %{ for x in [1, 2] ~}
  ${x}
  %{ endfor ~}
  end
  EOF

