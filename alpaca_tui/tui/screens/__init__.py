"""One screen a module: compose, bindings, handlers; a .tcss of the same name beside it."""
