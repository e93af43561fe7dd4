"""Version of mod_python, and where its build was put (texts, empty where the build did not say)."""

version = "4.0.0a1"

HTTPD = ""
HTTPD_VERSION = ""
APR_VERSION = ""
LIBEXECDIR = ""
SYSCONFDIR = ""
PYTHON_BIN = ""
