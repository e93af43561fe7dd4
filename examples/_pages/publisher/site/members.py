PASSWORDS = {"ada": "countess", "grace": "admiral"}


def secret(req):
    __auth_realm__ = "Members"

    def __auth__(req, user, password):
        return user in PASSWORDS and PASSWORDS[user] == password

    __access__ = ["ada", "grace"]
    return "<html>Only for the two of you</html>"
