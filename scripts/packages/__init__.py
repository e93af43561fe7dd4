"""Parts of scripts/test-packages."""
