x = substr("hello", 2, -1)
