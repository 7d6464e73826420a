"""How fast the ways back are, side by side."""
