"""Subscriptions: the flow of one, step by step. The README beside this file is the protocol."""
