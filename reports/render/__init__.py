"""One renderer a file, each one pure function from the verdict to text."""
