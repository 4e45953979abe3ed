"""The `billing` command: parse, wire, call one flow, print, exit."""
