x0 = [for x in [1, 2, 3] : x * 2 if x != 2]
x1 = [for i, x in ["a", "b"] : "${i}${x}"]
x2 = [for k, v in { b = 1, a = 2 } : "${k}${v}"]
x3 = {for x in ["a", "b"] : x => upper(x)}
x4 = {for x in ["ab", "ac", "b"] : substr(x, 0, 1) => x...}
x5 = [for x in [[1, 2], [3]] : [for y in x : y]]
x6 = [{ a = 1 }, { a = 2 }][*].a
x7 = [{ a = 1 }, { a = 2 }].*.a
x8 = [{ a = [1] }, { a = [2] }][*].a[0]
x9 = "x"[*]
x10 = null[*]
x11 = [10, 20][1]
