"""Generators of hostile input: statements, function calls, modules, HTTP and WebSocket.

Each runs with a fixed seed for a fixed time, and after each hostile case an innocent one must be answered rightly.
``make test`` gives each half a minute or a minute, ``make test-long`` an hour (``WASMVERSE_TEST_ATTACK_SECONDS``).
"""
