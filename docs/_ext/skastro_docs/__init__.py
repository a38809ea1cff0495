"""What this documentation needs beyond Sphinx's own extensions."""
