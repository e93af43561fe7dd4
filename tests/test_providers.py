"""PythonAuthnProvider and PythonAuthzProvider: Python objects that other modules' directives name."""

import re
import urllib.request

import pytest

BASIC = ("authn_core", "authn_file", "auth_basic", "authz_user")
APP = """
    import hashlib
    from mod_python import apache

    PASSWORDS = {"alice": "secret", "j\\u00f6rg": "s\\u00e9same"}

    def check(req, user, password):
        if user == "raises":
            raise KeyError("expected")
        if user not in PASSWORDS:
            return apache.AUTH_USER_NOT_FOUND
        return PASSWORDS[user] == password

    class Users:
        made = 0

        def __init__(self, req):
            Users.made += 1
            self.req = req

        def check_password(self, req, user, password):
            assert self.req is req
            return check(req, user, password)

        def get_realm_hash(self, req, user, realm):
            if user not in PASSWORDS:
                return None
            return hashlib.md5(f"{user}:{realm}:{PASSWORDS[user]}".encode()).hexdigest()

    class Instance:
        def check_password(self, req, user, password):
            return apache.AUTH_GRANTED if password == "instance" else apache.AUTH_DENIED

    instance = Instance()

    def odd(req, user, password):
        return {"none": None, "text": "1", "large": 99, "negative": -1}[user]

    def handler(req):
        req.write(f"{req.user} {req.ap_auth_type}")
        return apache.OK

    def fits(req, arguments):
        if req.user is None:
            return apache.AUTHZ_DENIED_NO_USER
        if req.user == "raises":
            raise KeyError("expected")
        return apache.AUTHZ_GRANTED if req.user in arguments.split() else apache.AUTHZ_DENIED

    def query(req, arguments):
        return {"granted": True, "denied": False, "neutral": apache.AUTHZ_NEUTRAL}[req.args]

    class Teams:
        def check_authorization(self, req, arguments):
            return arguments == "red"

    teams = Teams()
"""
SERVER = """
    PythonPath "sys.path + ['${docroot}']"
    PythonAuthnProvider users app::check
"""
CONFIG = """
    SetHandler mod_python
    PythonHandler app
    AuthType Basic
    AuthName here
    AuthBasicProvider %s
    Require valid-user
"""


@pytest.mark.every_mpm
@pytest.mark.parametrize("order", ["modules", "late_modules"])
def test_basic_authentication(httpd, order):
    site = httpd(handler=APP, server=SERVER, config=CONFIG % "users", **{order: BASIC})
    site.expect_log("AH01617|AH01618")
    assert site.get("/", user=("alice", "secret")).text == "alice Basic"
    assert site.get("/", user=("j\u00f6rg", "s\u00e9same")).text == "j\u00f6rg Basic"
    refused = site.get("/", user=("alice", "wrong"))
    assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, 'Basic realm="here"')
    assert site.get("/", user=("nobody", "x")).status == 401
    assert site.get("/").status == 401


def test_providers_are_asked_one_after_the_other(httpd):
    files = {"users": "carol:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"}
    config = CONFIG % "users file" + 'AuthUserFile "${docroot}/users"\n'
    site = httpd(handler=APP, server=SERVER, config=config, files=files, modules=BASIC)
    assert site.get("/", user=("carol", "secret")).text == "carol Basic"
    assert site.get("/", user=("alice", "secret")).text == "alice Basic"
    # Who is known to the first one is not looked for further.
    site.expect_log("AH01617")
    assert site.get("/", user=("alice", "wrong")).status == 401


def test_classes_and_instances(httpd):
    server = SERVER + "PythonAuthnProvider class app::Users\nPythonAuthnProvider instance app::instance\n"
    site = httpd(handler=APP, server=server, config=CONFIG % "class instance", modules=BASIC)
    assert site.get("/", user=("alice", "secret")).text == "alice Basic"
    assert site.get("/", user=("nobody", "instance")).text == "nobody Basic"


def test_an_alias_of_a_provider(httpd):
    server = SERVER + "<AuthnProviderAlias users other>\nPythonOption by alias\n</AuthnProviderAlias>\n"
    site = httpd(handler=APP, server=server, config=CONFIG % "other", modules=BASIC)
    assert site.get("/", user=("alice", "secret")).text == "alice Basic"


def test_a_form(httpd):
    site = httpd(
        handler=APP,
        server="PythonPath \"sys.path + ['${docroot}']\"\nPythonAuthnProvider users app::check",
        config="""
            SetHandler mod_python
            PythonHandler app
            AuthType Form
            AuthName site
            AuthFormProvider users
            AuthFormLoginRequiredLocation /login
            Session On
            SessionCookieName session path=/
            Require valid-user
        """,
        modules=("authn_core", "auth_form", "authz_user", "request", "session", "session_cookie"),
    )
    form = b"httpd_username=alice&httpd_password=%s"
    typed = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = site.post("/", form % b"secret", headers=typed)
    assert answer.text == "alice Form"
    assert site.get("/", headers={"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}).text == "alice Form"
    site.expect_log("AH01807")
    for refused in (site.post("/", form % b"wrong", headers=typed), site.get("/")):
        assert (refused.status, refused.headers["Location"]) == (302, "/login")


def test_errors_of_an_authentication_provider(httpd):
    server = SERVER + "PythonAuthnProvider odd app::odd\n"
    site = httpd(handler=APP, server=server, config=CONFIG % "users odd", modules=BASIC)
    site.expect_log(r"PythonAuthnProvider users app::check: (Traceback|  |KeyError: 'expected')")
    assert site.get("/", user=("raises", "x")).status == 500
    assert "PythonAuthnProvider users app::check: KeyError: 'expected'" in site.error_log
    site.expect_log("PythonAuthnProvider odd app::odd: TypeError: the provider returned .*, which is none of AUTH_")
    for user in ("none", "text", "large", "negative"):
        assert site.get("/", user=(user, "x")).status == 500
    assert len(re.findall("which is none of AUTH_", site.error_log)) == 4


def test_digest_authentication(httpd):
    site = httpd(
        handler=APP,
        server="""
            PythonPath "sys.path + ['${docroot}']"
            PythonAuthnProvider users app::Users
        """,
        config="""
            SetHandler mod_python
            PythonHandler app
            AuthType Digest
            AuthName here
            AuthDigestProvider users
            Require valid-user
        """,
        modules=("authn_core", "auth_digest", "authz_user"),
    )

    def ask(user, password):
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        url = f"http://127.0.0.1:{site.port}/"
        passwords.add_password(None, url, user, password)
        opener = urllib.request.build_opener(urllib.request.HTTPDigestAuthHandler(passwords))
        try:
            return opener.open(url).read()
        except urllib.error.HTTPError as error:
            error.close()
        except ValueError:
            pass
        return None

    assert ask("alice", "secret") == b"alice Digest"
    site.expect_log("AH01790|AH01792|AH01793|password mismatch|not found")
    assert ask("alice", "wrong") is None
    assert ask("nobody", "x") is None


def test_no_realm_hash(httpd):
    config = (CONFIG % "users").replace("Basic", "Digest")
    site = httpd(handler=APP, server=SERVER, config=config, modules=("authn_core", "auth_digest", "authz_user"))
    site.expect_log("PythonAuthnProvider users app::check: ")
    challenge = site.get("/").headers["WWW-Authenticate"]
    nonce = re.search('nonce="([^"]*)"', challenge)[1]
    answer = f'Digest username="alice", realm="here", nonce="{nonce}", uri="/", algorithm=MD5, response="{"0" * 32}", qop=auth, nc=00000001, cnonce="1"'
    assert site.get("/", headers={"Authorization": answer}).status == 500
    assert "the function has no get_realm_hash" in site.error_log


AUTHZ = """
    PythonAuthzProvider fits app::fits
    PythonAuthzProvider query app::query
    PythonAuthzProvider team app::teams
"""


@pytest.mark.every_mpm
def test_authorisation(httpd):
    config = (CONFIG % "users").replace("Require valid-user", "Require fits  bob alice")
    site = httpd(handler=APP, server=SERVER + AUTHZ, config=config, modules=BASIC)
    site.expect_log("AH01631")
    assert site.get("/", user=("alice", "secret")).text == "alice Basic"
    assert site.get("/", user=("j\u00f6rg", "s\u00e9same")).status == 401
    # Without a user the provider asks for one.
    assert site.get("/").status == 401


def test_authorisation_without_a_user(httpd):
    site = httpd(handler=APP, server=SERVER + AUTHZ, config="SetHandler mod_python\nPythonHandler app\nRequire query")
    site.expect_log("AH01630")
    assert [site.get(f"/?{answer}").status for answer in ("granted", "denied", "neutral")] == [200, 403, 403]


def test_authorisation_combined(httpd):
    site = httpd(
        handler=APP,
        server=SERVER + AUTHZ,
        config="""
            SetHandler mod_python
            PythonHandler app
            <RequireAll>
                Require all granted
                Require not team blue
                Require team red
            </RequireAll>
        """,
    )
    assert site.get("/").status == 200


def test_errors_of_an_authorisation_provider(httpd):
    site = httpd(handler=APP, server=SERVER + AUTHZ, config="SetHandler mod_python\nPythonHandler app\nRequire query")
    site.expect_log("PythonAuthzProvider query app::query: ")
    assert site.get("/?other").status == 500
    assert "PythonAuthzProvider query app::query: KeyError: 'other'" in site.error_log


def test_providers_over_restarts(httpd):
    site = httpd(handler=APP, server=SERVER + AUTHZ, config=CONFIG % "users", modules=BASIC)
    site.expect_log("AH01617|AH01618")
    site.wait_log("resuming normal operations")
    for _ in range(3):
        site.graceful()
        assert site.get("/", user=("alice", "secret")).text == "alice Basic"
    site.restart()
    assert site.get("/", user=("alice", "wrong")).status == 401


def start(httpd, **options):
    with pytest.raises(RuntimeError) as caught:
        httpd(**options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("PythonAuthnProvider users app", "module::object"),
        ("PythonAuthnProvider file app::check", "a provider of this name already"),
        ("PythonAuthzProvider all app::check", "a provider of this name already"),
        ("PythonAuthnProvider users", "PythonAuthnProvider takes two arguments"),
        (
            "<VirtualHost *>\nPythonAuthnProvider a a::b\n</VirtualHost>\nPythonAuthnProvider a a::b",
            "a provider of this name already",
        ),
        ("\n".join(f"PythonAuthzProvider n{n} a::b" for n in range(33)), "no more than 32"),
    ],
)
def test_directives_that_cannot_be_read(httpd, line, sentence):
    assert sentence in start(httpd, server=line, modules=BASIC)


def test_thirty_two_providers_of_each_kind(httpd):
    lines = [f"PythonAuthnProvider n{n} app{n}::check\nPythonAuthzProvider z{n} app{n}::right" for n in range(32)]
    module = "from mod_python import apache\ndef check(req, user, password): return password == '{n}'\ndef right(req, arguments): return req.user == '{n}' if req.user else apache.AUTHZ_DENIED_NO_USER"
    config = CONFIG % "n0 n30 n31"
    site = httpd(
        handler=APP,
        server="PythonPath \"sys.path + ['${docroot}']\"\n" + "\n".join(lines),
        config=config.replace("Require valid-user", "Require z31"),
        files={f"app{n}.py": module.replace("{n}", str(n)) for n in range(32)},
        modules=BASIC,
    )
    assert site.get("/", user=("31", "0")).status == 200
    site.expect_log("AH01617|AH01631")
    assert site.get("/", user=("31", "31")).status == 401
    assert site.get("/", user=("30", "0")).status == 401
