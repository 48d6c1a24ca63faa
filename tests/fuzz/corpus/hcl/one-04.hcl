x = "a\tb\"c\\d\n"
