"""The explorer: stored surfaces in the browser, served from this machine to this machine.

Its file-reading half needs no torch. What runs a network is in `live` alone, which is imported when
a checkpoint was given.
"""
