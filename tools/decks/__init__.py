"""How a lecture deck is made of its Markdown (`source`): quoted code, drawn figures, and the page that carries all."""
