"""Empty. It once back-filled what Python 2.2 lacked, and old programs still star-import it."""
