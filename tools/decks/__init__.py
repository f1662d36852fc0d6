"""How a lecture deck is made of its Markdown (`source`): quoted code, drawn figures, fonts, and the page that carries all."""
