"""What one turn left behind for all who read: Arrow files that any number of processes map, and the modules that flew.

Imports ``wasm`` only, to have modules as files.
"""
