"""scorebench.report.figures"""
