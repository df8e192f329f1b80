"""scorebench.report.page"""
