"""Readings and thresholds in, the e-mails that alert would have sent out, by the functions' own rules."""
