"""Syncs: the flow of one link, step by step. The README beside this file is the protocol."""
