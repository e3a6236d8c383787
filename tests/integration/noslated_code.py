#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Code as others send it: archives and OCI layouts, right and wrong, and a server that has some of them.

noslated_code.py make DIR          what it makes is listed in make()
noslated_code.py serve DIR PORT [CERTIFICATE]    on loopback, at a port that is written to the file PORT
"""
import gzip
import hashlib
import http.server
import io
import json
import os
import ssl
import stat
import sys
import tarfile
import time
import warnings
import zipfile

ANSWERS = 'onfetch = (e) => e.respondWith(new Response("%s"));\n'
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def zip_of(path, entries):
    """entries: of names to bytes, or to (bytes, mode) with what kind of file it is; or pairs of these."""
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for name, content in entries.items() if isinstance(entries, dict) else entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            content, mode = content if isinstance(content, tuple) else (content, stat.S_IFREG | 0o4755)
            info.external_attr = mode << 16
            z.writestr(info, content)


def tar_of(entries):
    """entries: of names to bytes, or to a dictionary of members of a TarInfo."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            if isinstance(content, dict):
                for key, value in content.items():
                    setattr(info, key, value)
                content = b""
            info.size = len(content)
            t.addfile(info, io.BytesIO(content))
    return out.getvalue()


class Layout:
    def __init__(self, path):
        self.path = path
        os.makedirs(f"{path}/blobs/sha256")
        with open(f"{path}/oci-layout", "w") as f:
            f.write('{"imageLayoutVersion": "1.0.0"}')

    def blob(self, data, media, **more):
        name = hashlib.sha256(data).hexdigest()
        with open(f"{self.path}/blobs/sha256/{name}", "wb") as f:
            f.write(data)
        return {"mediaType": media, "digest": f"sha256:{name}", "size": len(data), **more}

    def manifest(self, layers):
        text = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": layers,
                "config": self.blob(b"{}", "application/vnd.oci.empty.v1+json")}
        return self.blob(json.dumps(text).encode(), MANIFEST)

    def index(self, manifests):
        return self.blob(json.dumps({"schemaVersion": 2, "manifests": manifests}).encode(), INDEX)

    def finish(self, manifests):
        with open(f"{self.path}/index.json", "w") as f:
            json.dump({"schemaVersion": 2, "manifests": manifests}, f)


def layout_of(path, *layers):
    """Of layers as lists of entries."""
    out = Layout(path)
    one = out.manifest([out.blob(tar_of(entries), LAYER) for entries in layers])
    out.finish([one])
    return out, one


def make_layouts(to):
    worker = (ANSWERS % "from a layer").encode()
    out = Layout(f"{to}/layout")
    first = tar_of([("gone.js", b"x"), ("kept/a", b"1"), ("opaque/old", b"x"), ("worker.js", b"throw 1")])
    second = tar_of([("opaque/new", b"2"), (".wh.gone.js", b""), ("opaque/.wh..wh..opq", b""),
                     ("worker.js", worker), ("link", {"type": tarfile.SYMTYPE, "linkname": "kept/a"}),
                     ("hard", {"type": tarfile.LNKTYPE, "linkname": "worker.js"})])
    image = out.manifest([out.blob(gzip.compress(first, mtime=0), LAYER + "+gzip"), out.blob(second, LAYER)])
    attestation = out.manifest([out.blob(b"{}", LAYER)])
    attestation["annotations"] = {"vnd.docker.reference.type": "attestation-manifest"}
    out.finish([out.index([image, attestation])])

    out = Layout(f"{to}/two")
    images = [out.manifest([out.blob(tar_of([("worker.js", (ANSWERS % n).encode())]), LAYER)]) for n in "ab"]
    out.finish(images)
    with open(f"{to}/two.digest", "w") as f:
        f.write(images[1]["digest"])

    out = Layout(f"{to}/artifact")
    with open(f"{to}/good.zip", "rb") as f:
        out.finish([out.manifest([out.blob(f.read(), "application/zip")])])

    out, image = layout_of(f"{to}/changed-blob", [("worker.js", worker)])
    for name in os.listdir(f"{out.path}/blobs/sha256"):
        path = f"{out.path}/blobs/sha256/{name}"
        data = bytearray(open(path, "rb").read())
        if b"from a layer" in data:
            data[data.index(b"from")] ^= 1
            open(path, "wb").write(data)
    out, image = layout_of(f"{to}/linked-blob", [("worker.js", worker)])
    path = f"{out.path}/blobs/{image['digest'].replace(':', '/')}"
    os.rename(path, f"{to}/outside")
    os.symlink(f"{to}/outside", path)

    layout_of(f"{to}/device", [("d", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3})])
    layout_of(f"{to}/fifo", [("f", {"type": tarfile.FIFOTYPE})])
    layout_of(f"{to}/hard-link", [("h", {"type": tarfile.LNKTYPE, "linkname": "../../etc/passwd"})])
    layout_of(f"{to}/absolute", [("/etc/evil", b"x")])
    layout_of(f"{to}/through-link", [("l", {"type": tarfile.SYMTYPE, "linkname": "kept"})],
              [("l/../../evil", b"x")])
    out = Layout(f"{to}/no-archive")
    out.finish([out.manifest([out.blob(b"{}", "application/json")])])
    out = Layout(f"{to}/empty")
    out.finish([])


def make(to):
    zip_of(f"{to}/good.zip", {"worker.js": (ANSWERS % "from a zip").encode(), "lib/a.js": b"1", "lib/": b""})
    zip_of(f"{to}/other.zip", {"index.js": (ANSWERS % "from another").encode()})
    zip_of(f"{to}/main.zip", {"src/main.js": (ANSWERS % "from main").encode()})
    zip_of(f"{to}/slip.zip", {"worker.js": b"1", "../../evil.js": b"1"})
    zip_of(f"{to}/symlink.zip", {"worker.js": (b"../../etc/passwd", stat.S_IFLNK | 0o777)})
    zip_of(f"{to}/bomb.zip", {"worker.js": b"0" * (64 << 20)})
    zip_of(f"{to}/many.zip", [("d/", (b"", stat.S_IFDIR | 0o755))] * 65537)
    zip_of(f"{to}/deep.zip", {"d/" * 40 + "worker.js": b"1"})
    zip_of(f"{to}/random.zip", {"worker.js": b"1", "r": os.urandom(6 << 20)})
    zip_of(f"{to}/zeros.zip", {"worker.js": b"1", "z": bytes(12 << 20)})
    with open(f"{to}/good.zip", "rb") as f, open(f"{to}/short.zip", "wb") as out:
        out.write(f.read()[:-30])
    make_layouts(to)


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def go(self, to):
        self.send_response(302)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def promise(self, n):
        self.send_response(200)
        self.send_header("Content-Length", str(n))
        self.end_headers()

    def do_GET(self):
        if self.path == "/moved":
            self.go("/good.zip")
        elif self.path == "/loop":
            self.go("/loop")
        elif self.path == "/file":
            self.go("file:///etc/passwd")
        elif self.path == "/cut":
            self.promise(1000)
            self.wfile.write(b"PK\3\4")
            self.close_connection = True
        elif self.path == "/declared":
            self.promise(1 << 40)
            self.close_connection = True
        elif self.path == "/endless":
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            try:
                while True:
                    self.wfile.write(bytes(1 << 20))
            except OSError:
                pass
        elif self.path == "/hang":
            self.promise(1000)
            self.wfile.flush()
            time.sleep(3600)
        else:
            super().do_GET()


def serve(directory, port_file, certificate=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    os.chdir(directory)
    server.daemon_threads = True
    with open(port_file + ".new", "w") as f:
        f.write(str(server.server_port))
    os.rename(port_file + ".new", port_file)
    server.serve_forever()


if __name__ == "__main__":
    {"make": make, "serve": serve}[sys.argv[1]](*sys.argv[2:])
