variable "a" {
  type        = object({ n = number, s = optional(string), l = list(tuple([string, bool])) })
  default     = { n = 1, l = [["x", true]] }
  description = "d"
  validation {
    condition     = var.a.n > 0
    error_message = "Positive."
  }
}
variables { b = [1, 2] }
locals { c = { for x in var.b : x => local.d } }
locals { d = try(var.nothing, "x") }
job "j" {
  dynamic "group" {
    for_each = local.c
    iterator = it
    labels   = ["g${it.key}"]
    content {
      count = it.key
      dynamic "task" {
        for_each = toset(var.b)
        labels   = [task.value]
        content { driver = "docker" }
      }
    }
  }
}
