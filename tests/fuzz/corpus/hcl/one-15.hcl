x = concat([1], ["a"], [])
