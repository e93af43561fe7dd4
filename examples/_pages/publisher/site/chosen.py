from shutil import rmtree

__published__ = ["index", "price"]  # all other names of the module are 404


def index(req):
    return f"{rmtree.__name__} is not for visitors"


def price(req):
    return "3.20"
