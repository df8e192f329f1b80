"""scorebench.plugin"""
