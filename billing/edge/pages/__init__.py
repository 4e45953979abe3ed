"""Pages that people open: self-contained HTML without anything remote, the same as files and as served live."""
