job "a" {
 dynamic "b" {
 for_each = range(1000)
 content {
 dynamic "c" {
 for_each = range(1000)
 content { a = 1 }
}
}
}
}
