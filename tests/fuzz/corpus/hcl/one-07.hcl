x = "${NOMAD_A}${NOMAD_B}"
