x0 = ["a"].0
x1 = { a = { b = 3 } }.a.b
x2 = { a = 1 }["a"]
x3 = { a = 1 }[lower("A")]
x4 = abs(-3)
x5 = ceil(1.2) + floor(1.8)
x6 = max(1, 3, 2) - min(1, 3, 2)
x7 = max([1, 5]...)
x8 = pow(2, 10)
x9 = signum(-5)
x10 = parseint("ff", 16) + parseint("-101", 2)
x11 = log(8, 2)
