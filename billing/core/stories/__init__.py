"""The life of one item in plain sentences: what each entry of it means to a person, as tables, and the story itself."""
