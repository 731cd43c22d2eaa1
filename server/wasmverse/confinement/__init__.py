"""What the operating system takes from the processes that run strangers' code: readers, checkers, the universe.

``processes`` says what each kind is left with and closes the layers around it; ``landlock``, ``seccomp`` and ``privileges``
are the layers; ``inside`` starts a process, in a namespace of processes that ``inits`` makes. Everything here is given up by a
process for itself and for good. Imports the standard library alone, so that a process is confined before it loads anything else.
"""
