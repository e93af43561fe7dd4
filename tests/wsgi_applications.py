"""What the tests of WSGI serve: applications by name, and small sites of four frameworks, each with a session, a form, an upload
and a download."""

import textwrap

CONFIG = """
    SetHandler mod_python
    PythonHandler mod_python.wsgi
    PythonOption mod_python.wsgi.application app
"""

# Each function is an application; the test asks for it by name.
BY_NAME = """
import io, sys, threading

def application(environ, start_response):
    name = environ["PATH_INFO"].split("/")[1]
    return globals()[name](environ, start_response)

def begin(start_response, headers=(), status="200 OK"):
    return start_response(status, [("Content-Type", "text/plain"), *headers])
"""


def by_name(functions):
    return BY_NAME + textwrap.dedent(functions)


DJANGO = """
import io, os, sys
import django
from django.conf import settings

if not settings.configured:
    settings.configure(
        DEBUG=False,
        SECRET_KEY="of the tests",
        ALLOWED_HOSTS=["localhost"],
        ROOT_URLCONF=__name__,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(SCRATCH, "django.sqlite3")}},
        INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                        "django.contrib.messages"],
        MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.contrib.sessions.middleware.SessionMiddleware",
                    "django.middleware.csrf.CsrfViewMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
                    "django.contrib.messages.middleware.MessageMiddleware"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
            "context_processors": ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
                                   "django.contrib.messages.context_processors.messages"]}}],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # a quick one
        STATIC_URL="/static/",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )
    django.setup()

from django.contrib import admin
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

@csrf_exempt
def upload(request):
    file = request.FILES["file"]
    return HttpResponse(f"{request.POST['name']} {file.name} {file.size} {hash_of(file.read())}")

def download(request):
    return FileResponse(open(__file__, "rb"), as_attachment=True, filename="own.py")

def stream(request):
    return StreamingHttpResponse((f"{number}\\n" for number in range(1000)), content_type="text/plain")

def hash_of(data):
    import hashlib
    return hashlib.sha256(data).hexdigest()

urlpatterns = [path("admin/", admin.site.urls), path("upload", upload), path("download", download), path("stream", stream)]
application = get_wsgi_application()
"""

DJANGO_SET_UP = """
from django.contrib.auth.models import User
from django.core.management import call_command
call_command("migrate", verbosity=0)
User.objects.create_superuser("admin", "admin@localhost", "secret")
"""

FLASK = """
import hashlib
from flask import Flask, Response, redirect, request, send_file, session

application = Flask(__name__)
application.secret_key = "of the tests"

@application.post("/login")
def login():
    session["user"] = request.form["user"]
    return redirect("/app/")

@application.get("/")
def front():
    return f"Hello {session.get('user', 'stranger')}, caf\\u00e9 {request.args.get('q', '')}"

@application.post("/upload")
def upload():
    file = request.files["file"]
    data = file.read()
    return f"{request.form['name']} {file.filename} {len(data)} {hashlib.sha256(data).hexdigest()}"

@application.get("/download")
def download():
    return send_file(__file__, as_attachment=True, download_name="own.py")

@application.get("/stream")
def stream():
    return Response((f"{number}\\n" for number in range(1000)), mimetype="text/plain")

@application.put("/raw")
def raw():
    return {"size": len(request.get_data()), "type": request.content_type}
"""

PYRAMID = """
import hashlib
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPFound
from pyramid.response import FileResponse, Response
from pyramid.session import SignedCookieSessionFactory

def login(request):
    request.session["user"] = request.POST["user"]
    return HTTPFound(location=request.route_path("front"))

def front(request):
    return Response(f"Hello {request.session.get('user', 'stranger')}, caf\\u00e9 {request.GET.get('q', '')}")

def upload(request):
    file = request.POST["file"]
    data = file.file.read()
    return Response(f"{request.POST['name']} {file.filename} {len(data)} {hashlib.sha256(data).hexdigest()}")

def download(request):
    return FileResponse(__file__, request=request, content_type="text/x-python")

def stream(request):
    return Response(app_iter=(f"{number}\\n".encode() for number in range(1000)), content_type="text/plain")

with Configurator(session_factory=SignedCookieSessionFactory("of the tests")) as config:
    for name, view in {"front": front, "login": login, "upload": upload, "download": download, "stream": stream}.items():
        config.add_route(name, "/" if name == "front" else f"/{name}")
        config.add_view(view, route_name=name)
    application = config.make_wsgi_app()
"""

BOTTLE = """
import hashlib
from bottle import Bottle, redirect, request, response, static_file
import os

application = Bottle()

@application.post("/login")
def login():
    response.set_cookie("user", request.forms.user, secret="of the tests")
    redirect("/app/")

@application.get("/")
def front():
    return f"Hello {request.get_cookie('user', 'stranger', secret='of the tests')}, caf\\u00e9 {request.query.q}"

@application.post("/upload")
def upload():
    file = request.files.file
    data = file.file.read()
    return f"{request.forms.name} {file.raw_filename} {len(data)} {hashlib.sha256(data).hexdigest()}"

@application.get("/download")
def download():
    return static_file(os.path.basename(__file__), os.path.dirname(__file__), mimetype="text/x-python")

@application.get("/stream")
def stream():
    response.content_type = "text/plain"
    for number in range(1000):
        yield f"{number}\\n".encode()
"""
