"""Stored bytes in, JSON values out: unpacked, cut into records, each parsed to the letter."""
