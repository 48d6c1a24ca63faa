x = sha512("")
