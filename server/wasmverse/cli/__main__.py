"""`python -m wasmverse.cli`: the command line, where its script is not on the path."""

from wasmverse.cli.main import main

main()
