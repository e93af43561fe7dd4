"""Parts of scripts/test-matrix."""
