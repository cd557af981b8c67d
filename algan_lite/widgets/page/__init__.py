"""A widget as one piece of a page, with its data inside: no kernel, no network."""
