"""The explorer that runs in the reader's browser: `build` writes it as static files; the rest is what it is made of."""
