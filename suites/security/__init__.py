"""The running release defends itself."""
