"""The explorer that runs in the reader's browser: `build` writes it as static files, everything else here is what it is made of."""
