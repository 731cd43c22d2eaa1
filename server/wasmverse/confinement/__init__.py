"""How the operating system confines the processes that run strangers' code: readers, checkers, the universe.

``processes`` says what each kind of process keeps and applies the layers to it; ``landlock``, ``seccomp``, ``privileges``,
``namespaces``, ``users`` and ``groups`` are the layers; ``inside`` starts a process, in a PID namespace that ``inits`` makes.
A process gives up everything here for itself and for good. Imports only the standard library, so that a process is confined
before it loads anything else.
"""
