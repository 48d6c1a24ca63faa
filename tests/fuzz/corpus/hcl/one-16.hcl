x = sort(["b", "a", "C"])
