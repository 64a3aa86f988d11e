"""Records of any shape in, native ones out, as the JMESPath of mappings.json describes."""
