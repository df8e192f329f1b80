"""scorebench.report"""
