"""The ways back, measured."""
