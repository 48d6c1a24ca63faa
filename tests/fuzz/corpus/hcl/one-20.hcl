x = dirname("/a/b.txt")
