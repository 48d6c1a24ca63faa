x = [for i in range(1024): merge({for j in range(1000): "k${j}" => j}, {a=i})]
