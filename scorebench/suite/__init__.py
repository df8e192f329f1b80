"""scorebench.suite"""
