x0 = true || false && false
x1 = true ? 1 : 2
x2 = true ? 1 : "x"
x3 = false ? [1] : ["x", "y"]
x4 = true ? [1] : ["x", "y"]
x5 = true ? { a = 1 } : { b = "x" }
x6 = true ? null : 1
x7 = true ? 1 : local.nothing
x8 = 1 == 1 ? "y" : "n"
x9 = false ? 1 : true ? 2 : 3
x10 = "a"
x11 = ""
