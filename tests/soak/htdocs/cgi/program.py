import os
import sys

print("Content-Type: text/plain\n")
print(os.environ["REQUEST_METHOD"], os.environ["QUERY_STRING"], len(sys.stdin.read()), end="")
