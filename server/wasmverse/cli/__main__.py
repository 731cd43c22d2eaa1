"""`python -m wasmverse.cli`: the command line, for when its script is not on the path."""

from wasmverse.cli.main import main

main()
