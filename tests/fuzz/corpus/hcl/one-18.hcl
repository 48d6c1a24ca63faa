x = base64encode("héllo")
