import os

print("Content-Type: text/plain")
print()
print("Hello", os.environ["REMOTE_ADDR"])
