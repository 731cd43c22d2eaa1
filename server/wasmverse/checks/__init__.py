"""The process in which one thing that a stranger sent is checked, whatever it is, and how it is started and answers.

``process`` runs in it, ``start`` outside. Imports ``confinement``, ``wasm`` and ``errors``; it knows no strategy and no function.
"""
