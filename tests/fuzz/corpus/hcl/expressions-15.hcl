x0 = dirname("/a/b.txt")
x1 = try(local.nothing, "x")
x2 = can(1 + "a")
x3 = can(1)
x4 = convert("5", number)
x5 = convert([1, 2], list(string))
x6 = convert(["b", "a", "b"], set(string))
x7 = convert({ a = 1 }, map(string))
x8 = 1 +
x9 = 1 2
x10 = "a
x11 = "\q"
