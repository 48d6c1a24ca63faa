x0 = "\ud800"
x1 = "${1"
x2 = "%{ if true }"
x3 = "%{ endif }"
x4 = "%{ x }"
x5 = <<EOF
abc
x6 = [1, 2
x7 = { a = 1
x8 = foo(
x9 = nosuch(1)
x10 = uper("a")
x11 = upper()
