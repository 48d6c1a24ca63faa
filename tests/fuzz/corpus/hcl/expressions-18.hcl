x0 = [1]["a"]
x1 = { a = 1 }.b
x2 = 1.a
x3 = "x".y
x4 = [for x in 1 : x]
x5 = {for x in ["a", "a"] : x => 1}
x6 = [for x in [1] : x => 1]
x7 = {for x in [1] : x}
x8 = "${[1]}x"
x9 = "${null}x"
x10 = 1 / 0
x11 = 0 / 0
