x0 = zipmap(["a"], [1, 2])
x1 = cidrhost("10.0.0.0/24", 256)
x2 = convert("x", number)
x3 = 'a'
x4 = a & b
