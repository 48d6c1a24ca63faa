x = "%{ if false }yes%{ endif }."
