"""Two virtual hosts that differ in their name only: `mod_python genconfig hosts.py > hosts.conf`."""

from mod_python.httpdconf import *

HOSTS = {"www.example.org": "/srv/www", "shop.example.org": "/srv/my shop"}


class Redirect(Directive):
    """A directive that httpdconf has no name for."""

    def __init__(self, val):
        Directive.__init__(self, self.__class__.__name__, val)


config = Container(
    Comment("Made by hosts.py: change that one."),
    Container(
        LoadModule("alias_module /usr/lib/apache2/modules/mod_alias.so"),
        only_if="mod_python.version.version.startswith('0.')",
    ),
)

for name, directory in HOSTS.items():
    config.append(
        VirtualHost(
            "*:80",
            ServerName(name),
            DocumentRoot(quote(directory)),
            Directory(
                quote(directory),
                Require("all granted"),
                SetHandler("mod_python"),
                PythonHandler("mod_python.publisher"),
            ),
            IfModule("alias_module", Redirect("/old /new")),
        )
    )

print(config)
