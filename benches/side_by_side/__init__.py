"""Measures one handler in C, under Debian's mod_python and under ours, in turns. `benches/run` is the way in."""
