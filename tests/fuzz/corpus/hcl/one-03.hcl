x = false ? [1] : ["x", "y"]
