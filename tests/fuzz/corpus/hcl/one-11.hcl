x = trimspace("  a b ")
