"""Parts of the fuzz tests: hostile input, guards, and what must hold."""
