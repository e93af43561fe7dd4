"""Authentication and authorisation by Python handlers."""

import pytest

pytestmark = pytest.mark.threads_and_processes


AUTHENTICATION = """
    AuthType {type}
    AuthName "a realm"
    Require valid-user
    SetHandler mod_python
    PythonHandler app
    PythonAuthenHandler app
"""


def test_authentication(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def authenhandler(req):
                password = req.get_basic_auth_pw()
                if (req.user, password) == ("user", "pass:word"):
                    return apache.OK
                return apache.HTTP_UNAUTHORIZED

            def handler(req):
                req.write(f"{req.user} {req.ap_auth_type} {req.auth_type()} {req.auth_name()} {req.get_basic_auth_pw()}")
                return apache.OK
        """,
        config=AUTHENTICATION.format(type="Basic"),
        modules=("authn_core", "auth_basic", "authn_file", "authz_user"),
    )
    refused = site.get("/")
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"] == 'Basic realm="a realm"'
    assert site.get("/", user=("user", "wrong")).status == 401
    assert site.get("/", user=("user", "pass:word")).text == "user Basic Basic a realm pass:word"
    assert site.get("/", headers={"Authorization": "Bearer x"}).status == 401


def test_authentication_that_names_no_user(httpd):
    site = httpd(
        handler="""
            def authenhandler(req):
                return 0
        """,
        config=AUTHENTICATION.format(type="Basic"),
        modules=("authn_core", "auth_basic", "authn_file", "authz_user"),
    )
    site.expect_log("req.user")
    assert site.get("/").status == 500


def test_authentication_without_another_module(httpd):
    site = httpd(
        handler="""
            from mod_python import apache

            def authenhandler(req):
                req.user = "somebody"
                return apache.OK

            def authzhandler(req):
                return apache.OK if req.user == "somebody" else apache.HTTP_FORBIDDEN

            def handler(req):
                req.write(req.user)
                return apache.OK
        """,
        config=AUTHENTICATION.format(type="Mine") + "PythonAuthzHandler app\n",
        modules=("authn_core", "authz_user"),
    )
    assert site.get("/").text == "somebody"
