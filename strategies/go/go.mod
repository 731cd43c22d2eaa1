module hypochondriac

go 1.24
