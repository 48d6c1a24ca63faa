x = [for i in range(1024): [for j in range(1024): can(1+"a")]]
