x = setintersection(["a", "b"], ["b", "c"])
