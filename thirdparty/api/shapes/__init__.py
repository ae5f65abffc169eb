"""How things look in JSON, and in the schema."""
