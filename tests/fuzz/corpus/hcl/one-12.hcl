x = regex_replace("john smith", "(\\w+) (\\w+)", "$2 $${1}!")
