x0 = "${ node.class }"
x1 = NOMAD_TASK_DIR
x2 = upper(NOMAD_x)
x3 = "${NOMAD_A}${NOMAD_B}"
x4 = [1, "a", true, null]
x5 = [
1,
2,
]
x6 = []
x7 = { a = 1, "b.c" = 2, (upper("d")) : 3 }
x8 = {
a = 1
b = 2 }
x9 = { a = 1, a = 2 }
x10 = { true = 1, null = 2 }
x11 = { 1 = "a" }
