"""Questions with several choices."""
