x = split("", "ab")
